"""Crews out: a draft, a version, or all crews of a team, as files in the formats of ``agents_app.writers``."""
