"""Prompts: how a written sequence begins, and the network's state after it has been read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textgen.core.runtime.threads import Team
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.text.tokens.reading import Prompt, read_prompt
from textgen.text.tokens.windows import NO_TARGET, Window


@dataclass(frozen=True)
class Beginning:
    """Where the writing begins, after a prompt.

    first_input : the id to be read next. state : (S, 1, H) of each recurrent layer.
    """

    prompt: Prompt
    first_input: int
    state: list[np.ndarray]


class Reader:
    """What reads prompts, one after the other."""

    def __init__(self, model: LanguageModel, team: Team) -> None:
        self._model = model
        self._computation = Computation.without_training(model.network, team)
        self._computation.prepare(1, 1)

    def tokens(self, text: str) -> Prompt:
        """`text` in the model's tokens."""
        model = self._model
        return read_prompt(text, model.tokenizer, model.vocabulary, model.text.lowercase)

    def read(self, prompt: Prompt) -> Beginning:
        """The state when all of the prompt but its last token has been read."""
        ids = np.array([self._model.first_input, *prompt.ids], np.int32)
        self._computation.reset()
        if len(ids) > 1:
            column = ids[:-1, None]
            starts = np.zeros(column.shape, np.bool_)
            self._computation.forward(Window(column, starts, np.full(column.shape, NO_TARGET, np.int32)))
        return Beginning(prompt, int(ids[-1]), [layer.state.copy() for layer in self._computation.recurrent])
