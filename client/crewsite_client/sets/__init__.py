"""Data sets and schedules: what the API answers about them, its operations, and the methods of both clients."""
