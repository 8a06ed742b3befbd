"""The numeric core: arrays in, arrays out. It knows no text and prints nothing; it writes compiled kernels alone."""
