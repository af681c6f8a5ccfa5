"""How log lines are written, and what is left out of them."""
