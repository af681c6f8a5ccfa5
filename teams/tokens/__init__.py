"""API tokens: who has which, for what."""
