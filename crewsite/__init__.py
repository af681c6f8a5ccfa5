"""The wiring: settings, URLs, the ASGI and Celery entries, what `make up` runs. No rule of the product lives here."""
