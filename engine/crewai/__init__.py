"""The Python API: CrewAI's names and ways over the engine's specs. ``import engine`` offers what is public."""
