"""Prompts: how a written sequence begins, and the network's state after it has been read."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.core.runtime.threads import Team
from textgen.lm.inference.next_token import NextToken, States
from textgen.lm.storage.model import LanguageModel
from textgen.text.tokens.reading import Prompt, read_prompt


@dataclass(frozen=True)
class Beginning:
    """Where the writing begins, after a prompt.

    first_input : the id to be read next. state : (S, 1, H) of each recurrent layer.
    """

    prompt: Prompt
    first_input: int
    state: States


def tokens_of(model: LanguageModel, text: str) -> Prompt:
    """The prompt `text` in the tokens of `model`."""
    return read_prompt(text, model.tokenizer, model.vocabulary, model.text.lowercase)


class Reader:
    """What reads prompts, one after the other."""

    def __init__(self, model: LanguageModel, team: Team) -> None:
        self._next_token = NextToken(model, team)

    def read(self, prompt: Prompt) -> Beginning:
        """The state when all of the prompt but its last token has been read."""
        return Beginning(prompt, *self._next_token.begin(prompt.ids.tolist()))
