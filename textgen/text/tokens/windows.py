"""The training stream: a packed text cut into windows of T time steps for B rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.text.tokens.packed import Ids, PackedText
from textgen.text.tokens.vocabulary import EOS_ID

NO_INPUT = -1  # the zero vector
NO_TARGET = -1  # not counted in the loss


@dataclass(frozen=True)
class Window:
    """T time steps of B rows.

    inputs : int32 [T, B], the previous token's id, or NO_INPUT.
    starts : bool [T, B], True where the state is set to zero before the step.
    targets : int32 [T, B], the id to predict, or NO_TARGET.
    """

    inputs: npt.NDArray[np.int32]
    starts: npt.NDArray[np.bool_]
    targets: npt.NDArray[np.int32]


def fit_batch(tokens: int, batch: int, bptt: int) -> tuple[int, int]:
    """Rows and steps of a window that `tokens` tokens fill: first fewer rows than asked, then fewer steps."""
    while batch > 1 and batch * bptt > tokens:
        batch //= 2
    return batch, max(1, min(bptt, tokens))


def shuffled(text: PackedText, rng: np.random.Generator) -> Ids:
    """The ids of `text` with its sequences in a new order, of the same type."""
    return text.permuted(rng.permutation(len(text))).ids


def stream_windows(ids: Ids, B: int, T: int, carry: bool, begin: int = 0) -> Iterator[Window]:
    """Windows over B contiguous parts of a packed stream, one part a row; the last window may be shorter.

    ids : [tokens]; the last len(ids) % B tokens are left out.
    carry : the state runs on over `<eos>`, which is then an input like any other; nothing starts.
    begin : the number of the first window that is wanted, counted from 0; those before it cost nothing.
    """
    columns = len(ids) // B
    begins = np.arange(B) * columns
    rows = ids[: B * columns].reshape(B, columns)
    for first in range(begin * T, columns, T):
        targets = np.ascontiguousarray(rows[:, first : first + T].T, np.int32)
        inputs = np.empty_like(targets)
        inputs[1:] = targets[:-1]
        inputs[0] = ids[begins + first - 1]
        if first == 0:
            inputs[0, 0] = NO_INPUT if carry else EOS_ID
        starts = np.zeros(targets.shape, np.bool_) if carry else inputs == EOS_ID
        inputs[starts] = NO_INPUT
        yield Window(inputs, starts, targets)


def evaluation_windows(
    text: PackedText, B: int, T: int, context: int | None, carry: bool
) -> Iterator[tuple[Window, npt.NDArray[np.int64]]]:
    """Windows in which each token of `text` is a target once, as if each sequence ran alone (carry: as one).

    The text is cut into at most B rows of equal size. A row begins with a lead-in, whose targets are not
    counted: from the start of the sequence that its cut lies in, or from `context` tokens before the cut if
    that is nearer. `context` None is exact; to bound the lead-ins, there are then at most as many rows as the
    longest sequence fits into the text.

    Yields each window, of as many columns as there are rows, and positions : int64 [T, rows], the index into
    text.ids of each target, -1 where it is not counted. Past a row's end there are starts without input.
    """
    cuts, begins = _rows_with_lead_in(text, B, context, carry)
    ends = cuts[1:]
    longest_row = int((ends - begins).max(initial=0))
    for first in range(0, longest_row, T):
        places = begins + np.arange(first, min(first + T, longest_row))[:, None]
        past = places >= ends
        positions = np.where((places >= cuts[:-1]) & ~past, places, -1)
        targets = text.ids[positions].astype(np.int32)
        targets[positions < 0] = NO_TARGET
        inputs = text.ids[np.minimum(places, len(text.ids)) - 1].astype(np.int32)
        inputs[past | (places == 0)] = NO_INPUT
        starts = past | (places == begins)
        if not carry:
            inputs[inputs == EOS_ID] = NO_INPUT
            starts |= inputs == NO_INPUT
        yield Window(inputs, starts, targets), positions


def count_read(text: PackedText, B: int, context: int | None, carry: bool) -> int:
    """How many tokens `evaluation_windows` reads, those of the lead-ins included."""
    cuts, begins = _rows_with_lead_in(text, B, context, carry)
    return int((cuts[1:] - begins).sum())


def _rows_with_lead_in(text: PackedText, B: int, context: int | None, carry: bool) -> tuple[Ids, Ids]:
    """Where each row's counted part begins, with the last one's end, and where its lead-in begins."""
    tokens = len(text.ids)
    longest = tokens if carry else int(text.lengths.max(initial=0))
    rows = min(B, tokens if context is not None or tokens == 0 else tokens // longest)
    cuts = np.arange(rows + 1, dtype=np.int64) * tokens // max(rows, 1)
    if carry:
        begins: Ids = np.zeros(rows, np.int64)
    else:
        begins = text.starts[np.searchsorted(text.starts, cuts[:-1], "right") - 1]
    return cuts, begins if context is None else np.maximum(begins, cuts[:-1] - context)
