"""Whole trainings in plain PyTorch, to compare textgen's with: what the same minutes give on the same machine.

    python -m tests.benchmarks.pytorch_training char TRAIN VALID --minutes 3 [--dropout 0.5]
    python -m tests.benchmarks.pytorch_training words TRAIN VALID TEST --minutes 20

char is an LSTM of 512 units with one-hot input. words is two LSTM layers of 256 units, the output tied to the
embedding, over tokens between blanks and an <eos> a line, with the whole softmax. Both: Adam, its learning rate falling
along a half cosine by the clock, the state carried from window to window. The minutes hold everything from the making
of the network to the end of the last validation; the test text, if one is given, is read after them, with the
parameters of the best validation. One JSON object a validation, and one at the end; losses are nats per token. Run it
on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

try:
    import torch
except ImportError:
    torch = None

_CONTEXT = 256  # tokens before a held-out row's first one that bring its state up
_ROWS = 32  # that a held-out text is cut into
_SAMPLE = 0.05  # the share of the held-out text by which the time of reading it is forecast


@dataclass(frozen=True)
class Setup:
    """What is trained. tied : embedding and output are one matrix; else the input is one-hot. lr : the highest."""

    hidden: int
    layers: int
    tied: bool
    dropout: float
    batch: int
    bptt: int
    lr: float
    clip: float = 1.0
    seed: int = 1


SETUPS = {
    "char": Setup(hidden=512, layers=1, tied=False, dropout=0.0, batch=32, bptt=128, lr=2e-3),
    "words": Setup(hidden=256, layers=2, tied=True, dropout=0.3, batch=32, bptt=35, lr=2e-3),
}


def read_tokens(task: str, path: Path) -> list[str]:
    """The characters of a text, or its words, each line ended by <eos>."""
    text = path.read_text(encoding="utf-8")
    if task == "char":
        return list(text)
    return [token for line in text.splitlines() for token in (*line.split(), "<eos>")]


class Network:
    """Embedding or one-hot input, dropout, nn.LSTM, dropout, linear layer."""

    def __init__(self, setup: Setup, V: int) -> None:
        nn, H = torch.nn, setup.hidden
        self.V = V
        self.embedding = nn.Embedding(V, H) if setup.tied else None
        self.recurrent = nn.LSTM(H if setup.tied else V, H, setup.layers, dropout=setup.dropout * (setup.layers > 1))
        self.output = nn.Linear(H, V)
        self.dropout = nn.Dropout(setup.dropout)
        parts = [self.recurrent, self.output, self.dropout]
        if self.embedding is not None:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight
            parts.append(self.embedding)
        self.module = nn.ModuleList(parts)

    def hidden(self, ids: Any, state: Any) -> tuple[Any, Any]:
        """The top layer's outputs (T, B, H) for `ids` (T, B), and the state after them."""
        if self.embedding is None:
            below = torch.nn.functional.one_hot(ids, self.V).float()
        else:
            below = self.dropout(self.embedding(ids))
        hidden, state = self.recurrent(below, state)
        return hidden, state

    def loss(self, ids: Any, targets: Any, state: Any, reduction: str = "mean") -> tuple[Any, Any]:
        """The loss of `targets` after `ids`, both (T, B), and the state after them."""
        hidden, state = self.hidden(ids, state)
        logits = self.output(self.dropout(hidden))
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction), state


def windows(ids: Any, batch: int, bptt: int) -> Iterator[tuple[Any, Any, bool]]:
    """Inputs and targets (T, B) out of `batch` rows, again and again; whether a pass, and so the state, begins anew."""
    T = (len(ids) - 1) // batch
    inputs, targets = (part[: T * batch].view(batch, T).t() for part in (ids[:-1], ids[1:]))
    for _ in itertools.count():
        for t in range(0, T, bptt):
            yield inputs[t : t + bptt], targets[t : t + bptt], t == 0


