"""The web as tools and webhooks reach it: an HTTP client that never leads inside, and pages as readable text."""
