"""The options that the benchmarks have in common."""

from __future__ import annotations

import argparse
from pathlib import Path


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for --threads, --only and --text."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", metavar="SUBSTRING", help="cases whose name contains it")
    parser.add_argument("--text", type=Path, metavar="DIR", help="tinyshakespeare/train.txt and wikitext-2/train.txt")
    return parser


def is_chosen(name: str, only: list[str] | None) -> bool:
    """Whether the case `name` is to be run."""
    return only is None or any(part in name for part in only)
