"""Where runs, bills and what else is made of them are found that the team's log tells of."""

from collections.abc import Collection, Mapping

from django.urls import reverse

from agents_app.gallery.queries import templates
from runs.models import Batch, ClosedBill, Comment, DataSet, Reconciliation, Run, SavedView, Scenario, Schedule
from runs.telling.subjects import RELATED, page_of
from teams.access import Principal, visible_to
from teams.log.links import links, of_rows, on_page


def _bills(who: Principal, ids: Collection[str]) -> Mapping[str, str]:
    months = visible_to(who, ClosedBill).filter(pk__in=ids).values_list("pk", "month")
    return {str(pk): reverse("closed_bill", args=[who.team.slug, f"{month:%Y-%m}"]) for pk, month in months}


def _comments(who: Principal, ids: Collection[str]) -> Mapping[str, str]:
    found = visible_to(who, Comment).filter(pk__in=ids).select_related(*RELATED)
    return {str(one.pk): page_of(one) for one in found}


def _data_sets(who: Principal, ids: Collection[str]) -> Mapping[str, str]:
    names = visible_to(who, DataSet).filter(pk__in=ids).values_list("pk", "name")
    return {str(pk): reverse("data_set", args=[who.team.slug, name]) for pk, name in names}


links(
    {
        "template": of_rows("template", templates, pk="pk"),
        "comment": _comments,
        "run": of_rows("run", lambda who: visible_to(who, Run), run_id="pk"),
        "batch": of_rows("batch", lambda who: visible_to(who, Batch), batch_id="pk"),
        "dataset": _data_sets,
        "schedule": of_rows("schedule", lambda who: visible_to(who, Schedule), schedule_id="pk"),
        "bill": _bills,
        "check": of_rows("reconciliation", lambda who: visible_to(who, Reconciliation), pk="pk"),
        "export": on_page("reconciliations"),
        "view": of_rows("open_view", lambda who: visible_to(who, SavedView), pk="pk"),
        "scenario": of_rows("scenario", lambda who: visible_to(who, Scenario), pk="pk"),
        "price": on_page("prices"),
        "limits": on_page("limits"),
        "reports": on_page("reports"),
    }
)
