"""How a model is asked: the protocol, LiteLLM and the simulator behind it, and what they need to ask a provider."""
