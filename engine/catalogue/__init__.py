"""What is known of models without asking anybody: their ids, providers, abilities, prices and what a call costs."""
