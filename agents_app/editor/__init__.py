"""The crew page, on which people edit a draft: its settings, agents and tasks."""
