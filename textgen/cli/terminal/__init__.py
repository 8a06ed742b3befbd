"""Standard output and error, the keyboard, signals."""
