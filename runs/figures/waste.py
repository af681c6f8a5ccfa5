"""What runs paid in vain, as columns of a query of runs: by the rule of ``sums.waste_of``, run by run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce

from runs.models import Call
from runs.states import WASTED, CallState, RunState

_LOST = Q(state__in=(RunState.FAILED, RunState.CANCELLED))


def waste_columns() -> Mapping[str, Any]:
    """``waste_nusd``, and ``waste_unpriced``: how many of the calls in question have no known price.

    All of a run that failed or was cancelled; else its calls that failed, were retried, cancelled or made twice.
    """
    return {
        "waste_nusd": _all_or(F("spent_nusd"), Sum("cost_nusd")),
        "waste_unpriced": _all_or(F("unpriced_calls"), Count("run", filter=Q(cost_nusd=None))),
    }


def _all_or(of_run: F, of_calls: Any) -> Case:
    wasted = Call.objects.filter(run=OuterRef("pk"), cost_class__in=WASTED).exclude(state=CallState.INTENT)
    summed = Subquery(wasted.order_by().values("run").annotate(summed=of_calls).values("summed"))
    return Case(When(_LOST, then=of_run), default=Coalesce(summed, 0), output_field=BigIntegerField())
