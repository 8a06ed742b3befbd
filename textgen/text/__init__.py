"""From text to token ids and back. No arithmetic on weights."""
