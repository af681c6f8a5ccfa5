"""Rows of two batches matched by their inputs: what the same inputs cost, took and gave in one and in the other."""
