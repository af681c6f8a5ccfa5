"""Signing in, by password or by link, and out."""
