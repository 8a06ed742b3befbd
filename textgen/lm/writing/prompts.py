"""Prompts: how a written sequence begins, and the network's state after it has been read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.core.runtime.threads import Team
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.text.tokens.vocabulary import UNK_ID
from textgen.text.tokens.windows import NO_TARGET, Window


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model reads it.

    text : as it is shown, of the tokens below and, where it ends within a word, of the beginning of that. tokens, ids :
    those that are read, int32 [tokens]; of a token that the model does not know the id is that of `<unk>`.
    beginnings : ids of which the first drawn token has to be one, where the prompt ends within a word; none: it may be
    any.
    """

    text: str
    tokens: tuple[str, ...]
    ids: npt.NDArray[np.int32]
    beginnings: tuple[int, ...] = ()

    @property
    def unknown(self) -> int:
        """How many of its tokens are read as `<unk>`."""
        return int(np.count_nonzero(self.ids == UNK_ID))


@dataclass(frozen=True)
class Beginning:
    """Where the writing begins, after a prompt.

    first_input : the id to be read next. state : (S, 1, H) of each recurrent layer.
    """

    prompt: Prompt
    first_input: int
    state: list[np.ndarray]


def read_prompt(model: LanguageModel, text: str) -> Prompt:
    """The prompt `text` in the tokens of `model`."""
    tokens = model.tokenize(text)
    return Prompt(model.tokenizer.detokenize(tokens), tuple(tokens), model.vocabulary.ids_of(tokens))


class Reader:
    """What reads prompts, one after the other."""

    def __init__(self, model: LanguageModel, team: Team) -> None:
        self._first_input = model.first_input
        self._computation = Computation.without_training(model.network, team)
        self._computation.prepare(1, 1)

    def read(self, prompt: Prompt) -> Beginning:
        """The state when all of the prompt but its last token has been read."""
        ids = np.array([self._first_input, *prompt.ids], np.int32)
        self._computation.reset()
        if len(ids) > 1:
            column = ids[:-1, None]
            starts = np.zeros(column.shape, np.bool_)
            self._computation.forward(Window(column, starts, np.full(column.shape, NO_TARGET, np.int32)))
        return Beginning(prompt, int(ids[-1]), [layer.state.copy() for layer in self._computation.recurrent])
