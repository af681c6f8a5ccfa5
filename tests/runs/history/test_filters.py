"""The typed filter: what each word finds, and that a word without a meaning is refused at its field."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents_app.actions import create_crew
from runs.history.fields.registry import FIELDS
from runs.history.filters import MAX_CHARS, MAX_WORDS, NotUnderstood, RunFilter
from runs.models import Run
from runs.states import RunState
from teams.access import Principal
from teams.models import User
from teams.refusals import Invalid
from tests.cast import Cast, brief_spec, make_cast, make_crew
from tests.ledger import make_call, make_run, make_task
from tests.made_once import made_once

pytestmark = pytest.mark.django_db


def _make() -> tuple[Cast, dict[str, Run]]:
    cast = make_cast()
    return cast, _make_runs(cast)


made = made_once(_make)


@pytest.fixture
def cast(made: tuple[Cast, dict[str, Run]]) -> Cast:
    return made[0]


@pytest.fixture
def runs(made: tuple[Cast, dict[str, Run]]) -> dict[str, Run]:
    return made[1]


def _make_runs(cast: Cast) -> dict[str, Run]:
    """A cheap and quick run, a dear and slow one, a failed one of another crew, one that still runs, and one of which
    nobody knows who launched it, that never began.
    """
    brief = make_crew(cast.owner)
    support = create_crew(cast.owner, name="Support desk, EU", spec=brief_spec())
    User.objects.filter(pk=cast.editor.user.pk).update(name="Ada Editor")
    made = {
        "cheap": make_run(
            cast.owner,
            brief,
            usd=0.02,
            seconds=5,
            prompt_tokens=90,
            completion_tokens=10,
            metadata={"customer": "acme"},
        ),
        "dear": make_run(
            cast.editor,
            brief,
            usd=1.5,
            seconds=90,
            prompt_tokens=900,
            completion_tokens=100,
            simulated=True,
            metadata={"customer": "Zen, Ltd", "n": 5, "trial": True},
            rating_sum=9,
            rating_count=2,
        ),
        "failed": make_run(
            cast.owner,
            support,
            state=RunState.FAILED,
            error="The provider said no",
            error_code="rate_limited",
            usd=0.10,
            metadata={"n": "5"},
        ),
        "running": make_run(cast.owner, support, state=RunState.RUNNING),
        "nobodys": make_run(cast.owner, brief, state=RunState.CANCELLED, created_by=None, started_at=None),
    }
    make_call(made["dear"], model="anthropic/claude-sonnet-4-5", agent="news")
    make_call(made["dear"], step=1, kind="tool", tool="web_search", model="", agent="news")
    task = make_task(made["failed"], "figures", agent="finance", agent_role="Finance analyst")
    make_call(made["failed"], task=task, agent="finance", model="gpt-4o")
    return made


def found(text: str, runs: dict[str, Run], who: Principal | None = None) -> set[str]:
    keys = set(RunFilter.parse(text, who).apply(Run.objects.all()).values_list("pk", flat=True))
    return {name for name, run in runs.items() if run.pk in keys}


MEANINGS: list[tuple[str, set[str]]] = [
    ("crew:support", {"failed", "running"}),
    ('crew:"support desk"', {"failed", "running"}),
    ("crew:=support-desk-eu", {"failed", "running"}),
    ("crew:=support", set()),
    ('crew:"desk, eu"', {"failed", "running"}),
    ("crew:desk,brief", {"cheap", "dear", "failed", "running", "nobodys"}),
    ("crew:=company-brief,nothing", {"cheap", "dear", "nobodys"}),
    ("status:failed", {"failed"}),
    ("status:Failed,running", {"failed", "running"}),
    ("cost:>0.10", {"dear"}),
    ("cost:>=0.10", {"dear", "failed"}),
    ("cost:0.10", {"dear", "failed"}),
    ("cost:=0.10", {"failed"}),
    ("cost:<$0.10", {"cheap", "running", "nobodys"}),
    ("cost:<=0.10", {"cheap", "failed", "running", "nobodys"}),
    ("cost:0.02..0.10", {"cheap", "failed"}),
    ("cost:0.0200000001..0.0999999999", set()),
    ("cost:$0.02..", {"cheap", "dear", "failed"}),
    ("cost:..0.02", {"cheap", "running", "nobodys"}),
    ("cost:=0.0000000001", set()),
    ("duration:>30s", {"dear"}),
    ("duration:>=30s", {"dear", "failed"}),
    ("duration:<1m", {"cheap", "failed"}),
    ("duration:5s..0.5m", {"cheap", "failed"}),
    ("duration:5000ms", {"cheap", "dear", "failed"}),
    ("model:claude", {"dear"}),
    ("model:gpt-4o,claude", {"dear", "failed"}),
    ("model:=gpt-4", set()),
    ("agent:news", {"dear"}),
    ("agent:=finance", {"failed"}),
    ("agent:analyst", {"failed"}),
    ('agent:="finance analyst"', {"failed"}),
    ("tool:search", {"dear"}),
    ("tool:=search", set()),
    ("by:ada", {"dear"}),
    ("by:owner@", {"cheap", "failed", "running"}),
    ("by:=OWNER@example.com", {"cheap", "failed", "running"}),
    ('by:="ada editor"', {"dear"}),
    ("by:ada,owner", {"cheap", "dear", "failed", "running"}),
    ("by:=nobody@example.com", set()),
    ("batch:leads", set()),  # tests of batches have runs of one
    ("tag:customer", {"cheap", "dear"}),
    ("tag:customer=acme", {"cheap"}),
    ('tag:"customer"="Zen, Ltd"', {"dear"}),
    ("tag:customer=zen", set()),
    ("tag:n=5", {"dear", "failed"}),
    ("tag:n=5.0", {"dear"}),
    ("tag:trial=true", {"dear"}),
    ("rating:any", {"dear"}),
    ("rating:none", {"cheap", "failed", "running", "nobodys"}),
    ("rating:>=4.5", {"dear"}),
    ("rating:4..5", {"dear"}),
    ("rating:<4.5", set()),
    ("error:provider", {"failed"}),
    ("error:rate", {"failed"}),
    ("error:=rate_limited", {"failed"}),
    ("error:=rate", set()),
    ("simulated:yes", {"dear"}),
    ("simulated:no", {"cheap", "failed", "running", "nobodys"}),
    ("tokens:>100", {"dear"}),
    ("tokens:>=100", {"cheap", "dear"}),
    ("tokens:<100", {"failed", "running", "nobodys"}),
    ("tokens:<=100", {"cheap", "failed", "running", "nobodys"}),
    ("tokens:=1000", {"dear"}),
    ("tokens:100..1000", {"cheap", "dear"}),
    ("version:1", {"cheap", "dear", "failed", "running", "nobodys"}),
    ("version:2", set()),
    ("version:2,1", {"cheap", "dear", "failed", "running", "nobodys"}),
    ("version:>1", set()),
    ("version:1..3", {"cheap", "dear", "failed", "running", "nobodys"}),
    ("since:1h", {"cheap", "dear", "failed", "running", "nobodys"}),
    ("until:1h", set()),
    ("support", {"failed", "running"}),
    ("PROVIDER", {"failed"}),
    ('"status:failed"', set()),
    ('"-desk"', set()),
    ("100%", set()),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        *MEANINGS,
        ("", {"cheap", "dear", "failed", "running", "nobodys"}),
        ("crew:support status:failed cost:>0.05", {"failed"}),
        ("status:failed simulated:yes", set()),
        ("-crew:support -simulated:yes", {"cheap", "nobodys"}),
        ("-by:owner", {"dear", "nobodys"}),
        ("-duration:>30s", {"cheap", "failed", "running", "nobodys"}),
        ("-provider", {"cheap", "dear", "running", "nobodys"}),
    ],
)
def test_each_word_finds_what_it_says(runs: dict[str, Run], text: str, names: set[str]) -> None:
    assert found(text, runs) == names


def test_each_field_is_tried() -> None:
    tried = {text.partition(":")[0] for text, _ in MEANINGS}
    assert set(FIELDS) - {"id"} <= tried


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.tuples(st.booleans(), st.sampled_from(MEANINGS)), min_size=1, max_size=4))
def test_words_hold_together_and_a_minus_sign_finds_just_the_others(
    runs: dict[str, Run], words: list[tuple[bool, tuple[str, set[str]]]]
) -> None:
    expected = set(runs)
    for negated, (_, names) in words:
        expected &= set(runs) - names if negated else names
    text = " ".join(f"-{word}" if negated else word for negated, (word, _) in words)
    assert found(text, runs) == expected


def test_me_is_whoever_asks(cast: Cast, runs: dict[str, Run]) -> None:
    assert found("by:me", runs, cast.editor) == {"dear"}
    assert found("by:me,owner", runs, cast.editor) == {"cheap", "dear", "failed", "running"}
    assert found("-by:me", runs, cast.viewer) == set(runs)
    with pytest.raises(Invalid, match="by:me"):
        RunFilter.parse("by:me")


def test_names_are_looked_up_in_one_query_a_word(cast: Cast, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(3):
        RunFilter.parse(f"crew:{'a,' * 90}a by:={'a,=' * 60}a word", cast.owner)


def test_crews_of_other_teams_are_not_looked_up(cast: Cast, runs: dict[str, Run]) -> None:
    assert found("crew:brief", runs, cast.owner) == {"cheap", "dear", "nobodys"}
    assert found("crew:brief", runs, cast.stranger) == set()


def test_since_counts_back_from_now(runs: dict[str, Run]) -> None:
    Run.objects.filter(pk=runs["cheap"].pk).update(created_at=timezone.now() - timedelta(days=8))
    assert found("since:7d", runs) == set(runs) - {"cheap"}
    assert found("-since:7d", runs) == found("until:7d", runs) == {"cheap"}
    assert found("since:2w until:7d", runs) == {"cheap"}
    assert found("since:2w", runs) == set(runs)


def test_a_run_is_found_by_its_id_and_by_its_beginning(runs: dict[str, Run]) -> None:
    whole = str(runs["dear"].pk)
    assert found(whole, runs) == found(f"id:{whole}", runs) == found(f"id:{whole.upper()}", runs) == {"dear"}
    assert found(f"id:{runs['dear'].pk.hex[:31]}", runs) >= {"dear"}
    assert found(f"id:{whole[:6]}", runs) == set(runs)
    assert found(f"-id:{whole}", runs) == set(runs) - {"dear"}
    assert found(str(uuid4()), runs) == found(f"id:{uuid4()}", runs) == set()


@pytest.mark.parametrize(
    "text",
    [
        "colour:red",
        "-colour:red",
        "cost:",
        "crew:=",
        "crew:a,",
        "tag:=acme",
        "id:xyz",
        "id:" + "a" * 33,
        "cost:5..1",
        "cost:..",
        "cost:>1_000",
        "cost:>１",
        "tokens:5000..1000",
        "duration:1m..10s",
        "version:3..2",
        "since:2026-11-30 until:2026-11-01",
        "since:1h until:7d",
        "since:7d until:7d",
        "since:0001-01-01T00:00+23:59",
        "status:failed,",
        '""',
        "crew:a\0b",
        "word\0",
        "\ud800",
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
    assert refused.value.fields == {"q": refused.value.message}
    assert refused.value.message


@pytest.mark.parametrize(
    ("text", "faulty", "says"),
    [
        ("crew:x status:brokn cost:>1", ["status:brokn"], "status:brokn (at character 8): There is no status 'brokn'"),
        ("  -cost:lots", ["-cost:lots"], "-cost:lots (at character 1): 'lots' is not an amount"),
        ("😀😀 status:x", ["status:x"], "status:x (at character 4)"),
        ("status:x a colour:red", ["status:x", "colour:red"], "colour:red (at character 12): There is no field colour"),
        ('a crew:"not closed b', ['crew:"not closed b'], "The quotation mark is not closed"),
        ("cost:5..1", ["cost:5..1"], "write 1..5"),
        ("until:2026-11-01 x since:2026-11-30", ["since:2026-11-30"], "before it begins at 2026-11-30 00:00"),
        ("a\0", ["a\0"], "U+0000"),
    ],
)
def test_what_is_wrong_is_told_at_the_word(text: str, faulty: list[str], says: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        RunFilter.parse(text)
    assert says in refused.value.message
    pieces = list(refused.value.pieces())
    assert "".join(piece for piece, _ in pieces) == text.strip()
    assert [piece for piece, is_faulty in pieces if is_faulty] == faulty


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("crew:status=<>.,-\"0159asd \0\t\u3000😀%_'\\"), max_size=60))
def test_every_text_is_understood_or_refused_in_words(text: str) -> None:
    with suppress(Invalid):
        RunFilter.parse(text).apply(Run.objects.all()).exists()


@pytest.mark.parametrize("text", ["'; drop table runs_run; --'", "%_\\", "\u202e", "it's", "#1", ":"])
def test_hostile_words_are_only_text(runs: dict[str, Run], text: str) -> None:
    assert found(text, runs) == set()


@pytest.mark.parametrize(
    ("text", "choices", "narrowed"),
    [
        ("", {"status": "failed"}, "status:failed"),
        ("cost:>0.10 status:failed brief", {"status": "running"}, "cost:>0.10 brief status:running"),
        ("status:failed brief", {"status": ""}, "brief"),
        ('crew:"support desk"  x', {"since": "7d"}, 'crew:"support desk" x since:7d'),
        ("x", {"crew": "support desk"}, 'x crew:"support desk"'),
        ("x", {"crew": "=a,b"}, 'x crew:="a,b"'),
        ("-status:failed status:running", {"status": "queued"}, "-status:failed status:queued"),
    ],
)
def test_a_choice_replaces_its_own_word_and_no_other(text: str, choices: dict[str, str], narrowed: str) -> None:
    found_text = RunFilter.parse(text).narrowed(choices)
    assert found_text == narrowed
    assert RunFilter.parse(found_text).narrowed({}) == narrowed