def held_out_loss(network: Network, ids: Any, bptt: int) -> float:
    """The mean loss of all of `ids` but the first, the state being carried from the beginning to the end.

    To be read side by side, the text is cut into rows; each row's state is brought up by the tokens before it.
    """
    inputs, targets = ids[:-1], ids[1:]
    T = max(-(-len(targets) // _ROWS), _CONTEXT)
    rows = -(-len(targets) // T)
    padding = rows * T - len(targets)
    inputs = torch.cat([inputs, inputs.new_zeros(padding)]).view(rows, T).t()
    targets = torch.cat([targets, targets.new_full((padding,), -100)]).view(rows, T).t()  # -100: not counted
    network.module.eval()
    with torch.no_grad():
        state, nats = None, 0.0
        if rows > 1:
            _, ended = network.hidden(inputs[-_CONTEXT:, :-1], None)
            state = tuple(torch.cat([torch.zeros_like(part[:, :1]), part], dim=1) for part in ended)
        for t in range(0, T, bptt):
            loss, state = network.loss(inputs[t : t + bptt], targets[t : t + bptt], state, reduction="sum")
            nats += float(loss)
    network.module.train()
    return nats / (len(ids) - 1)


class Training:
    """One training against the clock, from its first step on."""

    def __init__(self, setup: Setup, V: int, train: Any, valid: Any, seconds: float) -> None:
        self.started = time.perf_counter()
        torch.manual_seed(setup.seed)
        self.setup, self.valid, self.seconds = setup, valid, seconds
        self.network = Network(setup, V)
        self.parameters = list(self.network.module.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=setup.lr, fused=True)
        self.windows = windows(train, setup.batch, setup.bptt)
        self.state: Any = None
        self.tokens, self.training_seconds = 0, 0.0
        self.validation_seconds = self._forecast()

    def run(self, validations: int) -> Iterator[dict[str, Any]]:
        """A record a validation; they are spread evenly over the time, the last one ending with it."""
        for number in range(1, validations + 1):
            self._train_until(self.seconds * number / validations - self.validation_seconds)
            begun = self._elapsed()
            loss = held_out_loss(self.network, self.valid, self.setup.bptt)
            self.validation_seconds = self._elapsed() - begun
            yield {
                "seconds": round(self._elapsed(), 2),
                "tokens": self.tokens,
                "tokens_per_second": round(self.tokens / self.training_seconds, 1) if self.tokens else None,
                "valid_loss": loss,
                "valid_perplexity": math.exp(loss),
            }

    def _elapsed(self) -> float:
        return time.perf_counter() - self.started

    def _forecast(self) -> float:
        """How long a validation will take, by a small one."""
        sample = self.valid[: max(2, int(_SAMPLE * len(self.valid)))]
        held_out_loss(self.network, sample, self.setup.bptt)  # the first one prepares what is used again
        begun = self._elapsed()
        held_out_loss(self.network, sample, self.setup.bptt)
        return (self._elapsed() - begun) * len(self.valid) / len(sample)

    def _train_until(self, end: float) -> None:
        """Steps until `end` seconds have passed since the start."""
        begun = self._elapsed()
        while self._elapsed() < end:
            self._step()
        self.training_seconds += self._elapsed() - begun

    def _step(self) -> None:
        """One update."""
        inputs, targets, is_first = next(self.windows)
        progress = min(1.0, self._elapsed() / (self.seconds - self.validation_seconds))
        for group in self.optimizer.param_groups:
            group["lr"] = self.setup.lr * 0.5 * (1 + math.cos(math.pi * progress))
        loss, state = self.network.loss(inputs, targets, None if is_first else self.state)
        self.state = tuple(part.detach() for part in state)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.setup.clip)
        self.optimizer.step()
        self.tokens += targets.numel()


def run(task: str, setup: Setup, paths: list[Path], seconds: float, validations: int) -> Iterator[dict[str, Any]]:
    """The records of a training on the first of `paths`, validated on the second, tested on the third if there is one.

    Tokens that the first lacks become <unk>. A text's first token is predicted from the end of a line.
    """
    texts = [read_tokens(task, path) for path in paths]
    vocabulary = {token: idx for idx, token in enumerate(sorted({*texts[0], "<unk>"}))}
    line_end = {"char": "\n", "words": "<eos>"}[task]
    train, valid, *test = (
        torch.tensor([vocabulary.get(token, vocabulary["<unk>"]) for token in (line_end, *tokens)]) for tokens in texts
    )
    training = Training(setup, len(vocabulary), train, valid, seconds)
    best, best_parameters = math.inf, None
    for record in training.run(validations):
        yield {"event": "validation", **record}
        if record["valid_loss"] < best:
            best, best_parameters = record["valid_loss"], copy.deepcopy(training.network.module.state_dict())
    end = {"event": "finished", **record, "valid_loss": best, "valid_perplexity": math.exp(best)}
    if test and best_parameters is not None:
        training.network.module.load_state_dict(best_parameters)
        loss = held_out_loss(training.network, test[0], setup.bptt)
        end |= {"test_loss": loss, "test_perplexity": math.exp(loss)}
    sizes = {"vocabulary": len(vocabulary), "parameters": sum(p.numel() for p in training.parameters)}
    conditions = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    yield end | {"task": task, "minutes": seconds / 60} | sizes | asdict(setup) | conditions


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=SETUPS)
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT", help="to train on, to validate on, to test on")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--validations", type=int, default=1, help="evenly spread; the best one counts")
    parser.add_argument("--threads", type=int, default=2)
    for name in ("hidden", "layers", "batch", "bptt", "seed"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("dropout", "lr", "clip"):
        parser.add_argument(f"--{name}", type=float)
    options = parser.parse_args()
    if torch is None:
        sys.exit("this needs PyTorch: pip install '.[peers]'")
    if len(options.texts) not in (2, 3):
        parser.error("give a text to train on and one to validate on, and perhaps one to test on")
    torch.set_num_threads(options.threads)
    given = {
        name: value for name, value in vars(options).items() if name in Setup.__annotations__ and value is not None
    }
    setup = Setup(**{**asdict(SETUPS[options.task]), **given})
    for record in run(options.task, setup, options.texts, 60 * options.minutes, options.validations):
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
