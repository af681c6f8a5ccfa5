"""The tools that agents may call: one file for each built-in tool, and what every tool is to the engine."""
