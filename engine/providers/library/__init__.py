"""LiteLLM as a library that we use: kept off the network, off the event loop, and loaded ahead of requests."""
