"""The wiring: settings, URLs, the ASGI and Celery entries, and what `make up` runs. No rule of the product lives here."""
