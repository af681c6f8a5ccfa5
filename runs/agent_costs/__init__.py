"""What the calls of agents that come from the library cost, for the library's pages."""
