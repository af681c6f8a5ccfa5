"""What happened and what it cost: runs, their tasks, every call as a ledger line, dated prices and monthly bills.

Money is in whole 1e-9 USD (``_nusd``), tokens and calls are counts. Rollups on runs, tasks and bills are sums of the
calls and of nothing else; ``runs.ledger`` keeps them in the same transaction as the call. Times come from the database.
"""

from runs.models.alert import (
    THRESHOLDS,
    Alert,
    AlertKind,
    InboxChoice,
    InboxEntry,
    InboxKind,
    InboxMail,
    InboxWish,
    MailState,
    Notice,
    Report,
    ReportKind,
    ReportMail,
    ReportWish,
)
from runs.models.batches.batch import Batch, BatchRow
from runs.models.batches.data_set import DataSet, DataSetRow, DataSetVersion
from runs.models.batches.schedule import Schedule, ScheduleTime
from runs.models.bill import Allowance, Bill, ClosedBill, ClosedLine, ClosingEntry, Correction, Corrects
from runs.models.bill_sums import BillSum, DaySum, LaunchLabels, UsageSum
from runs.models.call import Call
from runs.models.checks import ExportColumns, InvariantCheck, Reconciliation, TheirKey
from runs.models.fields import ClockTimestamp, Rollup, new_id
from runs.models.figures import CallDay, CallSum, RunBucket, RunDay, RunSum, TaskCallSum, TaskTime, WeekBucket
from runs.models.lane import Lane
from runs.models.note import Note
from runs.models.price import PriceQuote, PriceTier
from runs.models.rating import LEAST_STARS, MOST_STARS, Comment, PinnedRun, Rating
from runs.models.review import Review
from runs.models.run import Run, TaskRun
from runs.models.saved_view import SavedView, Scenario
from runs.models.worker import WorkerSeen

__all__ = [
    "LEAST_STARS",
    "MOST_STARS",
    "THRESHOLDS",
    "Alert",
    "AlertKind",
    "Allowance",
    "Batch",
    "BatchRow",
    "Bill",
    "BillSum",
    "Call",
    "CallDay",
    "CallSum",
    "ClockTimestamp",
    "ClosedBill",
    "ClosedLine",
    "ClosingEntry",
    "Comment",
    "Correction",
    "Corrects",
    "DataSet",
    "DataSetRow",
    "DataSetVersion",
    "DaySum",
    "ExportColumns",
    "InboxChoice",
    "InboxEntry",
    "InboxKind",
    "InboxMail",
    "InboxWish",
    "InvariantCheck",
    "Lane",
    "LaunchLabels",
    "MailState",
    "Note",
    "Notice",
    "PinnedRun",
    "PriceQuote",
    "PriceTier",
    "Rating",
    "Reconciliation",
    "Report",
    "ReportKind",
    "ReportMail",
    "ReportWish",
    "Review",
    "Rollup",
    "Run",
    "RunBucket",
    "RunDay",
    "RunSum",
    "SavedView",
    "Scenario",
    "Schedule",
    "ScheduleTime",
    "TaskCallSum",
    "TaskRun",
    "TaskTime",
    "TheirKey",
    "UsageSum",
    "WeekBucket",
    "WorkerSeen",
    "new_id",
]
