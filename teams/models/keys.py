"""What lets programs in, and out to providers: API tokens and provider keys."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS
from teams.models.people import Team, User


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
    # When another secret took the place of the first; null: never. Runs that a worker had by then end on the old one.
    rotated_at = models.DateTimeField(null=True, blank=True)
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
