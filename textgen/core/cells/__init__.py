"""The registry of recurrent cells: name -> the module that holds it.

Modules are named, not imported, so that the names can be listed without loading Numba. A new cell is one file
in this folder (it defines one `Cell`) and one entry here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen.core.cells.cell import Cell

CELLS: dict[str, tuple[str, str]] = {
    "rnn": ("textgen.core.cells.rnn", "RNN"),
    "gru-simple": ("textgen.core.cells.gru_simple", "GRU_SIMPLE"),
    "gru": ("textgen.core.cells.gru", "GRU"),
    "lstm": ("textgen.core.cells.lstm", "LSTM"),
    "lstm-linear": ("textgen.core.cells.lstm", "LSTM_LINEAR"),
    "lstm-peephole": ("textgen.core.cells.lstm", "LSTM_PEEPHOLE"),
}


def load_cell(name: str) -> Cell:
    """The cell registered as `name`. Raises KeyError for a name that is not in CELLS."""
    module, attribute = CELLS[name]
    cell: Cell = getattr(import_module(module), attribute)
    return cell
