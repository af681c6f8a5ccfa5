"""Work on the texts of people, models and foreign servers, done where it can be stopped.

A pattern of thirty characters can take gigabytes, and a schema of some kilobytes can take hours. So such work is done
in a child process, within a processor time, a memory and a size; see ``client``.
"""

from engine.bounded.client import run, run_here
from engine.bounded.effort import Effort
from engine.bounded.turns import Ticket, Turns, counted_on
from engine.bounded.waiting import Findings, Patience

__all__ = ["Effort", "Findings", "Patience", "Ticket", "Turns", "counted_on", "run", "run_here"]
