"""A training that begins with another model: from its first step to its end, in one sitting or in many."""

import json
from dataclasses import replace

import pytest

from tests.lm.tasks import ANIMALS, NO_LEARNING, PLAIN, of_type, timeless, vector_of
from tests.lm.tiny import random_model
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.scoring import score
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import plan
from textgen.lm.progress.checkpoint import Origin, read_checkpoint, save_checkpoint
from textgen.lm.storage.history import BaseModel, CorpusFacts, History
from textgen.lm.storage.model_file import load_model, save_model
from textgen.lm.training import session
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport, Finished, RecoveryReport, ValidationReport
from textgen.text.corpus.corpus import read_corpus

KNOWN = [*"abcdefghijklmnopqrstu. "]


class FineTuning:
    """A training on the animals that begins with a model of `KNOWN` letters; its checkpoint is in a file."""

    def __init__(self, folder, text=ANIMALS, vocabulary="united", network=None, **training):
        model = random_model(KNOWN, text={"carry": False}, **(network or {}))
        model.history = History(corpus=CorpusFacts("5a", 7, 6, 1, ("old.txt",)))
        self.base = Base("old", model, vocabulary)
        self.path, self.file = folder / "training.checkpoint", folder / "new.txt"
        self.file.write_text("\n".join(text), encoding="utf-8")
        self.text = replace(model.text, valid_fraction=0.2)
        self.training = TrainingConfig(**{**PLAIN, "epochs": 3, **training})

    def read(self, begin):
        return read_corpus([self.file], self.text, lambda _: None, rule=begin.rule)

    def go_on(self, made=None, **changes):
        """All reports of a sitting of `made` steps; the model to begin with is there in the first one alone."""
        resumed = read_checkpoint(self.path) if self.path.exists() else None
        begin = resumed or self.base
        corpus, asked, reports = self.read(begin), iter(range(10**9)), []
        training = replace(self.training if resumed is None else resumed.origin.training, **changes)
        network = self.base.model.network.config if resumed is None else resumed.origin.network
        the_plan = plan(corpus, network, training, None if resumed else self.base)
        for report in train(corpus, self.text, the_plan, lambda: next(asked) == made, begin):
            reports.append(report)
            if isinstance(report, CheckpointReport):
                facts = self.base.facts if resumed is None else resumed.origin.base
                origin = Origin.of(self.text, the_plan, corpus, base=facts)
                save_checkpoint(origin, report.snapshot, self.path, overwrite=True)
        return reports


@pytest.fixture
def finetuning(tmp_path):
    """A function that makes a fine-tuning, each in a folder of its own."""
    made: list[FineTuning] = []

    def make(**options):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(FineTuning(folder, **options))
        return made[-1]

    return make


def outcome(end):
    """All that a training leaves, but for times."""
    assert isinstance(end, Finished)
    vocabulary = end.model.vocabulary
    return vector_of(end.model).tobytes(), timeless(end.model.history), end.reason, end.tokens, vocabulary


VARIANTS = {
    "plain": {},
    "new vocabulary": {"vocabulary": "new", "dropout": 0.3},
    "clusters": {"network": {"softmax": "adaptive", "cutoffs": (8, 15), "embedding": 6, "tie": True}},
    "no new token": {"text": ["the cat sat on the mat."] * 12},
    "new tokens alone": {"text": ["猫坐在垫子上。", "狗坐在墙上。"] * 6},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_after_every_step(finetuning, options):
    """Each step in a sitting of its own, with another number of threads, and without the model that it began with."""
    expected = outcome(finetuning(**options).go_on()[-1])
    one, sittings = finetuning(**options), 0
    while (end := one.go_on(1, threads=1 + sittings % 3)[-1]).reason == "interrupted":
        one.base = None
        sittings += 1
    assert sittings > 4
    assert outcome(end) == expected


@pytest.mark.parametrize("vocabulary", ["united", "new"])
def test_the_held_out_loss_before_the_first_step_is_the_old_one(finetuning, vocabulary):
    """The text has no new token; those that it lacks are as nothing in the one, and gone in the other."""
    known = [line for line in ANIMALS if set(line) <= set(KNOWN)]
    one = finetuning(text=known, vocabulary=vocabulary, epochs=1, lr=NO_LEARNING)
    report = next(iter(of_type(ValidationReport, one.go_on())))
    corpus = one.read(one.base)
    held_out = "".join(corpus.vocabulary.tokens_of(corpus.valid.ids)).split("<eos>")[:-1]
    nats = [-found for scored in score(one.base.model, held_out) for found in scored.log_probabilities]
    if vocabulary == "united":
        assert report.valid_loss == pytest.approx(sum(nats) / len(nats), rel=1e-5)
    else:
        assert report.valid_loss < sum(nats) / len(nats) - 1e-3, "the others have the share of the tokens that went"


def test_it_learns_what_it_lacks(finetuning):
    text = ["猫坐在垫子上。", "狗坐在墙上。"] * 6
    [*_, end] = finetuning(text=text, epochs=80, lr=0.03).go_on()
    assert end.model.vocabulary.tokens[: len(KNOWN) + 2] == ("<unk>", "<eos>", *KNOWN)
    [scored] = score(end.model, [text[0]])
    assert scored.log_probability > -8.0


def test_the_history_says_what_it_began_with(finetuning, tmp_path):
    one = finetuning()
    model = one.go_on()[-1].model
    facts = BaseModel("old", one.base.model.sha256, "united", CorpusFacts("5a", 7, 6, 1, ("old.txt",)))
    assert model.history.base == facts
    save_model(model, tmp_path / "new.safetensors")
    again = load_model(tmp_path / "new.safetensors")
    assert again.history == model.history
    assert again.sha256 == model.sha256 != facts.sha256
    assert "base" not in History().as_record(), "a model that was drawn says nothing of it"
    assert json.loads(json.dumps(model.history.as_record()))["base"]["name"] == "old"


def test_one_that_diverges_goes_back_to_the_model_before(finetuning, monkeypatch):
    """Before a validation there is no better one; also if it was interrupted in between."""
    monkeypatch.setattr(
        session, "learning_rate", lambda highest, step, *_: 3e38 if highest == 0.01 and step else highest
    )
    reports = finetuning(clip=0.0, seed=5).go_on(3)
    [recovery, *_] = of_type(RecoveryReport, reports)
    assert recovery.back_to == 0
    one = finetuning(clip=0.0, seed=5)
    one.go_on(1)
    again = one.go_on(2)
    assert [r.back_to for r in of_type(RecoveryReport, again)] == [0]
    assert outcome(again[-1]) == outcome(reports[-1])


def test_any_number_of_threads(finetuning):
    one, three = (finetuning(dropout=0.2).go_on(threads=threads)[-1].model for threads in (1, 3))
    assert vector_of(one).tobytes() == vector_of(three).tobytes()
    assert timeless(one.history).validations == timeless(three.history).validations
