"""Where a training puts its model, checked before the work begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from textgen.errors import ModelExistsError
from textgen.lm.model_file import save_model
from textgen.lm.store import free_path, name_of, output_path

if TYPE_CHECKING:
    from textgen.lm.model import LanguageModel


class Destination:
    """A file that is ours to write, again and again, from the first model on."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite

    @classmethod
    def checked(cls, name: str | None, output: Path | None, corpus: Path, level: str, *, force: bool) -> Self:
        """The place that the options ask for. Raises ModelExistsError, OutputError or ConfigError."""
        while corpus.suffix in {".txt", ".gz", ".bz2", ".xz"}:
            corpus = corpus.with_suffix("")
        stem = "stdin" if str(corpus) == "-" else corpus.name
        return cls(output_path(name, output, f"{stem}-{level}", force=force), overwrite=force)

    @property
    def name(self) -> str:
        """What `--model` takes."""
        return name_of(self.path)

    def save(self, model: LanguageModel) -> None:
        """Write `model`. If another process took the file since we looked, a free name beside it is used."""
        try:
            save_model(model, self.path, overwrite=self._overwrite)
        except ModelExistsError:
            self.path = free_path(self.path)
            self.save(model)
        self._overwrite = True
