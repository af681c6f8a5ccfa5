"""Every format that is read, and what is said of files that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.reconciliation.reading.apart import read_as_json
from runs.reconciliation.reading.cells_of_days import Cell, Theirs
from runs.reconciliation.reading.decoding import decoded
from runs.reconciliation.reading.lines import Unreadable
from runs.reconciliation.reading.table import MOST_ROWS
from tests.runs.reconciliation import exports

CHOSEN = {"day": 0, "model": 1, "cost": 2, "requests": 3, "prompt": 4, "completion": 5}


def read(*texts: str, **choice: Any) -> Theirs:
    answer = read_as_json([[f"{nth}.csv", text] for nth, text in enumerate(texts)], choice)
    assert "theirs" in answer, answer
    return Theirs.from_json(answer["theirs"])


def refused(text: str, **choice: Any) -> list[tuple[int, str]] | str:
    """The faults at their lines, or the problem of the whole file."""
    answer = read_as_json([["", text]], choice)
    assert "theirs" not in answer
    return [tuple(fault[1:]) for fault in answer.get("faults", ())] or answer["problem"]


def test_usage_of_openai() -> None:
    theirs = read(exports.OPENAI_USAGE)
    assert (theirs.provider, theirs.since, theirs.until) == ("openai", "2025-11-12", "2025-11-14")
    assert theirs.tells == ["key", "model", "tokens"]
    model, key = "gpt-4o-2024-08-06", "key_A"
    assert theirs.cells == [
        Cell("2025-11-12", model, key, "", False, 59_200, 5_760, 0, 10_646, 10, None, 0),
        Cell("2025-11-13", model, key, "", True, 100, 0, 0, 7, 1, None, 0),
    ]


def test_costs_of_openai_by_line_item() -> None:
    theirs = read(exports.OPENAI_COSTS)
    assert (theirs.since, theirs.until, theirs.tells) == (
        *("2025-11-11", "2025-11-12"),
        ["cost", "key", "model", "tokens"],
    )
    search, model = theirs.cells
    assert (search.item, search.model, search.nusd) == ("web search tool calls", "", 25_000_000)
    assert (model.model, model.nusd) == ("gpt-4o-mini-2024-07-18", 3_835_980 + 1_000_000 + 500_000_000)
    assert (model.prompt, model.cached, model.completion) == (1_400, 400, 90)


def test_usage_and_costs_of_anthropic_together() -> None:
    theirs = read(exports.ANTHROPIC_USAGE, exports.ANTHROPIC_COSTS)
    assert theirs.tells == ["cost", "key", "model", "tokens"]
    assert theirs.rounded_nusd == 10_000_000
    by_model = {(cell.model, cell.item): cell for cell in theirs.cells}
    usage = by_model["claude-haiku-4-5-20251001", ""]
    assert (usage.prompt, usage.cached, usage.cache_write, usage.completion) == (5_230, 4_000, 230, 500)
    assert by_model["claude-haiku-4-5", ""].nusd == 70_000_000
    assert by_model["", "web search"].nusd == 20_000_000
    assert theirs.left_out == [("counts of web searches, whose cost stands in the cost export", 1)]


def test_json_of_both_apis() -> None:
    usage = read(exports.OPENAI_USAGE_JSON)
    assert usage.cells == [Cell("2025-11-12", "gpt-4o-2024-08-06", "key_A", "", False, 1000, 800, 0, 500, 5, None, 0)]
    assert usage.left_out == [("results of the kind “organization.usage.images.result”", 1)]
    costs = read(exports.OPENAI_COSTS_JSON)
    assert [(cell.model, cell.item, cell.nusd) for cell in costs.cells] == [
        ("", "web search tool calls", 10_000_000),
        ("gpt-4o-2024-08-06", "", 60_000_000),
    ]
    assert "one page of several" in costs.left_out[0][0]
    usage = read(exports.ANTHROPIC_USAGE_JSON)
    assert usage.cells == [
        Cell("2025-11-12", "claude-sonnet-4-20250514", "apikey_1", "", False, 3_200, 200, 1_500, 500, 0, None, 0)
    ]
    # Cents, not dollars: 123.45 is $1.2345.
    costs = read(exports.ANTHROPIC_COSTS_JSON)
    assert [(cell.model, cell.item, cell.nusd) for cell in costs.cells] == [
        ("", "web search", 500_000_000),
        ("claude-sonnet-4-20250514", "", 1_234_500_000),
    ]


def test_batches_that_one_file_tells_apart_and_the_other_does_not() -> None:
    theirs = read(exports.OPENAI_USAGE, exports.OPENAI_COSTS)
    assert not any(cell.in_batch for cell in theirs.cells)
    assert ("usage in batches, which the cost export does not tell apart", 1) in theirs.left_out


def test_a_table_of_another_program() -> None:
    preview = read_as_json([["", exports.OTHERS]], {})["preview"]
    assert preview["proposed"] == {"day": 0, "model": 1, "cost": 2, "requests": 3, "prompt": 4, "completion": 5}
    theirs = read(exports.OTHERS, columns=CHOSEN)
    assert [cell.nusd for cell in theirs.cells] == [430_070_000_000, 5_500_000_000]
    assert theirs.cells[0].prompt == 7_096
    assert theirs.rounded_nusd == 10_000_000
    cents = read(exports.OTHERS, columns=CHOSEN, amounts_in="cents")
    assert [cell.nusd for cell in cents.cells] == [4_300_700_000, 55_000_000]
    assert cents.rounded_nusd == 100_000


def test_cached_tokens_beside_the_prompt() -> None:
    text = "date,prompt_tokens,cached_tokens,output_tokens\n2025-11-12,100,30,5\n"
    columns = {"day": 0, "prompt": 1, "cached": 2, "completion": 3}
    assert [read(text, columns=columns, cached_tokens=said).cells[0].prompt for said in ("", "apart")] == [100, 130]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"], ids=str
)
def test_encodings(encoding: str) -> None:
    text = exports.OPENAI_USAGE.replace("key_A", "Schlüssel").replace("\n", "\r\n")
    seen, notes = decoded(text.encode(encoding))
    assert read(seen).cells[0].key == "Schlüssel"
    assert bool(notes) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"%PDF-1.4", "PDF"),
        (b"\x1f\x8bx", "compressed"),
        (b"a,b\n\x01\x02", "control characters"),
        (b"\xff\xfea", "goes on as something else"),
    ],
)
def test_what_is_no_text(data: bytes, part: str) -> None:
    with pytest.raises(Unreadable, match=part):
        decoded(data)


def test_saved_anew_by_a_spreadsheet_with_semicolons_and_decimal_commas() -> None:
    lines = exports.ANTHROPIC_COSTS.replace(",", ";").replace("0.05", "0,05").replace("0.02", "0,02")
    theirs = read(lines.replace("2025-11-12", "12.11.2025"), order="dmy")
    assert theirs.since == "2025-11-12"
    assert sum(cell.nusd or 0 for cell in theirs.cells) == 90_000_000
    said = refused(lines.replace("2025-11-12", "11.12.2025"))
    assert "Say below which" in said


def test_thousands_or_decimals_have_to_be_said() -> None:
    text = 'date;cost\n2025-11-12;"1,234"\n'
    answer = read_as_json([["", text]], {"columns": {"day": 0, "cost": 1}})
    assert "may be thousands" in answer["problem"]
    assert answer["preview"]["proposed"] == {"day": 0, "cost": 1}
    amounts = [read(text, columns={"day": 0, "cost": 1}, mark=mark).cells[0].nusd for mark in ".,"]
    assert amounts == [1_234_000_000_000, 1_234_000_000]


def test_a_text_with_a_line_break_and_separators_is_one_cell() -> None:
    text = 'date,model,cost\n2025-11-12,"a ""b"",\nc",1.5\n2025-11-13,d,x\n'
    assert refused(text, columns={"day": 0, "model": 1, "cost": 2}) == [(4, "“x” is no figure.")]
    theirs = read(text.replace(",x", ",2"), columns={"day": 0, "model": 1, "cost": 2})
    assert theirs.cells[0].model == 'a "b",\nc'


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("2025-11-12,m,=1+2", "formula"),
        ("2025-11-12,m,@SUM(A1)", "formula"),
        ("=TODAY(),m,1", "formula"),
        ("2025-11-12,m,1e999", "out of range"),
        ("2025-11-12,m,0e-999", "out of range"),
        ("2025-11-12,m,NaN", "no figure"),
        ("2025-11-12,m,12x", "no figure"),
        ("2025-11-12,m,5000000000", "more than a billion"),
        ("someday,m,1", "no day"),
        ("1999-11-12,m,1", "no day"),
        (",m,1", "day is missing"),
        ("2025-11-12,m", "torn"),
        ("2025-11-12,m,1,2", "torn"),
        ('2025-11-12,"m,1', "never closed"),
    ],
)
def test_a_wrong_line_is_told_at_its_number(row: str, why: str) -> None:
    text = f"date,model,cost\n2025-11-11,m,1\n{row}\n"
    (place, told), *others = refused(text, columns={"day": 0, "model": 1, "cost": 2})
    assert (place, others) == (3, [])
    assert why in told


def test_tokens_that_are_none() -> None:
    for typed in ("1.5", "-3", "9" * 20):
        text = exports.OPENAI_USAGE.replace("59200.0", typed)
        ((place, told),) = refused(text)
        assert (place, "count of tokens" in told) == (2, True)


def test_rows_that_stand_twice() -> None:
    row = exports.ANTHROPIC_COSTS.splitlines()[1]
    text = f"{exports.ANTHROPIC_COSTS}{row}\n"
    ((place, told),) = refused(text)
    assert (place, "repeats line 2" in told) == (5, True)
    sums = [sum(cell.nusd or 0 for cell in read(text, doubled=said).cells) for said in ("once", "twice")]
    assert sums == [90_000_000, 140_000_000]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("just words", "no table"),
        ("a,b\n", "a head and no rows"),
        ("a,a\n1,2\n", "Two of its columns"),
        ('{"a": 1}', "none of the usage or cost APIs"),
        ("[1]", "none of the usage or cost APIs"),
        ('{"data": [{"results": []}], "data": []}', "given twice"),
        ('{"data": [{"start_time": NaN, "results": []}]}', "no JSON number"),
        ('{"data": [', "not whole JSON"),
        ("[" * 100_000, "none of the usage or cost APIs"),
        ('{"data": [{"start_time": 1762905600, "results": []}]}', "Nothing was used"),
        ("usage_date_utc,cost_usd\n" + "2025-11-12,1\n" * (MOST_ROWS + 1), "more than 30,000 rows"),
    ],
    ids=lambda text: text[:20],
)
def test_files_that_are_none_of_these(text: str, part: str) -> None:
    assert part in refused(text, doubled="twice")


def test_files_that_do_not_belong_together() -> None:
    def problem(*texts: str) -> str:
        return str(read_as_json([[f"{nth}", text] for nth, text in enumerate(texts)], {})["problem"])

    assert "different providers" in problem(exports.OPENAI_USAGE, exports.ANTHROPIC_USAGE)
    assert "count twice" in problem(exports.OPENAI_USAGE, exports.OPENAI_USAGE)
    assert "by itself" in problem(exports.OPENAI_USAGE, exports.OTHERS)
    page = exports.OPENAI_COSTS_JSON
    assert "stands there twice" in problem(f"[{page},{page}]")


def test_what_one_file_does_not_tell_is_not_compared_by() -> None:
    without = exports.ANTHROPIC_COSTS.replace("Claude Haiku 4.5", "")
    assert "model" not in read(exports.ANTHROPIC_USAGE, without).tells
    weekly = exports.OPENAI_USAGE.replace("1762992000,2025-11-12", "1763510400,2025-11-12")
    assert "about more than a day" in str(refused(weekly))
    euros = exports.OPENAI_COSTS.replace(",usd,", ",eur,")
    assert "US dollars" in str(refused(euros))


amounts = st.decimals(min_value=-1000, max_value=100_000, places=12)


@given(st.lists(st.tuples(st.integers(1, 28), st.sampled_from("abc"), amounts), min_size=1, max_size=40))
def test_whole_amounts_sum_to_the_exact_total(rows: list[tuple[int, str, Any]]) -> None:
    text = "date,model,cost\n" + "".join(f"2025-11-{day:02},{model},{usd:f}\n" for day, model, usd in rows)
    theirs = read(text, columns={"day": 0, "model": 1, "cost": 2}, doubled="twice", mark=".")
    exact = sum(usd for _, _, usd in rows) * 10**9
    assert abs(sum(cell.nusd or 0 for cell in theirs.cells) - exact) <= 0.5
