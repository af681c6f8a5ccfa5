"""What must never be false of the ledger, beyond what a database constraint can say.

Each invariant is a query that must return no row. Nothing is repaired here.
"""

from runs.ledger.invariants.check import INVARIANTS, Finding, Violation, check, examine, look
from runs.ledger.invariants.nightly import check_once_a_day, last_check, record

__all__ = ["INVARIANTS", "Finding", "Violation", "check", "check_once_a_day", "examine", "last_check", "look", "record"]
