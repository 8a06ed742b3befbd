"""From the bytes of files to packed sequences."""
