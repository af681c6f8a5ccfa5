"""Holds what a provider says against what the ledger has, line by line, and says where a difference is likely from.

Nothing here knows Django or asks the database.
"""
