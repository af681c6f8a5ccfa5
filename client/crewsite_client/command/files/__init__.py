"""Files on the user's machine: what is read of them, up to limits, and how they are written."""
