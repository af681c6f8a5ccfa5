"""Texts in files that people open in spreadsheets."""

from engine.text import FORMULA
from engine.text import spreadsheet_safe as safe

__all__ = ["FORMULA", "safe"]
