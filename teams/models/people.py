"""People, teams, and how they come together: roles, links that sign in, invitations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import connection, models
from django.db.models.functions import Lower, Now

from teams.models.rows import columns_of, from_row

_PERSON = "SELECT {columns} FROM teams_user AS person WHERE id = %s"


class Role(models.IntegerChoices):
    """What a member may do; each role may do all that a smaller one may."""

    VIEWER = 10, "viewer"
    RUNNER = 20, "runner"
    EDITOR = 30, "editor"
    OWNER = 40, "owner"


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
    """A person, who signs in with their e-mail address; or a program of a team, which never signs in."""

    email = models.EmailField(unique=True)  # in lower case
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)  # operates the installation
    # A member that is no person: it acts by tokens that the team's owners make for it, and its address gets no mail.
    is_program = models.BooleanField(default=False, db_default=False)
    date_joined = models.DateTimeField(db_default=Now())
    # Part of what each session is signed with: a new number ends all sessions from before.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_whatever_case")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def may_sign_in(self) -> bool:
        """By whatever proof: programs act by tokens alone."""
        return self.is_active and not self.is_program

    def get_session_auth_hash(self) -> str:
        """What a session has to bring: it ends with a new password, and with a new ``session_epoch``."""
        return self._signed_in_by(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same by secret keys that were in use before."""
        yield from map(self._signed_in_by, super().get_session_auth_fallback_hash())

    def _signed_in_by(self, password_hash: str) -> str:
        """Sessions that there were before anybody had an epoch go on."""
        return f"{password_hash}:{self.session_epoch}" if self.session_epoch else password_hash


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
    # Pages and streams show nothing of it to members whose account has neither a passkey nor an app.
    wants_second_step = models.BooleanField(default=False, db_default=False)
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


class Invitation(models.Model):
    """A link by which one person joins a team, once, until it ends. Only the hash of its secret is kept.

    With an ``email`` it is for whoever has that address; without one, for whoever has the link and an account.
    ``makes_account``: its link was mailed to that address and shown to nobody, or an operator answers for it.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    secret_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)  # in lower case
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    makes_account = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"invitation to {self.team} for {self.email or 'whoever has the link'}"
