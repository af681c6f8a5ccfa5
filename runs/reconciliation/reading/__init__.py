"""Reads what a provider says that was used and what it cost: exports of OpenAI and Anthropic, and CSV with any columns.

Nothing here knows Django: a child process reads the files.
"""
