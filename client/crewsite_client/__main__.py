"""``python -m crewsite_client`` is ``crewsite``."""

from crewsite_client.command.main import main

main()
