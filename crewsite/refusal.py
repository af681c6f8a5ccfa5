"""The one way in which starting fails with a reason that a person can act on."""


class CannotStart(Exception):
    """Why the application does not start, and what to do about it: one paragraph, shown without a traceback."""
