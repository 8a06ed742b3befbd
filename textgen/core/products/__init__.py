"""All matrix products."""
