"""Property tests draw the same examples in every run, and take the time they need."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("textgen", derandomize=True, deadline=None, database=None)
settings.load_profile("textgen")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of the texts that are shipped."""
    return Path(__file__).parents[2] / "corpora"
