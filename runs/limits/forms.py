"""What people type about money and limits. ``actions`` decides what may be set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from runs.bounds.standings import MemberStanding
from runs.limits.actions import TeamLimits
from runs.money import dollars, to_usd
from runs.words import AT_LIMIT_SHORT, AT_LIMIT_WORDS
from teams.models import AtLimit, Team
from teams.texts.times import span

WINDOWS_S = (60, 600, 3_600, 86_400, 604_800, 2_592_000)
MEMBER = "members."

_AMOUNT = re.compile(r"\$? ?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?|\$? ?\.\d+")


class UsdField(forms.DecimalField):
    """Dollars as people type them: ``12.50``, ``$12.50`` or ``1,000``. What was typed is shown again as it was."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"required": False, "decimal_places": 9, "max_digits": 18} | options))

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if isinstance(value, str) and value.strip():
            if not _AMOUNT.fullmatch(value.strip()):
                raise ValidationError("Type dollars, such as 12.50.")
            value = value.strip().lstrip("$ ").replace(",", "")
        return super().to_python(value)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}

    def prepare_value(self, value: Any) -> Any:
        return amount_text(value) if isinstance(value, Decimal) else value


class LimitsForm(forms.Form):
    """A team's limits, with a field for each member whose budget is to differ from the usual one."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    budget_usd = UsdField(label="Team, per month", help_text="US dollars. Empty: no limit.")
    run_budget_usd = UsdField(label="Each run", help_text="Also the most that a launch or a raise may give one.")
    run_max_calls = forms.IntegerField(
        required=False, label="Model requests of each run", help_text="Also the most that a launch may ask for."
    )
    run_max_seconds = forms.IntegerField(
        required=False, label="Seconds of each run", help_text="Without the time in which it waits for people or money."
    )
    runs_at_once = forms.IntegerField(
        required=False,
        label="Runs at once",
        help_text="Of the whole team. Further ones wait in the queue. Empty: no limit.",
    )
    user_budget_usd = UsdField(label="Each member, per month", help_text="Unless set otherwise below.")
    at_limit = forms.ChoiceField(choices=list(AT_LIMIT_WORDS.items()), widget=forms.RadioSelect, label="At a budget")
    fallback_model = forms.CharField(
        required=False,
        max_length=200,
        label="Cheaper model",
        help_text="Such as gpt-4o-mini. Only asked where runs go on cheaper, and only if it is cheaper.",
    )
    launch_quota = forms.IntegerField(
        required=False, label="Launches of each member", help_text="Empty: as many as they like."
    )
    launch_window_s = forms.TypedChoiceField(coerce=int, label="in any")

    def __init__(self, limits: TeamLimits, members: Sequence[MemberStanding], data: Any = None, **options: Any) -> None:
        own = {f"{MEMBER}{user}": amount for user, amount in limits.members.items()}
        initial = {name: getattr(limits, name) for name in self.base_fields if name != "seen"} | own
        super().__init__(data, initial=initial | {"seen": limits.digest}, **options)
        windows = sorted({*WINDOWS_S, limits.launch_window_s})
        self.fields["launch_window_s"].choices = [(seconds, span(seconds)) for seconds in windows]  # type: ignore[attr-defined]
        self.members = members
        usual = "no limit" if limits.user_budget_usd is None else f"${amount_text(limits.user_budget_usd)}"
        for member in members:
            field = UsdField(label=f"Own budget of {member.user}")
            field.widget.attrs |= {"placeholder": usual, "aria-label": field.label}
            self.fields[f"{MEMBER}{member.user.pk}"] = field

    @property
    def rows(self) -> list[tuple[MemberStanding, forms.BoundField]]:
        """Each member with the field for their own budget."""
        return [(member, self[f"{MEMBER}{member.user.pk}"]) for member in self.members]

    def limits(self) -> TeamLimits:
        """The limits as they were typed."""
        typed = dict(self.cleaned_data)
        typed.pop("seen")
        own = {int(name[len(MEMBER) :]): typed.pop(name) for name in list(typed) if name.startswith(MEMBER)}
        return TeamLimits(**typed, members={user: amount for user, amount in own.items() if amount is not None})

    def take_seen(self, limits: TeamLimits) -> None:
        """After a conflict: saving once more replaces the limits as they are now."""
        self.data = self.data.copy()  # type: ignore[attr-defined]
        self.data["seen"] = limits.digest  # type: ignore[index]


def at_limit_choices(team: Team) -> list[tuple[str, str]]:
    """What one run may do at a budget, the team's way first."""
    usual = AT_LIMIT_SHORT[AtLimit(team.at_limit)]
    return [
        ("", f"As usual in this team: {usual}"),
        *((way.value, words.capitalize()) for way, words in AT_LIMIT_SHORT.items()),
    ]


def run_budget_help(team: Team) -> str:
    """What a launch's budget means, with the most that the team gives a run."""
    most = to_usd(team.run_budget_nusd)
    if most is None:
        return "No call that has a price is made beyond it. Empty: none."
    return (
        f"No call that has a price is made beyond it. At most {dollars(team.run_budget_nusd or 0)}, also if left empty."
    )


def amount_text(amount: Decimal) -> str:
    """The amount as people type it: "12.50", "1000"."""
    whole, _, rest = f"{amount:.9f}".partition(".")
    rest = rest.rstrip("0")
    return f"{whole}.{rest.ljust(2, '0')}" if rest else whole
