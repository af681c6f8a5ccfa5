"""Makes a crew of somebody's source. What a source means is decided in ``agents_app.formats``."""
