"""What a team's calls of a month or of days cost, by whatever a bill is asked about.

Sums come from the rollups of runs that have ended, from the calls of those that have not, and, in a month, from its
counter-lines.
"""
