"""Data sets: inputs of batches under a name, in versions, for other batches and schedules."""
