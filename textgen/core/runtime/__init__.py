"""How kernels are compiled and kept, and how threads share them out."""
