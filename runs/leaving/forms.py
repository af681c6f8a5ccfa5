"""What is decided before somebody leaves."""

from __future__ import annotations

from django import forms

RUNS = [("go_on", "They go on, on the team's account"), ("cancel", "They are cancelled")]


class LeaveForm(forms.Form):
    runs = forms.ChoiceField(label="Their runs under way", choices=RUNS, widget=forms.RadioSelect, initial="go_on")
