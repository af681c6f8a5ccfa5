"""What a team designs: crews as editable drafts, frozen versions, templates of them, agents kept for many crews, and
documents for agents.

A draft may be half finished, so its fields are as loose as an editor needs. A version holds a whole, valid spec and is
never changed: a trigger refuses it. How rows become a spec is decided in ``snapshot``.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now

from engine.spec.crew_spec import KEY_PATTERN
from engine.tools.knowledge_search import DEFAULT_COLLECTION
from teams.models import KeptJSON, Team

key_validator = RegexValidator(
    KEY_PATTERN, "Use lower-case letters, digits and underscores, starting with a letter or digit (at most 64)."
)


class Crew(models.Model):
    """A team's editable draft."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="crews")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    process = models.CharField(max_length=16, default="sequential")
    options = KeptJSON(default=dict, help_text="CrewSpec's other fields, where they are not at their default")
    inputs = KeptJSON(default=dict, help_text="default inputs, name to text")
    revision = models.PositiveIntegerField(default=1)  # grows with every edit; an edit names the one it started from
    # Set for a crew that holds a built-in template; it is not listed among the team's own.
    builtin_key = models.CharField(max_length=80, blank=True)
    # The version of a template that it was copied from, or whose changes were taken over since.
    copied_from = models.ForeignKey("CrewVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)  # out of all lists; its runs and bills stay

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "slug"], name="crew_slug_once_per_team"),
            models.UniqueConstraint(
                fields=["team", "builtin_key"],
                condition=~models.Q(builtin_key=""),
                name="crew_builtin_once_per_team",
            ),
            models.CheckConstraint(
                condition=models.Q(process__in=["sequential", "parallel", "hierarchical"]), name="crew_process_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Agent(models.Model):
    """One agent of a draft."""

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="agents")
    key = models.CharField(max_length=64, validators=[key_validator])
    position = models.PositiveIntegerField()
    role = models.TextField(blank=True)
    goal = models.TextField(blank=True)
    backstory = models.TextField(blank=True)
    llm = KeptJSON(default=dict)  # an ``LLMSpec``
    tools = KeptJSON(default=list)  # a list of ``ToolSpec``
    options = KeptJSON(default=dict, help_text="AgentSpec's other fields, where they are not at their default")

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["crew", "key"], name="agent_key_once_per_crew")]

    def __str__(self) -> str:
        return self.role or self.key


class Task(models.Model):
    """One task of a draft.

    ``agent`` and ``context`` are keys within the crew, and not foreign keys, because a draft may name what is not there
    yet; validation says so.
    """

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="tasks")
    key = models.CharField(max_length=64, validators=[key_validator])
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    expected_output = models.TextField(blank=True)
    agent = models.CharField(max_length=64, blank=True)
    context = ArrayField(models.CharField(max_length=64), null=True, blank=True)  # null is unset, which is not empty
    async_execution = models.BooleanField(default=False)
    output_schema = KeptJSON(null=True, blank=True)
    options = KeptJSON(default=dict, help_text="TaskSpec's other fields, where they are not at their default")

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["crew", "key"], name="task_key_once_per_crew")]

    def __str__(self) -> str:
        return self.name or self.key


class CrewVersion(models.Model):
    """A frozen spec. Those that were shared as a template have ``shared_at``."""

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    spec = KeptJSON()
    content_hash = models.CharField(max_length=64)  # ``CrewSpec.content_hash``
    note = models.CharField(max_length=200, blank=True)
    shared_at = models.DateTimeField(null=True, blank=True)  # the last time; null once its template is withdrawn
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["crew", "-number"]
        verbose_name = "version"
        constraints = [
            models.UniqueConstraint(fields=["crew", "number"], name="version_number_once_per_crew"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="version_number_from_one"),
        ]
        indexes = [models.Index(fields=["content_hash"], name="version_of_content")]

    def __str__(self) -> str:
        return f"{self.crew} v{self.number}"


