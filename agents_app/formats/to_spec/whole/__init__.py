"""What concerns a crew as a whole: its settings and inputs, and which of several are offered."""
