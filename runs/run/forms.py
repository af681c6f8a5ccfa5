"""Forms on a run's page: a person's decision, and a larger budget. ``actions`` decides whether they are accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms

from agents_app.form_fields import lines
from runs.limits.forms import UsdField
from runs.run.actions import Decision


class DecisionForm(forms.Form):
    """Approves a task's answer or sends it back with a comment; allows a request or not; of a lost tool call, says
    whether it was carried out.

    ``task`` is the task's key, ``call`` the lost call's id and ``step`` the request's, "" if it is about none. The
    fields stand in a part of the page that is replaced while somebody types, so they name a form outside of it
    (``review-form``) that sends them.
    """

    number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    comment = forms.CharField(
        required=False,
        strip=False,
        widget=lines(2, "grows"),
        label="Comment",
        help_text="Needed to send it back: the agent is told this, and answers again.",
    )
    approved = forms.ChoiceField(choices=[("yes", "Approve"), ("no", "Send back")])

    def __init__(self, task: str, data: Mapping[str, str] | None = None, *, call: str = "", step: str = "") -> None:
        super().__init__(data, prefix="-".join(filter(None, (task, call, step))))
        self.task = task
        self.call = call
        self.step = step
        if step:
            self.fields["comment"].help_text = "Needed to refuse it: the agent is told this, and goes on without it."
        for field in self.fields.values():
            field.widget.attrs["form"] = "review-form"

    def show(self, number: int) -> None:
        """Makes the form one about that answer: the one that is on the page now."""
        self.initial["number"] = number
        if self.is_bound:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data[self.add_prefix("number")] = str(number)  # type: ignore[index]

    @property
    def typed(self) -> str:
        """The comment as it was sent, also if the form was refused."""
        return str(self.data.get(self.add_prefix("comment"), ""))

    def decision(self) -> Decision:
        typed = self.cleaned_data
        call = UUID(self.call) if self.call else None
        number = None if self.call or self.step else typed["number"]
        return Decision(typed["approved"] == "yes", typed["comment"], number=number, call=call, step=self.step or None)


class ResumeForm(forms.Form):
    """A larger budget for a run that waits for one. Empty: try again with what there is.

    Its field names a form outside of its part of the page, as those of ``DecisionForm`` do.
    """

    budget_usd = UsdField(label="New budget of this run, in USD")

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, auto_id="resume_%s", **options)
        self.fields["budget_usd"].widget.attrs["form"] = "resume-form"
