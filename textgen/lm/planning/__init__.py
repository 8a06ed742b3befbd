"""What a training will be, chosen before it starts."""
