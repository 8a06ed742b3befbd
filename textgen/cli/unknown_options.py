"""What to say to an option that there is not: what it is called here, where it belongs, or why there is none.

Whoever types `--bidirectional` has made no spelling mistake, and the option with the nearest spelling is no help.
"""

from __future__ import annotations

from typing import Any

from textgen.cli.app import whole_command

# Names that other programs have for the same thing, in groups.
_OTHER_NAMES = {
    "--batch": "batch-size minibatch",
    "--bptt": "seq-length seq-len sequence-length block-size context-size context-length window",
    "--cell": "rnn-type rnn model-type cell-type architecture",
    "--clip": "grad-clip gradient-clip gradient-clipping max-grad-norm clip-norm",
    "--count": "num-samples n n-samples samples num number",
    "--dropout": "dropout-rate dropout-prob",
    "--embedding": "embedding-size embedding-dim embed-size emb-size emsize",
    "--epochs": "num-epochs n-epochs max-epochs epoch",
    "--hidden": "rnn-size hidden-size hidden-units num-units units nhid",
    "--layers": "num-layers n-layers nlayers depth",
    "--level char": "char chars characters char-level",
    "--level word": "word words word-level",
    "--log": "log-file logfile",
    "--lowercase": "lower lower-case",
    "--lr": "learning-rate alpha",
    "--max-length": "output-length length max-tokens max-new-tokens max-len num-chars",
    "--max-vocab": "vocab-size vocabulary-size max-words",
    "--min-count": "min-freq min-frequency",
    "--output": "output-file out save save-model",
    "--patience": "early-stopping early-stop",
    "--prompt": "start primetext prime-text prefix seed-text start-string context",
    "--quiet": "silent no-progress",
    "--resume": "continue restore init-from",
    "--seed": "random-seed random-state",
    "--steps": "iterations iters max-iters num-steps max-steps",
    "--temperature": "temp",
    "--threads": "num-threads n-jobs jobs workers num-workers cores cpus",
    "--tie": "tied tie-weights weight-tying",
    "--time": "duration minutes max-time time-limit",
    "--top-p": "nucleus",
    "--valid": "validation validation-file valid-file val dev eval-file",
    "--valid-fraction": "validation-split val-split val-frac valid-split",
}
_NAMES = {f"--{other}": name for name, others in _OTHER_NAMES.items() for other in others.split()}

# What there is instead of an idea that has no option; {option} is as it was typed.
_CPU = "textgen computes on the CPU alone; --threads says with how many cores"
_RECURRENT = "the networks here are recurrent, without attention; `textgen train --cell` chooses the cell"
_RATE = "the learning rate rises for --warmup steps to --lr and falls along a cosine to the end, always"
_LIKELY = "`textgen sample` draws; `textgen complete` searches for the most probable ways to go on, by beams"
_IDEAS = {
    "--help-all": "--help shows all options here",
    "--bidirectional": "a model that writes cannot look ahead, so every network here reads from left to right",
    **dict.fromkeys(("--gpu", "--gpus", "--gpuid", "--cuda", "--device", "--mps", "--tpu"), _CPU),
    **dict.fromkeys(("--attention", "--transformer", "--heads", "--num-heads", "--nhead"), _RECURRENT),
    **dict.fromkeys(("--lr-schedule", "--scheduler", "--lr-scheduler", "--lr-decay", "--learning-rate-decay"), _RATE),
    **dict.fromkeys(("--beam", "--beams", "--beam-size", "--beam-width", "--beam-search", "--num-beams"), _LIKELY),
}
_ITS_NAME = "the model is its argument: `textgen info NAME`"
_OF_A_COMMAND = {
    "info": {"--model": _ITS_NAME, "-m": _ITS_NAME},
    "models": dict.fromkeys(("--model", "-m"), "`textgen models` lists all; `textgen info NAME` shows one"),
}


def explain(error: Any) -> str:
    """What to say to the option that was not found; empty if there is nothing to add, or `error` is another one."""
    if type(error).__name__ != "NoSuchOption" or error.ctx is None:
        return ""
    typed, context = error.option_name, error.ctx
    option = typed.lower().replace("_", "-") if typed.startswith("--") else typed
    command = context.command
    if idea := {**_IDEAS, **_OF_A_COMMAND.get(command.name, {})}.get(option):
        return f"there is no {typed}: {idea}"
    called = _NAMES.get(option, option)
    if called != typed and _has(command, called):
        return f"there is no {typed}: it is called {called}"
    return _elsewhere(typed, called, context)


def _elsewhere(typed: str, called: str, context: Any) -> str:
    """Where an option belongs that the command has not; empty if it is none at all."""
    root = whole_command()
    commands = {"textgen": root, **{f"textgen {name}": command for name, command in root.commands.items()}}
    owners = [place for place, command in commands.items() if _has(command, called)]
    if not owners:
        return ""
    if context.parent is None:
        return f"{typed} stands too early: it comes after the command, as in `{owners[0]} {called}`"
    *others, last = [f"`{owner}`" for owner in owners]
    it = "it" if called == typed else called
    return f"there is no {typed} here: {it} is an option of {', '.join(others) + ' and ' if others else ''}{last}"


def _has(command: Any, called: str) -> bool:
    """Whether a command has the option; called : its name, maybe with a value: '--level word'."""
    name = called.split()[0]
    return any(name in (*one.opts, *one.secondary_opts) for one in command.params if one.param_type_name == "option")
