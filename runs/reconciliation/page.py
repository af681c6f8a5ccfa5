"""What the pages of checks show, the API answers and the CSV holds: one comparison, read from what was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from runs.models import Reconciliation
from runs.reconciliation.actions import MODEL_PROVIDERS
from runs.reconciliation.matching.causes import Cause, Certainty, Part, parts_by_line
from runs.reconciliation.matching.comparison import Comparison, Line, Measure, Sum, Where, compare
from runs.reconciliation.matching.ours import Ours
from runs.reconciliation.matching.sentences import answer, days_in_words
from runs.reconciliation.queries import our_keys, their_keys
from runs.reconciliation.reading import anthropic, chosen, openai
from runs.reconciliation.reading.cells_of_days import Theirs
from teams.access import Principal
from teams.work_bounds import Places

MOST_LINES = 200
MOST_KEYS = 100
MOST_MODELS = 5
SHOWN_DAYS = 62
OTHER_MODELS = "other models"
NO_MODEL = "all models"
FORMATS = {
    openai.USAGE: "OpenAI usage",
    openai.COSTS: "OpenAI costs",
    anthropic.USAGE: "Anthropic usage",
    anthropic.COSTS: "Anthropic cost",
    chosen.CHOSEN: "CSV with chosen columns",
}
CAUSE_TITLES = {
    Cause.BATCH: "Batches",
    Cause.OTHER_KEY: "Keys of other programs",
    Cause.OTHER_PROGRAM: "Other programs on the same key",
    Cause.OWN_SERVER: "Servers of your own",
    Cause.UNKNOWN: "Unknown calls, booked at the worst case",
    Cause.LATE: "Late figures of theirs",
    Cause.CORRECTION: "Corrections",
    Cause.MIDNIGHT: "Calls around midnight",
    Cause.FEES: "Fees that are not tokens",
    Cause.PRICE: "A price of ours that differs",
    Cause.CACHE: "Cached tokens counted otherwise",
    Cause.UNPRICED: "Calls of ours without a price",
    Cause.ESTIMATED: "Tokens that were counted here",
    Cause.ROUNDING: "Rounding",
    Cause.UNEXPLAINED: "Not explained",
}
CERTAINTY_WORDS = {
    Certainty.CERTAIN: "certain",
    Certainty.LIKELY: "likely",
    Certainty.POSSIBLE: "possible",
    Certainty.UNKNOWN: "not known",
}
PLACES = Places(2, "Other checks are being compared. Try again in a moment.")
NEEDS_PRICES = (Cause.PRICE, Cause.UNPRICED)


@dataclass(frozen=True, slots=True)
class CauseRow:
    """``lines``: how many lines it explains a part of. ``certainty``: the least of its parts."""

    cause: Cause
    theirs_alone: int
    ours_alone: int
    lines: int
    certainty: Certainty

    @property
    def title(self) -> str:
        return CAUSE_TITLES[self.cause]

    @property
    def certainty_word(self) -> str:
        return CERTAINTY_WORDS[self.certainty]

    @property
    def needs_prices(self) -> bool:
        return self.cause in NEEDS_PRICES


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line that differs. ``runs``: the address of the runs that were launched on its day and asked its model."""

    line: Line
    theirs: int  # in the measure of the check, as the next two
    ours: int
    difference: int
    parts: Sequence[Part]
    runs: str
    shows_tokens: bool  # beside the dollars

    @property
    def day(self) -> date:
        return date.fromisoformat(self.line.where.day)

    @property
    def model(self) -> str:
        where = self.line.where
        name = where.model or (", ".join(sorted(self.line.items)) or "fees" if where.item else NO_MODEL)
        return f"{name}, in batches" if where.in_batch else name

    @property
    def prices(self) -> Sequence[str]:
        """Our names of the model, where a price explains the difference."""
        return sorted(self.line.asked_as) if any(part.cause in NEEDS_PRICES for part in self.parts) else ()


@dataclass(frozen=True, slots=True)
class DayRow:
    """The differences of one day, of each model of the table; None where both sides have nothing."""

    day: date
    cells: Sequence[int | None]
    total: int


