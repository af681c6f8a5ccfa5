"""Signing in, by whatever people have, and out. allauth is the engine, the pages are ours."""
