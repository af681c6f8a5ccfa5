"""The cast of the tests: a team with a person of each role, a stranger in a team of their own, and small crews."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from agents_app.actions import create_crew
from agents_app.models import Crew
from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec
from teams.access import Principal
from teams.models import Membership, Role, Team, User

PASSWORD = "a password"


@dataclass(frozen=True)
class Cast:
    """Everybody acts in ``team``, but for the stranger, who is the owner of another one."""

    team: Team
    owner: Principal
    editor: Principal
    runner: Principal
    viewer: Principal
    stranger: Principal


def make_cast() -> Cast:
    team = Team.objects.create(slug="acme", name="Acme")
    people = {role: make_person(team, role) for role in Role}
    other = Team.objects.create(slug="others", name="Others")
    return Cast(
        team=team,
        owner=people[Role.OWNER],
        editor=people[Role.EDITOR],
        runner=people[Role.RUNNER],
        viewer=people[Role.VIEWER],
        stranger=make_person(other, Role.OWNER, email="stranger@example.com"),
    )


def make_person(team: Team, role: Role, *, email: str = "") -> Principal:
    # One round instead of a million: the tests check who may sign in, not how slow a hash is.
    password = PBKDF2PasswordHasher().encode(PASSWORD, salt="a-salt-of-22-characters", iterations=1)
    user = User.objects.create(email=email or f"{role.label}@example.com", password=password)
    Membership.objects.create(team=team, user=user, role=role)
    return Principal(user, team, role)


def owner_of(crew: Crew) -> Principal:
    """The first owner of the crew's team, for edits of which it does not matter whose they are."""
    first = Membership.objects.filter(team=crew.team, role=Role.OWNER).select_related("user").earliest("pk")
    return Principal(first.user, crew.team, Role.OWNER)


def brief_spec(*, model: str = "gpt-4o-mini") -> CrewSpec:
    """Two research tasks at once and a synthesis of both: the smallest crew with order, context and an input."""
    llm = LLMSpec(model=model, max_tokens=200)
    return CrewSpec(
        name="Company brief",
        agents=(
            AgentSpec(key="finance", role="Finance analyst", goal="Find the figures of {company}", llm=llm),
            AgentSpec(key="news", role="News analyst", goal="Find the news about {company}", llm=llm),
            AgentSpec(key="lead", role="Lead analyst", goal="Write the brief", llm=llm),
        ),
        tasks=(
            TaskSpec(
                key="figures",
                description="Collect the figures of {company}.",
                expected_output="A list of figures",
                agent="finance",
                context=(),
                async_execution=True,
            ),
            TaskSpec(
                key="headlines",
                description="Collect the headlines about {company}.",
                expected_output="A list of headlines",
                agent="news",
                context=(),
                async_execution=True,
            ),
            TaskSpec(
                key="brief",
                description="Write a brief on {company}.",
                expected_output="One page",
                agent="lead",
                context=("figures", "headlines"),
            ),
        ),
    )


def maker_of(crew: Crew) -> Principal:
    """Who made the crew, as an owner: to edit it again."""
    assert crew.created_by is not None
    return Principal(crew.created_by, crew.team, Role.OWNER)


def make_crew(who: Principal, *, model: str = "gpt-4o-mini") -> Crew:
    return create_crew(who, name="Company brief", spec=brief_spec(model=model))
