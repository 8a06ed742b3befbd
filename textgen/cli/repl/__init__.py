"""Writing together with a model, turn by turn."""