class Template(models.Model):
    """A crew of which a team shares versions, to be copied: what it says of them.

    Withdrawing deletes the row, so that its address never leads anywhere again.
    """

    TEAM_PATH = "crew__team"

    crew = models.OneToOneField(Crew, on_delete=models.CASCADE, related_name="template")
    version = models.ForeignKey(CrewVersion, on_delete=models.CASCADE, related_name="+")  # the one shared last
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # in small letters, each once
    model_ids = ArrayField(models.CharField(max_length=200), default=list, blank=True)  # which the version asks
    examples = KeptJSON(default=dict)  # inputs to try it with, name to text
    shared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    shared_at = models.DateTimeField(db_default=Now())  # the version
    revision = models.PositiveIntegerField(default=1)  # grows each time it is shared
    # Id of the template of another team that it was given from; no key, since that one may go.
    given_from = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title


class LibraryAgent(models.Model):
    """An agent that a team keeps, for its crews to use. Crews have copies of their own, so that a change here changes
    no crew until somebody takes it over there. Withdrawing deletes the row."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="library_agents")
    name = models.CharField(max_length=200)  # what the library calls it; crews know it by its role and their own key
    spec = KeptJSON()  # an ``AgentSpec``; its key is the one that crews are offered
    number = models.PositiveIntegerField(default=1)  # of the version that ``spec`` is
    revision = models.PositiveIntegerField(default=1)  # grows with every change, of the name too
    # What lists show and search, out of ``spec``.
    role = models.TextField(blank=True)
    model_id = models.CharField(max_length=200)
    tool_names = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "agent of the library"
        constraints = [models.UniqueConstraint("team", Lower("name"), name="library_name_once_per_team")]

    def __str__(self) -> str:
        return self.name


class LibraryVersion(models.Model):
    """What an agent of the library said at one time. It never changes: crews remember which one they come from."""

    TEAM_PATH = "agent__team"

    agent = models.ForeignKey(LibraryAgent, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    spec = KeptJSON()
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["agent", "-number"]
        verbose_name = "version"
        constraints = [models.UniqueConstraint(fields=["agent", "number"], name="library_number_once_per_agent")]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"


class LibraryLink(models.Model):
    """That an agent of a draft comes from the library. It is no part of what runs, nor of a version's hash.

    ``key`` is the agent's within the crew, and no foreign key: saving a draft writes its agents anew.
    """

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="library_links")
    key = models.CharField(max_length=64)
    # What the crew's agent was copied from, or was held against last: what differs from it is the crew's own.
    base = models.ForeignKey(LibraryVersion, on_delete=models.CASCADE, related_name="links")

    class Meta:
        verbose_name = "link with the library"
        constraints = [models.UniqueConstraint(fields=["crew", "key"], name="library_link_once_per_agent")]

    def __str__(self) -> str:
        return f"{self.key} of {self.crew}"


class Document(models.Model):
    """A text that a team's agents may search. The text itself is kept as passages."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="documents")
    title = models.CharField(max_length=200)
    collection = models.CharField(max_length=80, default=DEFAULT_COLLECTION)
    media_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField()  # bytes of the uploaded file
    sha256 = models.CharField(max_length=64)  # of the uploaded file
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "collection", "sha256"], name="document_once_per_collection"),
        ]

    def __str__(self) -> str:
        return self.title


class Passage(models.Model):
    """A part of a document.

    ``search`` holds each word of title and text twice: as it is, for other languages, names and stop words, and as its
    English stem.
    """

    TEAM_PATH = "document__team"

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    position = models.PositiveIntegerField()  # from 1
    text = models.TextField()
    folded_title = models.TextField()  # ``knowledge.search.fold`` of the document's title
    folded_text = models.TextField()
    search = models.GeneratedField(
        expression=SearchVector("folded_title", config="simple", weight="A")
        + SearchVector("folded_title", config="english", weight="B")
        + SearchVector("folded_text", config="simple", weight="B")
        + SearchVector("folded_text", config="english", weight="C"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["document", "position"]
        constraints = [models.UniqueConstraint(fields=["document", "position"], name="passage_once_per_document")]
        indexes = [GinIndex(fields=["search"], name="passage_search")]

    def __str__(self) -> str:
        return f"{self.document}, part {self.position}"
