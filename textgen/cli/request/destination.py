"""Where a training puts its model and its checkpoint, checked before the work begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from textgen.errors import ModelExistsError
from textgen.lm.progress.checkpoint import save_checkpoint
from textgen.lm.storage.atomic_write import output_error, remove_leftovers
from textgen.lm.storage.claim import Claim, claim_free, claim_output
from textgen.lm.storage.model_file import save_model
from textgen.lm.storage.store import checkpoint_path, index_path, name_of

if TYPE_CHECKING:
    from textgen.lm.progress.checkpoint import Origin
    from textgen.lm.progress.state import Snapshot
    from textgen.lm.storage.model import LanguageModel


class Destination:
    """Two files that are ours to write, again and again, from the first time on; nobody else may until the block ends.

    has_checkpoint : whether there is one of this training.
    """

    def __init__(self, claim: Claim, *, overwrite: bool, has_checkpoint: bool = False) -> None:
        self._claim = claim
        self.has_checkpoint = has_checkpoint
        self._overwrite = self._overwrite_checkpoint = overwrite

    @classmethod
    def checked(cls, name: str | None, output: Path | None, corpus: Path, level: str, *, force: bool) -> Self:
        """The place that the options ask for. Raises as `claim_output` does."""
        return cls(claim_output(name, output, corpus, level, force=force), overwrite=force)

    @classmethod
    def resumed(cls, path: Path) -> Self:
        """The place of the training that is gone on with. Raises ModelBusyError or OutputError."""
        return cls(Claim(path), overwrite=True, has_checkpoint=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._claim.release()

    @property
    def path(self) -> Path:
        """The model's file."""
        return self._claim.path

    @property
    def name(self) -> str:
        """What `--model` takes."""
        return name_of(self.path)

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's file."""
        return checkpoint_path(self.path)

    @property
    def index(self) -> Path:
        """The file of the text's index."""
        return index_path(self.path)

    def clear(self) -> None:
        """Remove what a killed process may have left beside these files while it wrote them."""
        for file in (self.path, self.checkpoint, self.index):
            remove_leftovers(file)

    def save(self, model: LanguageModel) -> None:
        """Write `model`. If another process took the file since we looked, a free name beside it is used."""
        try:
            save_model(model, self.path, overwrite=self._overwrite)
        except ModelExistsError:
            self._move()
            self.save(model)
        self._overwrite = True

    def save_checkpoint(self, origin: Origin, snapshot: Snapshot) -> None:
        """Write a checkpoint, in the same way."""
        try:
            save_checkpoint(origin, snapshot, self.checkpoint, overwrite=self._overwrite_checkpoint)
        except ModelExistsError:
            self._move()
            self.save_checkpoint(origin, snapshot)
        self._overwrite_checkpoint = self.has_checkpoint = True

    def _move(self) -> None:
        """Take another name; a checkpoint of ours that has the old one comes along."""
        old, before = self.checkpoint, self._claim
        self._claim = claim_free(self.path)
        try:
            if self.has_checkpoint:
                old.replace(self.checkpoint)
        except OSError as error:
            raise output_error(self.checkpoint, error) from error
        finally:
            before.release()
