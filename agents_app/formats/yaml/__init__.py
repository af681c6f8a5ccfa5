"""CrewAI's YAML files: read strictly, then as definitions."""
