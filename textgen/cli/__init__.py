"""The command line: options in, one library call, rendering, an exit code."""

from textgen.cli.boundary import main

__all__ = ["main"]
