"""Tables as people have them: every delimiter, quotes, marks and line ends, JSON; and what is said of those that are
none."""

from __future__ import annotations

import pytest

from runs.batches.order import MAX_ROWS
from runs.batches.table import MAX_BYTES, InputTable, read_table, read_upload
from teams.refusals import Invalid


def cells(table: InputTable) -> list[list[str]]:
    return [list(table.columns), *([row.get(column, "-") for column in table.columns] for _, row in table.rows)]


BEES = [["topic", "tone"], ["bees", "dry"], ["wasps", "warm"]]


@pytest.mark.parametrize(
    "text",
    [
        "topic,tone\nbees,dry\nwasps,warm\n",
        "topic;tone\r\nbees;dry\r\nwasps;warm",
        "topic\ttone\rbees\tdry\rwasps\twarm\r",
        "topic|tone\nbees|dry\n\n  \nwasps|warm",
        "\ufefftopic,tone\nbees,dry\nwasps,warm",
        "sep=;\ntopic;tone\nbees;dry\nwasps;warm",
        '"topic","tone"\n"bees","dry"\n"wasps","warm"',
        "\n\n topic , tone \nbees,dry\nwasps,warm",
        "topic,tone,,\nbees,dry,,\nwasps,warm,,",
        '[{"topic": "bees", "tone": "dry"}, {"topic": "wasps", "tone": "warm"}]',
        '{"topic": "bees", "tone": "dry"}\n\n{"topic": "wasps", "tone": "warm"}\n',
    ],
)
def test_the_same_table_in_every_dress(text: str) -> None:
    assert cells(read_table(text)) == BEES


def test_quoted_cells_keep_delimiters_lines_and_quotes() -> None:
    table = read_table('topic,tone\n"bees, wasps","two\r\nlines"\n"say ""hum""",dry\nlast,x')
    assert cells(table)[1:] == [["bees, wasps", "two\r\nlines"], ['say "hum"', "dry"], ["last", "x"]]
    assert [line for line, _ in table.rows] == [2, 4, 5]


def test_a_single_column_and_missing_cells_at_the_end() -> None:
    assert cells(read_table("topic\nbees\nwasps")) == [["topic"], ["bees"], ["wasps"]]
    assert cells(read_table("a,b\nbees")) == [["a", "b"], ["bees", "-"]]


def test_json_values_become_texts_and_nulls_are_none() -> None:
    table = read_table('[{"n": 1, "tags": ["a", "b"], "deep": {"x": true}}, {"n": null, "more": "y"}]')
    assert cells(table) == [["n", "tags", "deep", "more"], ["1", "a, b", '{"x": true}', "-"], ["-", "-", "-", "y"]]


def test_line_ends_of_unicode_are_texts_in_json_lines() -> None:
    text = '{"a": "x\u2028y"}\n{"a": "x\u0085y"}\r\n{"a": "x\u2029y"}'
    assert cells(read_table(text))[1:] == [["x\u2028y"], ["x\x85y"], ["x\u2029y"]]


def test_formulas_are_texts() -> None:
    assert cells(read_table("a,b\n=1+1,@x"))[1] == ["=1+1", "@x"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table yet"),
        (" \n\t", "no table yet"),
        (",", "all empty"),
        ('""', "all empty"),
        ("sep=;\n\n;", "all empty"),
        ("topic,tone\n", "no rows"),
        ("topic,\x00\nbees,x\n,", ""),
        ("topic,topic\nbees,x", "Two columns are called topic"),
        ("topic,,tone\nbees,x,y", "1 column of the head has no name"),
        ("topic,tone\nbees,dry,more", "Line 2 has 3 cells and the head 2"),
        ('topic\n"bees', "Line 2: a quotation mark opens"),
        ('topic,tone\nx,y\n"be"es,dry', "Line 3: a quotation mark stands in the midst"),
        ('[{"topic": 1},]', "begins as JSON and is none"),
        ('{"topic": "bees"}\n{"topic": }', "Line 2 is no JSON"),
        ('[{"topic": "bees"}, 3]', "Entry 2 is no object"),
        ("[]", "no rows"),
        ("topic\n" + "x\n" * (MAX_ROWS + 1), f"at most {MAX_ROWS:,}"),
        ("x" * (MAX_BYTES + 1), "longer than 3 MB"),
        (",".join(f"c{at}" for at in range(201)) + "\nx", "201 columns"),
        (f"{'n' * 101}\nx", "more than 100 characters"),
        (",".join(f"c{at}" for at in range(201)) + ",c0\nx", "202 columns"),  # before any two are compared
        ("topic\n" + "x\n" * (MAX_ROWS + 1) + "x,y", f"more than {MAX_ROWS:,} rows"),  # what is beyond is not read
        ('{"a": 1}\n' * (MAX_ROWS + 1) + "x", f"more than {MAX_ROWS:,} rows"),
    ],
)
def test_what_is_no_table_is_said_with_its_line(text: str, said: str) -> None:
    if not said:
        assert read_table(text).columns == ["topic", "\x00"]  # said at its cell, by the checks of rows
        return
    with pytest.raises(Invalid) as refusal:
        read_table(text)
    assert said in refusal.value.fields["table"]


def test_files_in_other_encodings_are_read_and_no_texts_are_refused() -> None:
    assert read_upload("topic\nBjörk".encode("utf-16"))[0] == "topic\nBjörk"
    text, notes = read_upload("topic\nBjörk".encode("cp1252"))
    assert text == "topic\nBjörk"
    assert "Windows-1252" in notes[0]
    for data in (b"PK\x03\x04", b"", b"a\x00b", b"x" * (MAX_BYTES + 1)):
        with pytest.raises(Invalid):
            read_upload(data)
