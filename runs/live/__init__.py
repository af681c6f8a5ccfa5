"""How a change of a run reaches whoever watches it: PostgreSQL's NOTIFY, then one listener for each event loop."""
