"""The JSON API: what every operation shares."""
