"""The typed filter: what each word finds, and that a word without a meaning is refused at its field."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from agents_app.actions import create_crew
from runs.history.filters import MAX_CHARS, MAX_WORDS, RunFilter
from runs.models import Run
from runs.states import RunState
from teams.refusals import Invalid
from tests.cast import Cast, brief_spec, make_cast, make_crew
from tests.ledger import make_call, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs() -> dict[str, Run]:
    """A cheap and quick run, a dear and slow one, a failed one of another crew, and one that still runs."""
    cast: Cast = make_cast()
    brief = make_crew(cast.owner)
    support = create_crew(cast.owner, name="Support desk", spec=brief_spec())
    made = {
        "cheap": make_run(cast.owner, brief, usd=0.02, seconds=5, prompt_tokens=90, completion_tokens=10),
        "dear": make_run(
            cast.owner, brief, usd=1.5, seconds=90, prompt_tokens=900, completion_tokens=100, simulated=True
        ),
        "failed": make_run(cast.owner, support, state=RunState.FAILED, error="The provider said no", usd=0.10),
        "running": make_run(cast.owner, support, state=RunState.RUNNING),
    }
    make_call(made["dear"], model="anthropic/claude-sonnet-4-5")
    return made


def found(text: str, runs: dict[str, Run]) -> set[str]:
    keys = set(RunFilter.parse(text).apply(Run.objects.all()).values_list("pk", flat=True))
    return {name for name, run in runs.items() if run.pk in keys}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"cheap", "dear", "failed", "running"}),
        ("crew:support", {"failed", "running"}),
        ('crew:"support desk"', {"failed", "running"}),
        ("status:failed", {"failed"}),
        ("status:failed,running", {"failed", "running"}),
        ("cost:>0.10", {"dear"}),
        ("cost:>=0.10", {"dear", "failed"}),
        ("cost:0.10", {"dear", "failed"}),
        ("cost:=0.10", {"failed"}),
        ("cost:<$0.10", {"cheap", "running"}),
        ("duration:>30s", {"dear"}),
        ("duration:>=30s", {"dear", "failed"}),
        ("duration:<1m", {"cheap", "failed"}),
        ("model:claude", {"dear"}),
        ("simulated:yes", {"dear"}),
        ("simulated:no", {"cheap", "failed", "running"}),
        ("tokens:>100", {"dear"}),
        ("tokens:>=100", {"cheap", "dear"}),
        ("tokens:<100", {"failed", "running"}),
        ("tokens:<=100", {"cheap", "failed", "running"}),
        ("tokens:=1000", {"dear"}),
        ("version:1", {"cheap", "dear", "failed", "running"}),
        ("version:2", set()),
        ("support", {"failed", "running"}),
        ("PROVIDER", {"failed"}),
        ("crew:support status:failed cost:>0.05", {"failed"}),
        ("status:failed simulated:yes", set()),
        ("100%", set()),
    ],
)
def test_each_word_finds_what_it_says(runs: dict[str, Run], text: str, names: set[str]) -> None:
    assert found(text, runs) == names


def test_since_counts_back_from_now(runs: dict[str, Run]) -> None:
    Run.objects.filter(pk=runs["cheap"].pk).update(created_at=timezone.now() - timedelta(days=8))
    assert found("since:7d", runs) == {"dear", "failed", "running"}
    assert found("since:2w", runs) == set(runs)


def test_a_run_is_found_by_its_id(runs: dict[str, Run]) -> None:
    assert found(str(runs["dear"].pk), runs) == {"dear"}
    assert found(str(uuid4()), runs) == set()


@pytest.mark.parametrize(
    "text",
    [
        "colour:red",
        "status:broken",
        "cost:>lots",
        "cost:>NaN",
        "cost:>1e30",
        "cost:>",
        "duration:>30",
        "duration:>fast",
        "duration:>99999999999d",
        "since:yesterday",
        "simulated:perhaps",
        "tokens:>many",
        "tokens:>²",
        "version:one",
        'crew:"not closed',
        "x" * (MAX_CHARS + 1),
        "x " * (MAX_WORDS + 1),
    ],
)
def test_a_word_without_a_meaning_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        RunFilter.parse(text)
    assert set(refused.value.fields) == {"q"}
    assert refused.value.message


@pytest.mark.parametrize("text", ["'; drop table runs_run; --'", "%_\\", "\u202e", "it's", "#1", ":"])
def test_hostile_words_are_only_text(runs: dict[str, Run], text: str) -> None:
    assert found(text, runs) == set()


@pytest.mark.parametrize(
    ("text", "choices", "narrowed"),
    [
        ("", {"status": "failed"}, "status:failed"),
        ("cost:>0.10 status:failed brief", {"status": "running"}, "cost:>0.10 brief status:running"),
        ("status:failed brief", {"status": ""}, "brief"),
        ('crew:"support desk" x', {"since": "7d"}, '"crew:support desk" x since:7d'),
        ("x", {"crew": "support desk"}, 'x "crew:support desk"'),
    ],
)
def test_a_choice_replaces_its_own_word_and_no_other(text: str, choices: dict[str, str], narrowed: str) -> None:
    found_text = RunFilter.parse(text).narrowed(choices)
    assert found_text == narrowed
    assert RunFilter.parse(found_text).narrowed({}) == narrowed
