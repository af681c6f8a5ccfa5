"""Exact splits of a difference, and what they are made of: aligned tasks, Shapley values, intervals. Without Django."""
