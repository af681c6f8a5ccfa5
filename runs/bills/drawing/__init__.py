"""Tables of a bill as HTML."""
