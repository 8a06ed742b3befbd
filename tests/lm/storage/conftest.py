"""A small model in a file."""

import pytest

from tests.lm.storage.small_model import make_model
from textgen.lm.storage.model_file import save_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    save_model(make_model(), path)
    return path
