"""Lines, differences and causes: everything adds up, and each cause is told where it is so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runs.reconciliation.matching.causes import Cause, Part, parts_by_line
from runs.reconciliation.matching.comparison import NOT_OURS, Comparison, compare
from runs.reconciliation.matching.models import joined, one_name
from runs.reconciliation.matching.ours import OurCell, Ours
from runs.reconciliation.matching.sentences import answer
from runs.reconciliation.reading.cells_of_days import Cell, Theirs

ALL = ("cost", "key", "model", "tokens")
DAY = "2025-11-12"
KEYS = {"key_A": "openai/default"}


def said(day: str = DAY, model: str = "gpt-4o-2024-08-06", key: str = "key_A", **figures: Any) -> Cell:
    usual = {"prompt": 100, "cached": 0, "cache_write": 0, "completion": 50, "requests": 1, "nusd": 750_000, "lines": 1}
    return Cell(day, model, key, figures.pop("item", ""), figures.pop("in_batch", False), **(usual | figures))


def had(day: str = DAY, model: str = "gpt-4o", answered: str = "gpt-4o-2024-08-06", **figures: Any) -> OurCell:
    usual = {"calls": 1, "prompt": 100, "completion": 50, "nusd": 750_000}
    return OurCell(day, model, answered, figures.pop("credential", "openai/default"), **(usual | figures))


def theirs_of(cells: Sequence[Cell], *, tells: Sequence[str] = ALL, rounded_nusd: int = 0) -> Theirs:
    days = sorted({cell.day for cell in cells})
    return Theirs(["openai_costs"], "openai", days[0], days[-1], tells, rounded_nusd, cells, ())


def held(cells: Sequence[Cell], ours: Sequence[OurCell], keys: Mapping[str, str] = KEYS, **options: Any) -> Comparison:
    own_servers, read_on = options.pop("own_servers", ()), options.pop("read_on", "2025-12-01")
    return compare(theirs_of(cells, **options), Ours(ours, own_servers, read_on), keys)


def only_parts(found: Comparison) -> list[Part]:
    (parts,) = parts_by_line(found).values()
    return list(parts)


def causes(found: Comparison) -> list[tuple[Cause, int]]:
    return [(part.cause, part.amount) for part in only_parts(found)]


def test_what_is_the_same_on_both_sides_needs_no_cause() -> None:
    found = held([said()], [had()])
    assert parts_by_line(found) == {}
    assert (
        answer(found, {}, "OpenAI")
        == "OpenAI says $0.000750000 for 12 November 2025, we booked $0.000750000: each line agrees to the last digit."
    )


def test_models_are_joined_by_what_answered_by_spelling_and_by_stem() -> None:
    dated = "gpt-4o-2024-08-06"
    pairs = [("gpt-4o", dated), ("openai/gpt-4o", ""), ("gpt-4o-mini", ""), ("claude-haiku-4-5-20251001", "")]
    assert joined(pairs, one_name([dated, "claude-haiku-4-5"])) == {
        pairs[0]: dated,
        pairs[1]: dated,
        pairs[2]: "gpt-4o-mini",
        pairs[3]: "claude-haiku-4-5",
    }
    two = one_name([dated, "gpt-4o-2024-11-20"])
    assert joined([("gpt-4o", "")], two)["gpt-4o", ""] == "gpt-4o"  # nobody knows which of the two it was
    assert joined([("gpt-4o", "gpt-4o-2024-05-13")], two)["gpt-4o", "gpt-4o-2024-05-13"] == "gpt-4o"
    assert joined([("claude-3-5-haiku-20241022", "")], one_name(["claude-haiku-3-5"])) == {
        ("claude-3-5-haiku-20241022", ""): "claude-haiku-3-5"
    }


def test_usage_with_days_in_its_models_and_costs_without_are_one_line() -> None:
    usage, costs = (
        said(model="claude-haiku-4-5-20251001", nusd=0),
        said(model="claude-haiku-4-5", prompt=0, completion=0),
    )
    found = held([usage, costs], [had(model="claude-haiku-4-5", answered="claude-haiku-4-5-20251001")])
    assert [line.where.model for line in found.lines] == ["claude-haiku-4-5-20251001"]
    assert found.total("nusd").difference == found.total("tokens").difference == 0


def test_keys_are_told_apart_once_somebody_said_whose_they_are() -> None:
    cells = [said(key="key_A"), said(key="key_B", nusd=20), said(key="key_C", nusd=3)]
    ours = [had(), had(credential="openai/other", nusd=20)]
    found = held(cells, ours, {})
    assert {line.where.key for line in found.lines} == {""}
    assert (found.unassigned, found.total("nusd").theirs_alone) == (["key_A", "key_B", "key_C"], 3)
    found = held(cells, ours, {"key_A": "openai/default", "key_C": NOT_OURS})
    assert [line.where.key for line in found.lines] == ["", "key_C", "openai/default"]
    assert causes(found) == [(Cause.OTHER_KEY, 3)]
    # Said wrongly, it shows on both sides.
    found = held(cells, ours, {"key_A": "openai/other", "key_B": "openai/default", "key_C": NOT_OURS})
    assert found.total("nusd").theirs_alone == 3 + 2 * (750_000 - 20) - (750_000 - 20)


def test_a_price_of_ours_that_differs() -> None:
    found = held([said(nusd=937_500)], [had()])
    (part,) = only_parts(found)
    assert (part.cause, part.amount, part.certainty, part.ratio) == (
        *(Cause.PRICE, 187_500, "certain"),
        Fraction(5, 4),
    )
    assert "1.25 times our price" in part.why
    # Without tokens it takes the same ratio on several days to be one.
    cells = [said(day=f"2025-11-{day}", nusd=937_500) for day in (12, 13)]
    ours = [had(day=f"2025-11-{day}") for day in (12, 13)]
    found = held(cells, ours, tells=("cost", "key", "model"))
    assert {part.cause for parts in parts_by_line(found).values() for part in parts} == {Cause.PRICE}
    assert causes(held(cells[:1], ours[:1], tells=("cost", "key", "model"))) == [(Cause.UNEXPLAINED, 187_500)]


def test_as_many_tokens_of_which_others_were_cached() -> None:
    assert causes(held([said(cached=80, nusd=700_000)], [had()])) == [(Cause.CACHE, -50_000)]


def test_unknown_calls_explain_what_they_were_booked_at_and_no_more() -> None:
    found = held([said()], [had(nusd=1_750_000, unknown=2, unknown_nusd=900_000, calls=3)])
    assert causes(found) == [(Cause.UNKNOWN, -900_000), (Cause.PRICE, -100_000)]


def test_unpriced_calls() -> None:
    assert causes(held([said()], [had(nusd=0, unpriced=1)])) == [(Cause.UNPRICED, 750_000)]


def test_calls_around_midnight_on_both_of_their_days() -> None:
    late = {"crossing": 1, "crossing_nusd": 750_000, "crossing_tokens": 150}
    ours = [had(nusd=1_500_000, prompt=200, completion=100, calls=2, **late)]
    found = held([said(), said(day="2025-11-13")], ours)
    parts = [part for parts in parts_by_line(found).values() for part in parts]
    assert [(part.cause, part.amount) for part in parts] == [(Cause.MIDNIGHT, -750_000), (Cause.MIDNIGHT, 750_000)]
    assert found.total("nusd").difference == 0
    tokens = held([said(), said(day="2025-11-13")], ours, tells=("key", "model", "tokens"))
    assert [part.amount for parts in parts_by_line(tokens).values() for part in parts] == [-150, 150]


def test_other_programs_on_the_same_key() -> None:
    for cells, ours, why in (
        ([said(), said(model="gpt-5")], [had()], "no call of ours asked gpt-5"),
        ([said(), said(day="2025-11-13")], [had()], "we made no call of it on this day"),
        ([said(prompt=900, nusd=4_000_000)], [had()], "they count 800 tokens more"),
    ):
        (part,) = only_parts(held(cells, ours))
        assert (part.cause, why in part.why) == (Cause.OTHER_PROGRAM, True), part
    assert causes(held([said(), said(in_batch=True, nusd=5)], [had()])) == [(Cause.BATCH, 5)]


def test_fees_stand_in_lines_of_their_own_on_both_sides() -> None:
    search = said(model="", key="", item="web search tool calls", prompt=0, completion=0, nusd=25_000_000)
    ours = had(nusd=750_000 + 10_000_000, fees_nusd=10_000_000)
    found = held([said(), search], [ours], {})
    assert [(line.where.item, line.ours.nusd) for line in found.lines] == [("fees", 10_000_000), ("", 750_000)]
    assert causes(found) == [(Cause.FEES, 15_000_000)]
    # Of a server of the team's own neither its tokens nor its fees are billed, each on the line where they stand.
    at_home = had(nusd=750_000 + 10_000_000, fees_nusd=10_000_000, credential="openai/ours")
    found = held(
        [said(day="2025-11-14"), replace(search, day="2025-11-14")], [at_home], {}, own_servers=["openai/ours"]
    )
    parts = {line.where.item: parts_by_line(found)[line.where] for line in found.lines if line.where.day == DAY}
    assert {item: [(part.cause, part.amount) for part in some] for item, some in parts.items()} == {
        "": [(Cause.OWN_SERVER, -750_000)],
        "fees": [(Cause.OWN_SERVER, -10_000_000)],
    }
    # Where theirs lists none, what ours have is a possible reason.
    assert causes(held([said()], [ours])) == [(Cause.FEES, -10_000_000)]
    assert causes(held([said()], [ours], tells=("cost",))) == [(Cause.FEES, -10_000_000)]


def test_late_figures_own_servers_corrections_and_counts_of_our_own() -> None:
    more = had(nusd=2_000_000, prompt=300)
    assert causes(held([said()], [more], read_on="2025-11-13")) == [(Cause.LATE, -1_250_000)]
    assert causes(held([said()], [more], read_on="2025-11-14")) == [(Cause.UNEXPLAINED, -1_250_000)]
    assert causes(held([said()], [more], own_servers=["openai/default"])) == [(Cause.OWN_SERVER, -1_250_000)]
    assert causes(held([said()], [replace(more, estimated=2)])) == [(Cause.ESTIMATED, -1_250_000)]
    raised = replace(more, corrected=1, corrected_nusd=250_000)
    assert causes(held([said()], [raised])) == [(Cause.CORRECTION, -250_000), (Cause.UNEXPLAINED, -1_000_000)]


def test_rounding_is_bounded_by_the_lines_that_are_rounded() -> None:
    cents, ours = 10_000_000, had(nusd=53_000_000)
    near = held([said(nusd=60_000_000, lines=2)], [ours], rounded_nusd=cents)
    assert causes(near) == [(Cause.ROUNDING, 7_000_000)]
    far = held([said(nusd=64_000_000, lines=2)], [ours], rounded_nusd=cents)
    assert causes(far) == [(Cause.PRICE, 11_000_000)]


def test_the_answer_says_the_largest_of_each_side() -> None:
    cells = [
        said(day="2025-11-01", nusd=409_880_000_000),
        said(model="gpt-5", nusd=1_900_000_000),
        said(model="gpt-5", day="2025-11-30", nusd=320_000_000),
    ]
    ours = [
        had(day="2025-11-01", nusd=409_880_000_000),
        had(day="2025-11-02", nusd=10_000_000, unknown=1, unknown_nusd=10_000_000),
    ]
    found = held(cells, ours)
    assert answer(found, parts_by_line(found), "OpenAI") == (
        "OpenAI says $412.10 for 1–30 November 2025, we booked $409.89; $2.22 are theirs alone, $1.90 of it on gpt-5 "
        "on 12 Nov: no call of ours asked gpt-5 in these days; $0.01 are ours alone, on gpt-4o-2024-08-06 on 2 Nov: "
        "1 call whose outcome nobody knows, booked at the worst case."
    )


days, names = (
    st.sampled_from(["2025-11-12", "2025-11-13", "2025-11-14"]),
    st.sampled_from(["gpt-4o", "gpt-4o-mini", "o3"]),
)
nusd, count = st.integers(0, 2_000_000), st.integers(0, 500)
their_cells = st.builds(
    said,
    day=days,
    model=names,
    key=st.sampled_from(["key_A", "key_B", "key_C"]),
    item=st.sampled_from(["", "", "web search"]),
    in_batch=st.booleans(),
    prompt=count,
    completion=count,
    nusd=st.integers(-1_000, 2_000_000),
)
our_cells = st.builds(
    had,
    day=days,
    model=names,
    answered=st.just(""),
    credential=st.sampled_from(["openai/default", "openai/other"]),
    prompt=count,
    completion=count,
    nusd=nusd,
    fees_nusd=st.integers(0, 1_000),
    unpriced=st.integers(0, 1),
    estimated=st.integers(0, 1),
    unknown=st.integers(0, 1),
    unknown_nusd=nusd,
    corrected=st.integers(0, 1),
    corrected_nusd=st.integers(-1_000, 1_000),
    crossing=st.integers(0, 1),
    crossing_tokens=count,
    crossing_nusd=nusd,
)
told = st.sampled_from([("cost", "key", "model", "tokens"), ("cost", "model"), ("key", "model", "tokens"), ("cost",)])


@given(st.lists(their_cells, min_size=1, max_size=8), st.lists(our_cells, max_size=8), told, st.booleans())
def test_everything_adds_up(cells: list[Cell], ours: list[OurCell], tells: tuple[str, ...], is_assigned: bool) -> None:
    keys = {"key_A": "openai/default", "key_B": NOT_OURS} if is_assigned else {}
    found = held(cells, ours, keys, tells=tells)
    total = found.total("nusd")
    assert total.theirs == sum(cell.nusd or 0 for cell in cells)
    assert total.ours == sum(cell.nusd for cell in ours)
    assert found.total("tokens").theirs == sum(cell.prompt + cell.completion for cell in cells)
    assert found.total("tokens").ours == sum(cell.prompt + cell.completion for cell in ours)
    measure = found.measure
    whole = found.total(measure)
    assert whole.theirs_alone - whole.ours_alone == whole.difference == whole.theirs - whole.ours
    parts = parts_by_line(found)
    for line in found.lines:
        difference = line.difference(measure)
        assert sum(part.amount for part in parts.get(line.where, ())) == difference
        assert all((part.amount > 0) == (difference > 0) for part in parts.get(line.where, ()))
    by_model = found.by(lambda line: line.where.model, measure).values()
    assert sum(one.theirs_alone for one in by_model) == whole.theirs_alone
    assert sum(one.ours_alone for one in by_model) == whole.ours_alone
    assert answer(found, parts, "OpenAI")
