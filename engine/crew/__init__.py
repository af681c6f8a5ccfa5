"""How a crew runs: its tasks in order, each task's conversation with a model, tools, co-workers, and checks."""
