"""Exit codes. They are part of what is promised: ``docs/client.md`` lists them."""

GOOD = 0
FAILED = 1
"""The run or a row of the batch failed, or the gate is shut."""
USAGE = 2
"""What was asked cannot be: wrong options, a file that cannot be read, an unknown crew, refused inputs."""
NO_ACCESS = 3
"""Not allowed, not reachable, too busy, or the server failed."""
UNCLEAR = 4
"""The gate has not enough runs to tell."""
NOT_ENDED = 5
"""It was not waited for any longer, or is paused: it is still there."""
INTERRUPTED = 130
PIPE_CLOSED = 141
"""Who read the output has gone, as ``head`` does. The same as a shell gives."""
