"""A model in the store with all that belongs to it, for the tests of the store's upkeep."""

from textgen.lm.storage.store import models_folder


def whole(path):
    """The model at `path`, with a file of each kind that belongs to it; what they hold by suffix."""
    for suffix in (".checkpoint", ".index"):
        path.with_suffix(suffix).write_bytes(f"{path.stem}{suffix}".encode())
    return {suffix: path.with_suffix(suffix).read_bytes() for suffix in (".safetensors", ".checkpoint", ".index")}


def left():
    """The names of all files in the store."""
    return sorted(path.name for path in models_folder().iterdir())


def all_of(name):
    return [f"{name}.checkpoint", f"{name}.index", f"{name}.safetensors"]
