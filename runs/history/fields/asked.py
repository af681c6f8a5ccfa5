"""Who asks, and when: what words such as ``by:me`` and ``since:7d`` are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from teams.access import Principal


@dataclass(frozen=True, slots=True)
class Asked:
    """``who`` is None where a filter is read without a person, which ``by:me`` needs."""

    who: Principal | None = None
    now: datetime = field(default_factory=timezone.now)
