"""`textgen info --plot`: the learning curve as a file."""

import struct
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tests.cli.show.curves import OVERFITTED, curve_of
from textgen.lm.storage.history import History
from textgen.lm.storage.model_file import load_model, save_model

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(content):
    """All texts in an SVG file."""
    return [element.text for element in ET.fromstring(content).iter(f"{SVG}text")]


def test_without_matplotlib_it_says_what_to_install(textgen, stored, tmp_path, monkeypatch):
    stored("lines")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = textgen("info", "--plot", tmp_path / "curve.svg")
    assert (done.code, done.out) == (2, "")
    assert done.err == "textgen: --plot needs matplotlib, which is not installed: `pip install 'textgen[plot]'`\n"
    assert textgen("info").code == 0, "everything else is there"


@pytest.mark.parametrize("name", ["curve.pdf", "curve", "png", ".svg", "-", "curve.svg.gz"])
def test_other_formats_are_refused(textgen, stored, tmp_path, monkeypatch, name):
    stored("lines")
    monkeypatch.chdir(tmp_path)
    done = textgen("info", "--plot", name)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"textgen: --plot cannot be '{name}': give a file whose name ends in .png or .svg\n"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_svg_holds_its_words_as_text(textgen, stored, tmp_path):
    stored("lines", "plays")
    path = tmp_path / "curve.svg"
    done = textgen("info", "plays", "--plot", path)
    assert done.code == 0
    assert done.out.startswith("file\t"), "what info shows else is shown"
    assert done.err == f"model     plays\nplot      {path}\n"
    texts = texts_of(path.read_bytes())
    assert "Learning curve of plays" in texts
    assert "loss (nats per token)" in texts
    assert {"held out", "trained on"} <= set(texts)
    assert [text for text in texts if text.startswith("tokens trained on, in thousands (3 epochs, 0:")]
    assert [text for text in texts if text.startswith("best: ") and text.endswith(" at epoch 3")]


def test_png(textgen, stored, tmp_path):
    stored("lines")
    path = tmp_path / "CURVE.PNG"
    assert textgen("info", "--plot", path, "-q", "--json").records[0]["model"] == "lines"
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (1050, 675), "7 by 4.5 inches at 150 dots"


def test_a_plot_that_exists_is_kept(textgen, stored, tmp_path):
    stored("lines")
    path = tmp_path / "curve.svg"
    path.write_text("mine")
    done = textgen("info", "--plot", path)
    assert (done.code, done.out) == (2, "")
    assert f"{path} exists already; choose another name, or give --force to replace it" in done.err
    assert path.read_text() == "mine"
    assert textgen("info", "--plot", path, "--force").code == 0
    assert texts_of(path.read_bytes())


def test_a_folder_that_is_not_there(textgen, stored, tmp_path):
    stored("lines")
    done = textgen("info", "--plot", tmp_path / "absent" / "curve.svg")
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("cannot be written: No such file or directory\n")


def test_a_model_without_a_history(textgen, stored, tmp_path):
    path = stored("lines")
    model = load_model(path)
    model.history = History()
    save_model(model, path, overwrite=True)
    done = textgen("info", "--plot", tmp_path / "curve.svg")
    assert (done.code, done.out) == (2, "")
    assert "there is no learning curve: no validation is in the model's history" in done.err


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_curve_gives_the_same_bytes(tmp_path, suffix):
    from textgen.cli.show.plot import write_plot

    contents = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}{suffix}"
        write_plot(curve_of(OVERFITTED), path, force=False)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["春眠", "a$b$c", "a_{b}\\frac"])
def test_any_name_of_a_model_is_its_title(tmp_path, name):
    from textgen.cli.show.plot import write_plot

    for suffix in (".png", ".svg"):
        write_plot(curve_of(OVERFITTED, name), tmp_path / f"curve{suffix}", force=False)
    assert f"Learning curve of {name}" in texts_of((tmp_path / "curve.svg").read_bytes())


def test_what_is_drawn():
    from textgen.cli.show.plot import draw_figure

    curve = curve_of(OVERFITTED)
    [axes] = draw_figure(curve).axes
    held_out, trained, best = axes.get_lines()
    for line, points in ((held_out, curve.held_out), (trained, curve.trained)):
        assert line.get_xydata() == pytest.approx(np.array([(point.tokens / 1e6, point.loss) for point in points]))
    assert best.get_xydata() == pytest.approx(np.array([(1.0, 1.75)]))
    assert held_out.get_linestyle() != trained.get_linestyle(), "they can be told apart in black and white"
