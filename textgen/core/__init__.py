"""The numeric core: arrays in, arrays out. No strings, no files, no printing."""
