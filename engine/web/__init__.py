"""The web as tools and webhooks reach it: an HTTP client for public addresses only, and pages as readable text."""
