"""What is worth a warning in a training, each with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.history import Validation
from textgen.lm.training.reports import Report, ValidationReport
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.tokenizers import TOKENIZERS
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

_MOST_UNKNOWN = 0.1  # of the held-out tokens

# A model memorises when its loss on the training text is so far below that on the held-out part ...
_LEAST_GAP = 0.2  # nats per token
_RELATIVE_GAP = 0.2  # of the held-out loss
_CHANCE = 6.0  # nats: three standard errors of the mean of one token's loss, which has a deviation of some two nats
# ... and this gets worse, or they are worlds apart.
_WORSE = 1.01  # of the best held-out loss
_TIMES_WORSE = 2  # validations in a row
_WORLDS_APART = 0.5  # of the held-out loss


def unknown_tokens(corpus: Corpus, text: TextConfig) -> str | None:
    """A warning if `<unk>` covers more than a tenth of the held-out text, `<eos>` aside; or of all text."""
    ids = (corpus.train if corpus.valid is None else corpus.valid).ids
    words = ids[ids != EOS_ID]
    share = float(np.mean(words == UNK_ID)) if len(words) else 0.0
    if share <= _MOST_UNKNOWN:
        return None
    part = "text's" if corpus.valid is None else "held-out"
    noun = "words" if text.level == "word" else "characters"
    return (
        f"{100 * share:.0f} % of the {part} {noun} are outside the vocabulary, and all one to the model, <unk>, which"
        f" it never writes; {_joined(_ways_to_know_more(corpus, text))}"
    )


def sorted_list(corpus: Corpus, text: TextConfig) -> str | None:
    """A warning if the end of a sorted list is held out; not if the state is carried on, so that the order matters."""
    if text.carry or not corpus.is_sorted:
        return None
    return (
        "the text looks like a sorted list, its neighbours are in alphabetical order; what is held out is its end, of"
        f" another kind than the rest; {_joined(['--shuffle'])}"
    )


def _ways_to_know_more(corpus: Corpus, text: TextConfig) -> Iterator[str]:
    tokenizer = TOKENIZERS[text.tokenizer]
    min_count = tokenizer.min_count if text.min_count is None else text.min_count
    max_vocab = tokenizer.max_vocab if text.max_vocab is None else text.max_vocab
    if text.level == "word":
        yield "--level char"
    if min_count > 1:
        yield f"a lower --min-count than {min_count}"
    if 0 < max_vocab <= len(corpus.vocabulary) - 2:
        yield f"a larger --max-vocab than {max_vocab:,}"
    yield "more text"


def against_divergence(training: TrainingConfig) -> str:
    """What to do where a training has diverged; its weight decay cannot be at fault, see `TrainingConfig`."""
    ways = [f"a lower --lr than {training.lr:g}"]
    if training.optimizer == "sgd" and training.momentum:
        ways.append(f"a lower --momentum than {training.momentum:g}")
    ways.append(f"a lower --clip than {training.clip:g}" if training.clip else f"--clip {TrainingConfig.clip:g}")
    return _joined(ways)


class Memorisation:
    """Whether a model learns its text by heart, found out from one validation after the other.

    With dropout, the loss on the training text is larger than the model's own. So less is found then, never too much.
    """

    def __init__(self, corpus: Corpus, training: TrainingConfig) -> None:
        """training : settled. If nothing is held out, nothing is ever found."""
        self._valid_tokens, self._training = 0 if corpus.valid is None else len(corpus.valid.ids), training
        self._knowing_nothing = math.log(len(corpus.vocabulary))  # the loss of a model that does
        self._best = math.inf
        self._times_worse = 0
        self._is_known = False

    def recall(self, validations: Iterable[Validation]) -> None:
        """Take in those of a history, from which a training goes on; what they show has been told then."""
        for entry in validations:
            self.find(entry.train_loss, entry.valid_loss)

    def find(self, train_loss: float | None, valid_loss: float | None) -> str | None:
        """A warning, once, at the validation that shows it; None, or a loss that is no number, shows nothing."""
        if train_loss is None or valid_loss is None or not math.isfinite(train_loss + valid_loss):
            return None
        self._best = min(self._best, valid_loss)
        self._times_worse = self._times_worse + 1 if valid_loss > _WORSE * self._best else 0
        if self._is_known or not self._is_found(train_loss, valid_loss):
            return None
        self._is_known = True
        return (
            f"the model learns its text by heart: its loss is {train_loss:.2f} there and"
            f" {valid_loss:.2f} on the held-out part (at best {self._best:.2f}); {_joined(self._ways_out())}"
        )

    def _is_found(self, train_loss: float, valid_loss: float) -> bool:
        chance = _CHANCE / math.sqrt(self._valid_tokens)
        is_far = valid_loss - train_loss > max(_LEAST_GAP, _RELATIVE_GAP * valid_loss, chance)
        is_worse = self._times_worse >= _TIMES_WORSE
        has_learnt = train_loss < self._knowing_nothing  # else it has gone astray, whatever the other loss is
        return has_learnt and is_far and (is_worse or train_loss < _WORLDS_APART * valid_loss)

    def _ways_out(self) -> Iterator[str]:
        dropout, size = self._training.dropout, self._training.size
        if dropout < 0.5:
            yield f"more --dropout than {dropout:g}"
        if size != "small":
            yield "a smaller --size" if size else "fewer --hidden units"
        yield (
            "a shorter --time"
            if self._training.seconds
            else "fewer --steps"
            if self._training.steps
            else "fewer --epochs"
        )
        yield "more text"


def warned(reports: Iterable[Report], memorisation: Memorisation, warn: Callable[[str], None]) -> Iterator[Report]:
    """All reports as they come; after the one that shows that the text is memorised, that is told to `warn`."""
    for report in reports:
        yield report
        if not isinstance(report, ValidationReport):
            continue
        if warning := memorisation.find(report.train_loss, report.valid_loss):
            warn(warning)


def _joined(ways: Iterable[str]) -> str:
    """'what helps: a, b or c'."""
    *others, last = ways
    return f"what helps: {', '.join(others)} or {last}" if others else f"what helps: {last}"