class Check:
    """A kept check, compared: everything that page, API and CSV say of it. Raises ``Busy`` if others take all places:
    the largest takes a thread two seconds."""

    def __init__(self, who: Principal, row: Reconciliation) -> None:
        self.who, self.row = who, row
        self.theirs = Theirs.from_json(row.theirs)
        self.keys = their_keys(who, row.provider)
        with PLACES.one():
            self.found: Comparison = compare(self.theirs, Ours.from_json(row.ours), self.keys)
            self.parts: Mapping[Where, Sequence[Part]] = parts_by_line(self.found)

    @property
    def measure(self) -> Measure:
        return self.found.measure

    @property
    def in_dollars(self) -> bool:
        return self.measure == "nusd"

    @property
    def tells_tokens(self) -> bool:
        return "tokens" in self.theirs.tells

    @property
    def tells_keys(self) -> bool:
        return "key" in self.theirs.tells

    @property
    def shows_keys(self) -> bool:
        """Whether any line is about one key."""
        return any(line.where.key for line in self.found.lines)

    @property
    def provider(self) -> str:
        """As people call it."""
        return MODEL_PROVIDERS.get(self.row.provider, "The export")

    @property
    def formats(self) -> str:
        return ", ".join(FORMATS.get(name, name) for name in dict.fromkeys(self.theirs.formats))

    @property
    def days(self) -> str:
        return days_in_words(self.theirs)

    @cached_property
    def answer(self) -> str:
        return answer(self.found, self.parts, self.provider)

    @cached_property
    def total(self) -> Sum:
        return self.found.total(self.measure)

    @cached_property
    def tokens(self) -> Sum:
        return self.found.total("tokens")

    @cached_property
    def causes(self) -> Sequence[CauseRow]:
        """The largest first."""
        of_cause: dict[Cause, list[Part]] = {}
        for parts in self.parts.values():
            for part in parts:
                of_cause.setdefault(part.cause, []).append(part)
        rows = [_cause_row(cause, parts) for cause, parts in of_cause.items()]
        return sorted(rows, key=lambda row: -(row.theirs_alone + row.ours_alone))

    @cached_property
    def models(self) -> Mapping[str, Sum]:
        return self.found.by(lambda line: line.where.model or ("fees" if line.where.item else NO_MODEL), self.measure)

    @cached_property
    def by_key(self) -> Mapping[str, Sum]:
        return self.found.by(lambda line: line.where.key, self.measure)

    @cached_property
    def differing(self) -> Sequence[Line]:
        """The largest differences first."""
        lines = [line for line in self.found.lines if line.difference(self.measure)]
        return sorted(lines, key=lambda line: (-abs(line.difference(self.measure)), line.where.day, line.where.model))

    @property
    def shown(self) -> Sequence[LineRow]:
        return [
            LineRow(
                line,
                getattr(line.theirs, self.measure),
                getattr(line.ours, self.measure),
                line.difference(self.measure),
                self.parts[line.where],
                self._runs(line),
                self.in_dollars and self.tells_tokens and not line.where.item,
            )
            for line in self.differing[:MOST_LINES]
        ]

    @cached_property
    def shown_models(self) -> Sequence[str]:
        """Columns of the table of days: the models that differ most."""
        ranked = sorted(self.models, key=lambda name: -(self.models[name].theirs_alone + self.models[name].ours_alone))
        shown = ranked if len(ranked) <= MOST_MODELS + 1 else ranked[:MOST_MODELS]
        return [*shown, *([OTHER_MODELS] if len(shown) < len(ranked) else [])]

    @cached_property
    def day_rows(self) -> Sequence[DayRow]:
        """Of days on which something differs, the first ``SHOWN_DAYS``."""
        place = {name: nth for nth, name in enumerate(self.shown_models)}
        differing = {line.where.day for line in self.differing}
        days: dict[str, list[int | None]] = {}
        for line in self.found.lines:
            cells = days.setdefault(line.where.day, [None] * len(place))
            name = line.where.model or ("fees" if line.where.item else NO_MODEL)
            nth = place.get(name, len(place) - 1)
            cells[nth] = (cells[nth] or 0) + line.difference(self.measure)
        rows = [
            DayRow(date.fromisoformat(day), cells, sum(cell or 0 for cell in cells))
            for day, cells in sorted(days.items())
            if day in differing
        ]
        return rows[:SHOWN_DAYS]

    @property
    def days_beyond(self) -> int:
        return len({line.where.day for line in self.differing}) - len(self.day_rows)

    @property
    def days_that_agree(self) -> int:
        return len({line.where.day for line in self.found.lines} - {line.where.day for line in self.differing})

    @property
    def lines_beyond(self) -> int:
        return max(0, len(self.differing) - MOST_LINES)

    @property
    def key_choices(self) -> Sequence[tuple[str, str, Sequence[str]]]:
        """Their keys, what was said of each or is likely by its name, and what may be said: at most
        ``MOST_KEYS``, those first of which nothing was said."""
        named = sorted({cell.key for cell in self.theirs.cells if cell.key}, key=self._by_what_was_said)
        ours = our_keys(self.who, self.row.provider)
        likely = {key.partition("/")[2].casefold(): key for key in ours}
        shown = named[:MOST_KEYS] if self.tells_keys else ()
        return [(name, self.keys.get(name) or likely.get(name.casefold(), ""), ours) for name in shown]

    def _by_what_was_said(self, name: str) -> tuple[bool, str]:
        return name in self.keys, name

    def _runs(self, line: Line) -> str:
        """ "" where we made no call."""
        if not line.ours.calls:
            return ""
        day = date.fromisoformat(line.where.day)
        words = [f"since:{day}", f"until:{day + timedelta(days=1)}", "simulated:no"]
        names = [name for name in sorted(line.asked_as) if name]
        if line.where.model and names:
            words.append(f"model:{','.join(_quoted(name) for name in names[:5])}")
        return f"{reverse('runs', kwargs={'team': self.who.team.slug})}?{urlencode({'q': ' '.join(words)})}"


def _cause_row(cause: Cause, parts: Sequence[Part]) -> CauseRow:
    order = list(Certainty)
    return CauseRow(
        cause,
        sum(part.amount for part in parts if part.amount > 0),
        -sum(part.amount for part in parts if part.amount < 0),
        len(parts),
        max((part.certainty for part in parts), key=order.index),
    )


def _quoted(name: str) -> str:
    """A model's whole name as the filter of runs takes it."""
    plain = name.replace('"', "")
    return f'="{plain}"' if any(sign in plain for sign in ' ,"') else f"={plain}"
