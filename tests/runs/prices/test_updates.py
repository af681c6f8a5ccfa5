"""Lists from files: what is added, what is refused as a whole with its lines, and that nothing old is touched."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from runs.models import PriceQuote, PriceTier
from runs.prices.price_files import read
from runs.prices.updates import load_default_prices
from tests.runs.listed import list_prices

pytestmark = pytest.mark.django_db

HEAD = "model,input_usd_per_mtok,output_usd_per_mtok,cached_usd_per_mtok,above_tokens,begins_at,second_usd\n"


def run(path: Path | str, *options: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    given = [str(path)] if path else ["--from-litellm"]
    try:
        call_command("update_prices", *given, *options, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str | bytes, name: str = "prices.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def rows() -> list[tuple[Any, ...]]:
    return list(PriceQuote.objects.order_by("pk").values_list("pk", "model", "input_usd_per_mtok", "ends_at"))


def test_changes_are_added_with_source_and_day_and_old_prices_stay(file: Any) -> None:
    list_prices("gpt-4o")
    PriceQuote.objects.create(model="same", input_usd_per_mtok="0.15", output_usd_per_mtok="0.6")
    old = rows()
    path = file(f"{HEAD}gpt-4o,2,8,1,,,\ngpt-4o,4,16,,200000,,\nsame,0.15,0.6,,,,\nnew/model,1,2,,,2031-01-01,0.01\n")
    before, _ = run(path, "--dry-run")
    assert rows() == old
    assert "2 prices would be added, 1 as they are already." in before
    done, error = run(path, "--source", "A sheet")
    assert (error, "2 prices added" in done) == ("", True)

    assert "gpt-4o: prompt 2.5 -> 2, answer 10 -> 8, cached prompt 1.25 -> 1, prices of long prompts none ->" in done
    assert "new/model: new, prompt 1, answer 2, each second 0.01, from 2031-01-01 00:00 UTC" in done
    assert rows()[:2] == old
    (added, new) = PriceQuote.objects.exclude(pk__in=[row[0] for row in old]).order_by("model")
    assert (added.source, added.tiers.get().above_tokens, new.begins_at.year) == ("A sheet", 200_000, 2031)
    assert run(path, "--source", "A sheet")[1].count("overlaps") == 1  # the one that is to come


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("m,-1,2,,,,", "line 3: prompt: Give an amount from 0"),
        ("m,,2,,,,", "line 3: input_usd_per_mtok is missing."),
        ("m,$1,2,,,,", "line 3: input_usd_per_mtok is no number: '$1'"),
        ("m,1,NaN,,,,", "line 3: output_usd_per_mtok is no number: 'NaN'"),
        ("m,1,0E-999999,,,,", "line 3: output_usd_per_mtok is no number: '0E-999999'"),
        ("m,1,2,,,0001-01-01T00:00+14:00,", "line 3: '0001-01-01T00:00+14:00' is no date."),
        ("m,1,2", "line 3: This line has another number of fields"),
        ("two words,1,2,,,,", "line 3: A model's id has no blanks"),
        ("m,1,2,,,tomorrow,", "line 3: 'tomorrow' is no date."),
        ("m,1,2,,,2020-01-01,", "line 3: m: It cannot begin on 2020-01-01, in the past"),
        ("m,1,2,,x,,", "line 3: above_tokens is no whole number."),
        ("m,1,2,,5,,", "line 3: m: there is no line with its price for ordinary prompts."),
        ("ok,1,3,,,,", "line 3: ok has its price on line 2 already."),
        ("m,0.00000015,2,,,,", "line 3: m, prompt: That looks like a price per token"),
        ("gpt-4o,2500,10,,,,", "line 3: gpt-4o, prompt: That is $0.0025 a token"),
        ("gpt-4o,250,1000,,,,", "line 3: gpt-4o, prompt: That is 100 times what the price list says, $2.5"),
        ("gpt-4o,2.5,10,,1000,,", "line 3: gpt-4o: there is no line"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_added(file: Any, line: str, said: str) -> None:
    list_prices("gpt-4o")
    old = rows()
    _, error = run(file(f"{HEAD}ok,1,2,,,,\n{line}\n"))
    assert said in error
    assert "No price was added." in error
    assert rows() == old


def test_figures_that_are_meant_are_taken_and_several_faults_are_told_at_once(file: Any) -> None:
    list_prices("gpt-4o")
    assert "1 price added" in run(file(f"{HEAD}gpt-4o,250,1000,,,,\n"), "--sure")[0]
    _, error = run(file(f"{HEAD}a,x,2,,,,\nb,-1,2,,,,\nc,1,2,,,,\n"))
    assert ("line 2" in error, "line 3" in error, "line 4" in error) == (True, True, False)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "lacks model"),
        (b"date,usage,cost\n2026-01-01,5,1\n", "line 1: The first line names the columns, and lacks model"),
        (b"model,input_usd_per_mtok,output_usd_per_mtok,cents\nm,1,2,3\n", "There is no column 'cents'"),
        (
            "model,input_usd_per_mtok,output_usd_per_mtok\nm,1,2\nn\xe9,1,2\n".encode("latin-1"),
            "line 3: This is not UTF-8",
        ),
        (HEAD.encode(), "The file has no price."),
        (b'{"m": {"mode": "chat", "input_cost_per_token": ', "line 1: This is not JSON"),
        (b'{"m": {"mode": "image"}}', "has no price of a chat model"),
        (
            b'{\n "m": {"mode": "chat", "input_cost_per_token": "x", "output_cost_per_token": 1e-6}\n}',
            "line 2: m: one of",
        ),
        (
            b'{\n "m": {"mode": "chat", "tiered_pricing": [{"range": [1e999999, 2], "input_cost_per_token": 1e-6}]}\n}',
            "line 2: m: one of its figures is no number.",
        ),
        (
            b'{\n "m": {"mode": "chat", "input_cost_per_token": 0E-999999, "output_cost_per_token": 0.0}\n}',
            "line 2: m: prompt: Give an amount",
        ),
        (b'{\n "m": {},\n "m": {}\n}', "line 3: m stands here a second time."),
        (b'{\n "m": 5\n}', "line 2: m is no entry"),
    ],
)
def test_another_kind_of_file_is_told_what_it_lacks(file: Any, data: bytes, said: str) -> None:
    assert said in run(file(data))[1]
    assert not PriceQuote.objects.exists()


def test_a_list_in_litellm_s_format_comes_in_with_tiers(file: Any) -> None:
    entry = {
        "mode": "chat",
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1.5e-05,
        "input_cost_per_token_above_272k_tokens": 5e-06,
    }
    listed = {
        "new-model": entry,
        "sample_spec": {"mode": "chat"},
        "half": {"mode": "chat", "input_cost_per_token": 1e-6},
    }
    told, error = run(file(json.dumps(listed, indent=1), "map.json"))
    assert (error, "1 price added, 0 as they are already, 1 without a price left out." in told) == ("", True)
    quote = PriceQuote.objects.get()
    assert (quote.source, quote.input_usd_per_mtok, quote.tiers.get().input_usd_per_mtok) == ("map.json", 2.5, 5)


def test_the_installed_list_comes_in_and_what_it_has_in_another_unit_is_asked_about(file: Any) -> None:
    _, error = run("", "--dry-run")
    assert "azure_ai/jais-30b-chat, prompt: That is $0.0032 a token" in error
    assert not PriceQuote.objects.exists()
    out = StringIO()
    call_command("load_prices", stdout=out, stderr=StringIO())
    assert "prices added." in out.getvalue()
    assert not PriceQuote.objects.filter(model="azure_ai/jais-30b-chat").exists()
    count = PriceQuote.objects.count(), PriceTier.objects.count()
    told, _ = run("", "--sure")
    assert told.startswith("azure_ai/jais-30b-chat: new")
    assert (PriceQuote.objects.count(), PriceTier.objects.count()) == (count[0] + 1, count[1])
    run(file(f"{HEAD}gpt-4o,2,8,1,,,\n"))
    assert load_default_prices() == (0, [])  # a start does not undo what a file said


def test_a_file_that_is_not_there_and_a_day_that_is_none_are_told(file: Any, tmp_path: Path) -> None:
    assert "No such file" in run(tmp_path / "none.csv")[1]
    assert "--begins: 'soon' is no date." in run(file(HEAD), "--begins", "soon")[1]


def test_a_file_of_any_size_is_read_within_bounds() -> None:
    assert "larger than" in str(read(b" " * 50_000_001).faults[0])
