"""Reads CrewAI projects written in Python, from their syntax tree alone: nothing of a source is ever run."""

from agents_app.formats.python.reader import read_python

__all__ = ["read_python"]
