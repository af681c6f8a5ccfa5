"""People, teams, their roles in them, and a team's secrets: provider keys, API tokens, sign-in links, webhooks.

Secrets are stored only encrypted or as hashes. ``access`` decides who may reach a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.fields.json import DataContains, HasKey
from django.db.models.functions import Lower, Now
from psycopg.types.json import Json, Jsonb

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS


class KeptJSON(models.JSONField):
    """JSON as it was written, in a column of the type ``json``: its keys keep their order, as ``jsonb``'s would not.

    It can be looked for by ``contains`` and ``has_key``, which an index on ``column::jsonb`` serves. Values are not
    equal to one another for PostgreSQL, so neither ``=`` nor DISTINCT take them.
    """

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params  # a column of ``json`` would come parsed, and then be parsed once more

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return Json(value)

    def get_lookup(self, lookup_name: str) -> Any:
        return {"contains": _Contains, "has_key": _HasKey}.get(lookup_name) or super().get_lookup(lookup_name)


class _AsJsonb:
    def process_lhs(self, *args: Any) -> tuple[str, Any]:
        sql, params = super().process_lhs(*args)  # type: ignore[misc]
        return f"{sql}::jsonb", params


class _Contains(_AsJsonb, DataContains):
    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        return "%s", [Jsonb(value)]


class _HasKey(_AsJsonb, HasKey):
    pass


class Role(models.IntegerChoices):
    """What a member may do; each role may do all that a smaller one may."""

    VIEWER = 10, "viewer"
    RUNNER = 20, "runner"
    EDITOR = 30, "editor"
    OWNER = 40, "owner"


ModelT = TypeVar("ModelT", bound=models.Model)


@cache
def columns_of(model: type[models.Model], table: str) -> str:
    """All columns of a model for a SELECT of our own, as ``from_row`` takes them. ``table``: its name in there."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def from_row(model: type[ModelT], row: Sequence[Any]) -> ModelT:
    """The model that Django makes of the columns ``columns_of``."""
    return model.from_db(DEFAULT_DB_ALIAS, (), row)


_PERSON = "SELECT {columns} FROM teams_user AS person WHERE id = %s"


class UserManager(BaseUserManager["User"]):
    def get(self, *args: Any, **lookup: Any) -> User:
        """By the key alone in SQL, because each request asks for its person so: Django would build the query anew."""
        if type(self) is UserManager and not args and lookup.keys() == {"pk"}:
            return self._of_key(self.model._meta.pk.to_python(lookup["pk"]))
        return super().get(*args, **lookup)

    def _of_key(self, pk: int) -> User:
        with connection.cursor() as cursor:
            cursor.execute(_PERSON.format(columns=columns_of(self.model, "person")), [pk])
            row = cursor.fetchone()
        if row is None:
            raise self.model.DoesNotExist("There is no such person.")
        return from_row(self.model, row)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new person; one without a password signs in by a link."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who signs in with their e-mail address."""

    email = models.EmailField(unique=True)  # in lower case
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)  # operates the installation
    date_joined = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_whatever_case")]

    def __str__(self) -> str:
        return self.name or self.email


class AtLimit(models.TextChoices):
    """What a run does when a budget does not cover its next call."""

    PAUSE = "pause"
    STOP = "stop"
    FALLBACK = "fallback"


