"""Damaged files: each is read as it is, or refused in words; none ends a command with a traceback.

Ten thousand more: `python -m tests.benchmarks.mutations`.
"""

import random

import pytest

from tests.cli.mutations import SOUND, mutated, use
from textgen.errors import TextgenError


@pytest.mark.parametrize("sound", SOUND, ids=lambda path: path.name)
def test_the_sound_files_themselves_can_be_used(sound):
    use(sound)


@pytest.mark.parametrize("sound", SOUND, ids=lambda path: path.name)
def test_a_mutated_file_is_used_or_refused(sound, tmp_path):
    """With warnings as errors: nothing overflows on the way."""
    content, path = sound.read_bytes(), tmp_path / f"mutated{sound.suffix}"
    messages = []
    for seed in range(80):
        path.write_bytes(mutated(content, random.Random(seed)))
        try:
            use(path)
        except TextgenError as error:
            messages.append(str(error))
        except Exception as error:
            pytest.fail(f"mutation {seed}: {type(error).__name__}: {error}"[:500])
    assert 20 < len(messages) < 80, "some mutations are harmless, many are not"
    assert all(len(message) < 1000 and "\n" not in message for message in messages)
