"""What a provider's refusal means: its kind and its words, how long to wait, and for how many tokens there is room."""