class Team(models.Model):
    """A team owns all other rows, and bounds its members' runs. Budgets are in 1e-9 USD; null is no limit.

    At a budget a run does what ``at_limit`` says, unless its launch says otherwise. With ``fallback`` it goes on with
    ``fallback_model``, if the budget covers that. Each member may launch ``launch_quota`` runs in any
    ``launch_window_s`` seconds. ``run_...`` is the most that a launch may ask for and what it gets unasked. New teams
    begin with the caps of ``actions.FIRST_CAPS``.
    """

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    budget_nusd = models.BigIntegerField(null=True, blank=True)  # of the whole team in a month
    run_budget_nusd = models.BigIntegerField(null=True, blank=True)  # of one run
    run_max_calls = models.PositiveIntegerField(null=True, blank=True)  # model requests of one run
    run_max_seconds = models.PositiveIntegerField(null=True, blank=True)  # of one run, without its pauses
    runs_at_once = models.PositiveIntegerField(null=True, blank=True)  # runs under way, of the whole team
    user_budget_nusd = models.BigIntegerField(null=True, blank=True)  # of each member in a month
    at_limit = models.CharField(max_length=8, choices=AtLimit.choices, default=AtLimit.PAUSE)
    fallback_model = models.CharField(max_length=200, blank=True)
    launch_quota = models.PositiveIntegerField(null=True, blank=True)
    launch_window_s = models.PositiveIntegerField(default=3600)
    # After how many days texts of ended runs are removed; null: never.
    keep_texts_days = models.PositiveIntegerField(null=True, blank=True)
    is_demo = models.BooleanField(default=False, db_default=False)  # made up: every run of it is simulated
    created_at = models.DateTimeField(db_default=Now())
    members = models.ManyToManyField(User, through="Membership", related_name="teams")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(budget_nusd__gte=0), name="team_budget_not_negative"),
            models.CheckConstraint(condition=models.Q(run_budget_nusd__gte=0), name="team_run_budget_not_negative"),
            models.CheckConstraint(condition=models.Q(user_budget_nusd__gte=0), name="team_user_budget_not_negative"),
            models.CheckConstraint(condition=models.Q(at_limit__in=AtLimit.values), name="team_at_limit_known"),
            models.CheckConstraint(condition=models.Q(launch_window_s__gte=1), name="team_launch_window_positive"),
            models.CheckConstraint(condition=models.Q(run_max_calls__gte=1), name="team_run_max_calls_positive"),
            models.CheckConstraint(condition=models.Q(run_max_seconds__gte=1), name="team_run_max_seconds_positive"),
            models.CheckConstraint(condition=models.Q(runs_at_once__gte=1), name="team_runs_at_once_positive"),
            models.CheckConstraint(condition=models.Q(keep_texts_days__gte=1), name="team_keep_texts_days_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one team."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    # What this person may spend in a month, in 1e-9 USD; null: the team's ``user_budget_nusd``.
    budget_nusd = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once_per_team"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
            models.CheckConstraint(condition=models.Q(budget_nusd__gte=0), name="membership_budget_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.get_role_display()}"


class SignInLink(models.Model):
    """A link that signs one person in, once, until it expires. Only the hash of its secret is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="signin_links")
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link of {self.user}"


class TryCount(models.Model):
    """How often a secret was guessed wrongly in one window of time: by ``teams.guessing.tries``."""

    key = models.CharField(max_length=64, primary_key=True)  # a keyed hash of who tried what from where
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"


class Scope(models.TextChoices):
    """What an API token may do, within its person's role."""

    READ = "read"
    RUN = "run"
    EDIT = "edit"
    ADMIN = "admin"


class ApiToken(models.Model):
    """A bearer token of one person in one team. Only the hash of its secret is kept."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_tokens")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80, blank=True)
    prefix = models.CharField(max_length=12)  # the secret's first characters, by which people recognise it
    secret_hash = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=8, choices=Scope.choices)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="token_scope_known"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ProviderKey(models.Model):
    """A team's key at a model provider. It is stored encrypted and never shown again."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="provider_keys")
    provider = models.SlugField(max_length=40)
    name = models.SlugField(max_length=60, default="default")  # a spec's ``credential`` names it
    secret = models.BinaryField()  # encrypted
    base_url = models.URLField(blank=True, max_length=500)
    # What the provider says that a request costs is booked, where it says so, and not what the price list makes of it.
    books_stated = models.BooleanField(default=False, db_default=False)
    api_version = models.CharField(blank=True, max_length=40, default="", db_default="")  # Azure's
    model_ids = ArrayField(models.CharField(max_length=200), default=list, db_default=[])  # listed at the last test
    tested_at = models.DateTimeField(null=True, blank=True)
    test_fault = models.TextField(blank=True, default="", db_default="")  # why the last test failed; "" if it did not
    test_note = models.TextField(blank=True, default="", db_default="")  # what the last test does not say
    rpm = models.PositiveIntegerField(null=True, blank=True)  # requests per minute; null is no limit
    tpm = models.PositiveIntegerField(null=True, blank=True)  # tokens per minute; null is no limit
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "provider", "name"], name="provider_key_once_per_name"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"

    @property
    def provider_name(self) -> str:
        """The provider as people call it."""
        return PROVIDERS.get(self.provider, self.provider)

    @property
    def has_models(self) -> bool:
        """Whether it is a key of models, so that there is a list of them to test it with."""
        return self.provider not in NOT_MODEL_PROVIDERS


class WebhookEvent(models.TextChoices):
    """What a webhook can be told of."""

    BUDGET = "budget.threshold", "A budget is at 50, 80 or 100 %"
    WAITING = "run.waiting", "A run waits for a budget or a person"
    FAILED = "run.failed", "A run failed"
    SUCCEEDED = "run.succeeded", "A run succeeded"
    WEEK = "report.week", "A week is over: what it cost"
    MONTH = "report.month", "A month is over: what it cost"


class Webhook(models.Model):
    """A team's address that is told of events. The secret that signs what is sent was shown once."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    secret = models.BinaryField()  # encrypted
    events = ArrayField(models.CharField(max_length=40, choices=WebhookEvent.choices))
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"  # given up after the last try


class Delivery(models.Model):
    """One event for one webhook: what is to be sent, and how the last try went.

    The id is sent with every try, so that a receiver can tell a delivery that comes twice. A sender first moves
    ``next_try_at`` ahead, so that no other one takes the delivery meanwhile.
    """

    TEAM_PATH = "webhook__team"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    payload = KeptJSON()
    state = models.CharField(max_length=6, choices=DeliveryState.choices, default=DeliveryState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # the receiver's HTTP status
    error = models.TextField(blank=True)
    response = models.TextField(blank=True)  # the beginning of the receiver's answer

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=DeliveryState.DUE, next_try_at__isnull=False)
                | (~models.Q(state=DeliveryState.DUE) & models.Q(next_try_at=None)),
                name="delivery_tried_again_iff_due",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "next_try_at"], name="delivery_due", condition=models.Q(state="due")),
            models.Index(fields=["webhook", "-created_at"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"


class IdempotentAnswer(models.Model):
    """The answer that an API request got under its ``Idempotency-Key``. A repeated request gets it again.

    It is committed together with what the request did.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)  # of path and body: another request may not use the key
    answer = KeptJSON()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "key"], name="idempotent_answer_once_per_key")]

    def __str__(self) -> str:
        return self.key
