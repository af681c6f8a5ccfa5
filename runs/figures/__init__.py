"""What a team's runs cost and took in a period, by crew, version, model and time: from rollups, and what still runs."""
