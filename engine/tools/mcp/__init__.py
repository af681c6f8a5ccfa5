"""MCP servers as sources of tools: a session with one, its transport, and its tools as ours."""
