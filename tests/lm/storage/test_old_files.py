"""Files that earlier versions wrote, as files/README.md tells: they are read, and mean what they meant then."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lm.storage import headers
from tests.lm.tasks import of_type
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.inference.scoring import score
from textgen.lm.planning.plan import plan
from textgen.lm.progress.checkpoint import read_checkpoint
from textgen.lm.storage.model_file import FORMAT, load_model, read_summary, save_model
from textgen.lm.training.loop import train
from textgen.lm.training.reports import Finished, ValidationReport
from textgen.lm.writing.sampling import sample
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import read_corpus

FILES = Path(__file__).parent / "files"
MODELS = sorted(FILES.glob("*.safetensors"))
SENTENCES = ["the cat sat on the mat.", "a dog?", ""]
CHAR = NetworkConfig("lstm", 8, 1, embedding=0, tie=False, softmax="full")
WORD = NetworkConfig("lstm", 8, 1, embedding=6, tie=True, softmax="adaptive", cutoffs=(6,))
SAID = {  # by the version that wrote it: format, network, parameters, log10 P of each sentence, the best held-out loss
    "493e033-char": (
        *(1, replace(CHAR, softmax="auto"), 985),
        *([-30.897272482923903, -8.377995614669803, -1.2306440951774715], 2.889895984571274),
    ),
    "d6a2b68-word": (
        *(1, replace(WORD, softmax="auto", cutoffs=()), 612),
        *([-8.673684921720694, -4.319620319048137, -1.0787682198052793], 2.502409885327021),
    ),
    "96ac274-word": (
        *(1, replace(WORD, cell="gru", tie=False), 549),
        *([-7.388279112330485, -4.167965406301539, -0.881792257264825], 2.1872077683607736),
    ),
    "04de7ca-char": (
        *(2, CHAR, 985),
        *([-19.02357875695391, -8.775173293807159, -1.293077012558488], 1.9143574499104121),
    ),
    "04de7ca-word": (
        *(2, WORD, 619),
        *([-7.669706079187075, -4.432395801673874, -0.890391886572932], 2.1870619505643845),
    ),
    "80d7783-char": (
        *(3, CHAR, 985),
        *([-18.814898091433218, -8.974549248014597, -1.3077238111543037], 1.8996112411969328),
    ),
}
WROTE = {  # by the version that wrote it, too: the second and third sequence of seed 3
    "493e033-char": ["dmwgm .cte", "d.taaghlhhe dllec.adggshs"],
    "d6a2b68-word": [
        "wall wall wall log hen the cat mat the the",
        "wall cat the sat. mat sat dog sat sat on the wall cat. on mat cat sat wall log log log on dog",
    ],
    "96ac274-word": ["dog log mat. mat", "dog on the the on cat the. the the the"],
    "04de7ca-char": ["ggcng an  ", "ght hate t  sae lat.hhhta"],
    "04de7ca-word": ["dog log mat. wall", "dog on the the the. the sat the the"],
    "80d7783-char": ["lgcng an  ", "sh e leht   sae lat.hhhta"],
}
SECOND_EPOCH = {  # how sequences start; what the program found that began the training: losses, the first epoch's
    "04de7ca-char": ("zero", (1.8012619054276648, 1.7258603793300995), (2.349907792594335, 1.9752427649824587, None)),
    "80d7783-char": (
        *("eos", (1.788568024051516, 1.7078928237092006)),
        (2.344345941118998, 1.961770813759059, 1.8106720447540283),
    ),
    "78617dc-char": (
        *("eos", (1.788568024051516, 1.7703556255118487)),
        (2.344345941118998, 1.9834140906595203, 1.8277641534805298),
    ),
}


def test_each_file_is_read_and_each_format_is_there():
    assert {path.stem for path in MODELS} == SAID.keys()
    assert {said[0] for said in SAID.values()} == set(range(1, FORMAT + 1)), "a new format needs a file of its own"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_of_an_earlier_version(path):
    number, network, parameters, scores, loss = SAID[path.stem]
    summary = read_summary(path)
    assert (summary.format, summary.network, summary.parameters) == (number, network, parameters)
    assert summary.level == path.stem[-4:]
    assert summary.text.start == ("eos" if number >= 3 else "zero"), "as it learnt"
    assert summary.history.best is not None
    assert summary.history.best.valid_loss == loss
    model = load_model(path)
    assert [one.log_probability / math.log(10) for one in score(model, SENTENCES)] == pytest.approx(scores, rel=1e-5)
    written = sample(model, SamplingConfig(count=3, seed=3, max_length=30))
    assert [one.text for one in written][1:] == WROTE[path.stem]


@pytest.mark.parametrize(("carry", "start"), [(False, "zero"), (True, "eos")])
def test_how_sequences_start_where_a_file_does_not_say(carry, start, tmp_path):
    """With `carry` there always was an `<eos>` before the first one."""
    header, arrays = headers.split((FILES / "04de7ca-char.safetensors").read_bytes())
    settings = json.loads(header["__metadata__"]["textgen.config"])
    assert "start" not in settings["text"]
    settings["text"]["carry"] = carry
    header["__metadata__"]["textgen.config"] = json.dumps(settings)
    (tmp_path / "old.safetensors").write_bytes(headers.join(json.dumps(header), arrays))
    assert load_model(tmp_path / "old.safetensors").text.start == start


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_the_history_says_what_it_said(path):
    """No more, where options came after it; and so it is written again."""
    header, _ = headers.split(path.read_bytes())
    written = json.loads(header["__metadata__"]["textgen.history"])
    assert json.loads(json.dumps(read_summary(path).history.as_record())) == written


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_an_old_model_is_saved_in_the_new_format(path, tmp_path):
    model = load_model(path)
    save_model(model, tmp_path / "again.safetensors")
    again = load_model(tmp_path / "again.safetensors")
    assert (again.network.config, again.text, again.vocabulary) == (model.network.config, model.text, model.vocabulary)
    assert again.history == model.history
    assert again.network.parameters.vector.tobytes() == model.network.parameters.vector.tobytes()


@pytest.mark.parametrize("name", SECOND_EPOCH)
def test_a_training_of_an_earlier_version_is_gone_on_with(name):
    found = read_checkpoint(FILES / f"{name}.checkpoint")
    origin, (start, losses, first_losses) = found.origin, SECOND_EPOCH[name]
    assert origin.text.start == start
    corpus = read_corpus([FILES / "cats.txt"], origin.text, lambda _: None)
    assert (corpus.sha256, len(corpus.vocabulary)) == (origin.corpus_sha256, origin.vocabulary_size)
    the_plan = plan(corpus, origin.network, replace(origin.training, epochs=2))
    reports = list(train(corpus, origin.text, the_plan, begin=found))
    [validation], [end] = of_type(ValidationReport, reports), of_type(Finished, reports)
    assert (validation.epoch, validation.step, end.reason) == (2, 20, "epochs")
    assert (validation.train_loss, validation.valid_loss) == pytest.approx(losses, rel=1e-4)
    first = end.model.history.validations[0]
    assert (first.train_loss, first.valid_loss, first.first_token_loss) == first_losses
