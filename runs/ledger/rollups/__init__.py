"""Keeps the sums and distributions of runs that have ended.

A run is added as a whole when it ends. Should a late figure change it after that, it is taken out as it was, in the
same transaction, and added again as it is. So rollups are the sum of what runs and calls say, whatever happened before.
What still runs is in no rollup: readers add it from the runs themselves.
"""

from runs.ledger.rollups.writing import add, rated_anew, rebuild, take_out, waste_at_end

__all__ = ["add", "rated_anew", "rebuild", "take_out", "waste_at_end"]
