"""The JSON API: what every operation shares, and the operations on provider keys."""
