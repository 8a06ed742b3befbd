"""Damaged model files and checkpoints, made of sound ones by chance, and all that the program does with such a file."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lm.storage import headers
from textgen.cli.course.course import check_memory
from textgen.cli.request.request import Configs
from textgen.cli.request.resuming import check_same_text, describe_checkpoint, resumed_configs
from textgen.cli.show.curve_view import ASCII, draw_curve
from textgen.cli.show.learning_curve import learning_curve
from textgen.cli.show.summary import as_record, describe
from textgen.lm.config.finetuning import FinetuningConfig
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.inference.scoring import score
from textgen.lm.planning.plan import plan
from textgen.lm.progress.checkpoint import Origin, read_checkpoint
from textgen.lm.storage.model_file import load_model, read_summary
from textgen.lm.storage.strict_json import to_json
from textgen.lm.training.advice import Memorisation
from textgen.lm.training.loop import train
from textgen.lm.writing.sampling import sample
from textgen.text.corpus.corpus import read_corpus

FILES = Path(__file__).parents[1] / "lm" / "storage" / "files"
SOUND = sorted([*FILES.glob("*.safetensors"), *FILES.glob("*.checkpoint")])

_STRANGE = [  # as JSON, which has more than can be held in memory
    *(
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        str(2**31),
        str(2**62),
        str(2**64),
        str(10**299),
        str(10**400),
        "1" * 5000,
        "0.5",
    ),
    *("1e-300", "1e308", "-1e308", "1e999", "NaN", "Infinity", '""', '"x"', '"auto"', '"\\ud800"', '"\\u001b[2J"'),
    *("[]", "{}", "[0]", '["x"]', '{"x": 1}', "[[[]]]", "[" * 900 + "]" * 900, "[" * 3000 + "]" * 3000),
]
_MARK = "strange value {}"  # what stands in the place of one until all is text
_TEXTS = ["", "0", "1", "2", "null", "[]", "{}", '"x"', "[" * 3000, "1" * 5000, "NaN", "{" + '"a":{' * 2000]


def mutated(sound: bytes, rng: random.Random) -> bytes:
    """A file that is not what it was: in its bytes, in its header, or in what stands there as JSON."""
    return _changed_bytes(sound, rng) if rng.random() < 0.3 else _changed_header(sound, rng)


def _changed_bytes(sound: bytes, rng: random.Random) -> bytes:
    content = bytearray(sound)
    place = rng.randrange(rng.choice([8, 600, len(sound)]))
    match rng.choice(["flip", "flip", "set", "cut", "drop", "insert"]):
        case "flip":
            content[place] ^= 1 << rng.randrange(8)
        case "set":
            content[place : place + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\xc0\x7f"])
        case "cut":
            del content[place:]
        case "drop":
            del content[place : place + rng.randint(1, 9)]
        case "insert":
            content[place:place] = rng.randbytes(rng.randint(1, 9))
    return bytes(content)


def _changed_header(sound: bytes, rng: random.Random) -> bytes:
    header, arrays = headers.split(sound)
    metadata = header["__metadata__"]
    key = rng.choice([key for key, text in metadata.items() if text.startswith("{")])
    match rng.choices(["inside", "entry", "tensor"], [8, 1, 1])[0]:
        case "inside":
            metadata[key] = _changed_json(json.loads(metadata[key]), rng)
        case "entry":
            key = rng.choice([*metadata])
            if rng.random() < 0.2:
                del metadata[key]
            else:
                metadata[key] = rng.choice(_TEXTS)
        case "tensor":
            del header["__metadata__"]
            changed = _changed_json(header, rng)
            return headers.join(f'{{"__metadata__": {json.dumps(metadata)}, {changed[1:]}', arrays)
    return headers.join(json.dumps(header), arrays)


def _changed_json(content: Any, rng: random.Random) -> str:
    """The JSON of `content`, one or two of its entries being other ones."""
    for _ in range(rng.randint(1, 2)):
        places = list(_places(content))
        (holder, key), (other, place) = rng.choice(places), rng.choice(places)
        match rng.choices(["set", "delete", "rename", "copy"], [5, 1, 1, 1])[0]:
            case "set":
                holder[key] = _MARK.format(rng.randrange(len(_STRANGE)))
            case "rename" if isinstance(holder, dict):
                holder[f"{key}x"] = holder.pop(key)
            case "copy":
                holder[key] = copy.deepcopy(other[place])
            case _:
                del holder[key]
    text = json.dumps(content)
    for number, strange in enumerate(_STRANGE):
        text = text.replace(json.dumps(_MARK.format(number)), strange)
    if rng.random() < 0.05 and text.startswith('{"'):  # its first name stands there twice
        text = f"{{{text[1 : text.index(':')]}: {rng.choice(_STRANGE)}, {text[1:]}"
    return text


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """All entries of a JSON value, each as what holds it and its name or number there; few of a long list."""
    keys = list(content) if isinstance(content, dict) else list(range(min(len(content), 30)))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


def use(path: Path) -> None:
    """Do with a file what the commands do. Raises what they would; only a TextgenError is told without a traceback."""
    if path.suffix == ".checkpoint":
        _resume(path)
    else:
        _show(path)


def _show(path: Path) -> None:
    summary = read_summary(path)
    to_json(as_record(summary))
    describe(summary)
    curve = learning_curve(summary)
    if curve is not None:
        draw_curve(curve, 80, ASCII)
    model = load_model(path)
    list(score(model, ["the cat sat."], threads=1))
    list(sample(model, SamplingConfig(count=1, max_length=3, seed=1), threads=1))


def _resume(path: Path) -> None:
    """Go on with a training, not a step of which is made."""
    checkpoint = read_checkpoint(path)
    origin = checkpoint.origin
    asked = Configs(origin.text, origin.network, origin.training, FinetuningConfig())
    configs = resumed_configs(checkpoint, asked, set(), None)
    list(describe_checkpoint(checkpoint, configs, "mutated"))
    corpus = read_corpus([FILES / "cats.txt"], configs.text, lambda _: None, seed=configs.training.seed)
    prepared = plan(corpus, configs.network, configs.training)
    found = Origin.of(configs.text, prepared, corpus)
    check_same_text(checkpoint, found)
    check_memory(prepared.memory_bytes)
    Memorisation(corpus, prepared.training).recall(checkpoint.history.validations)
    if prepared.memory_bytes < 100e6 and prepared.threads <= 8:  # else it is sound, and too large for a test
        list(train(corpus, configs.text, prepared, lambda: True, checkpoint))
