"""Where a training is between two steps, and its checkpoint."""
