"""Options that there are not: a sentence that helps, where the nearest spelling would not."""

from typing import Any

import pytest
import typer

from textgen.cli.app import app
from textgen.cli.unknown_options import _NAMES

SAID = {
    "train x --bidirectional": (
        "there is no --bidirectional: a model that writes cannot look ahead, so every network here reads from left to"
        " right; see `textgen train --help`"
    ),
    "train x --gpu": "there is no --gpu: textgen computes on the CPU alone; --threads says with how many cores;",
    "train x --device=cuda:0": "there is no --device: textgen computes on the CPU alone;",
    "sample --cuda": "there is no --cuda: textgen computes on the CPU alone;",
    "train x --attention 4": "there is no --attention: the networks here are recurrent, without attention; `textgen",
    "train x --transformer": "there is no --transformer: the networks here are recurrent",
    "train x --lr-schedule cosine": "there is no --lr-schedule: the learning rate rises for --warmup steps to --lr and",
    "train x --scheduler cosine": "there is no --scheduler: the learning rate rises",
    "sample --beam 4": "there is no --beam: `textgen sample` draws; `textgen complete` searches",
    "sample --beams 4": "there is no --beams: `textgen sample` draws; `textgen complete` searches",
    "sample --num-samples 3": "there is no --num-samples: it is called --count; see `textgen sample --help`",
    "sample --n 3": "there is no --n: it is called --count;",
    "sample --top_k 3": "there is no --top_k: it is called --top-k;",
    "sample --Top_K=3": "there is no --Top_K: it is called --top-k;",
    "sample --output-length 3": "there is no --output-length: it is called --max-length;",
    "train x --learning-rate 3": "there is no --learning-rate: it is called --lr;",
    "train x --learning_rate 3": "there is no --learning_rate: it is called --lr;",
    "train x --batch-size 3": "there is no --batch-size: it is called --batch;",
    "train x --seq-length 3": "there is no --seq-length: it is called --bptt;",
    "train x --rnn-size 3": "there is no --rnn-size: it is called --hidden;",
    "train x --hidden-size 3": "there is no --hidden-size: it is called --hidden;",
    "train x --num-layers 3": "there is no --num-layers: it is called --layers;",
    "train x --word": "there is no --word: it is called --level word;",
    "sample --char": "there is no --char: it is called --level char;",
    # What belongs to another command, or to another place.
    "score --learning-rate 3": "there is no --learning-rate here: --lr is an option of `textgen train`; see",
    "evaluate x --temperature 2": "there is no --temperature here: it is an option of `textgen sample`, `textgen",
    "train x --version": "there is no --version here: it is an option of `textgen`;",
    "--model x sample": "--model stands too early: it comes after the command, as in `textgen sample --model`;",
    "info -m x": "there is no -m: the model is its argument: `textgen info NAME`; see `textgen info --help`",
    "info --model x": "there is no --model: the model is its argument: `textgen info NAME`;",
    "models -m x": "there is no -m: `textgen models` lists all; `textgen info NAME` shows one;",
    # Misspellings, and what nobody knows.
    "train x --hiden 3": "no such option: --hiden (Possible options: --hidden, --index, --tie); see `textgen train",
    "sample --zzz": "no such option: --zzz; see `textgen sample --help`",
    "--zzz": "no such option: --zzz; see `textgen --help`",
    "sample -N 3": "no such option: -N;",
    "sample --\x1b[31m": "no such option: --\\x1b[31m;",
}


@pytest.mark.parametrize("line", SAID)
def test_an_option_that_there_is_not(textgen, line):
    done = textgen(*line.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"textgen: {SAID[line]}")
    assert done.err.count("\n") == 1


def test_another_name_leads_to_an_option_that_there_is_and_is_none_itself():
    group: Any = typer.main.get_command(app)
    options = [{name for one in command.params for name in one.opts} for command in group.commands.values()]
    for other, name in _NAMES.items():
        owners = [known for known in options if name.split()[0] in known]
        assert owners, name
        assert all(other not in known for known in owners), other
