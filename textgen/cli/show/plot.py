"""The learning curve as a PNG or SVG file, drawn with matplotlib, which is an extra."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.errors import ConfigError
from textgen.lm.storage.atomic_write import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from textgen.cli.show.learning_curve import Curve

# The fields that would tell the hour or matplotlib's version are left out: the same curve gives the same bytes.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
}
SUFFIXES = tuple(_METADATA)
_STYLE: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "textgen", "savefig.dpi": 150}
# Two of the colours that the colour-blind tell apart, one light and one dark in grey (Okabe and Ito 2008).
_HELD_OUT, _TRAINED = "#0072B2", "#E69F00"
_MOST_MARKS = 40  # validations that are marked one by one


def check_plot(path: Path) -> None:
    """Raise ConfigError unless `path` has the suffix of a format that can be drawn, and matplotlib is there."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--plot cannot be '{path}': give a file whose name ends in {' or '.join(SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("--plot needs matplotlib, which is not installed: `pip install 'textgen[plot]'`") from error


def write_plot(curve: Curve, path: Path, *, force: bool) -> None:
    """Draw `curve` into the file at `path`, whose suffix says how.

    Raises ModelExistsError if the file is there and `force` is False, OutputError if it cannot be written.
    """
    from matplotlib import style

    suffix, content = path.suffix.lower(), io.BytesIO()
    with style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a model's name may be in any script
        draw_figure(curve).savefig(content, format=suffix[1:], metadata=_METADATA[suffix])
    write_atomically(path, [content.getvalue()], overwrite=force)


def draw_figure(curve: Curve) -> Figure:
    """Both losses over the tokens, the best point marked, without a window or the state that pyplot keeps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    size = curve.unit
    for points, label, colour, line, mark in (
        (curve.held_out, "held out", _HELD_OUT, "-", "o"),
        (curve.trained, "trained on", _TRAINED, "--", "s"),
    ):
        if points:
            tokens, losses = [point.tokens / size for point in points], [point.loss for point in points]
            shown = mark if len(points) <= _MOST_MARKS else ""
            axes.plot(tokens, losses, line, color=colour, marker=shown, markersize=3.5, linewidth=1.6, label=label)
    if curve.best is not None:
        place, label = (curve.best.tokens / size, curve.best.loss), f"best: {curve.note}"
        axes.plot(*place, "*", color="black", markersize=13, zorder=3, linestyle="none", label=label)
    low, high = curve.losses_shown
    axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    axes.set_xlim(left=0)
    axes.set_xlabel(curve.tokens_titles[0])
    axes.set_ylabel("loss (nats per token)")
    axes.set_title(f"Learning curve of {curve.name}", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure
