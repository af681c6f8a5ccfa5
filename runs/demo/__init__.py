"""Made-up histories: teams whose runs were all invented by our own code, simulated and labelled so.

For benchmarks, for tests, and for people who want to see what a team's history shows before they have one.
"""
