"""Invitations: made by owners, opened and accepted by whoever has the link."""
