"""Crewsite's own settings, and what only fault tests may have: failpoints, shorter times, a switch that turns fencing
off.
"""

from crewsite.settings import *  # noqa: F403
from crewsite.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.failpoints.Failpoints"]
