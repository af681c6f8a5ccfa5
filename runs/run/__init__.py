"""One run: its page, its tasks and calls, and what people decide about it."""
