"""Tools that agents may call."""
