"""How sequences start: with the row of `<eos>`, which is learnt at once, or with the zero vector."""

import numpy as np
import pytest

from tests.core.cases import one_thread, random_network
from tests.core.cells.test_gradients import slopes
from tests.lm.tasks import ANIMALS, NO_LEARNING, of_type
from textgen.core.kernels.dropout import Dropout
from textgen.errors import ConfigError
from textgen.lm.config.text import TextConfig
from textgen.lm.inference.evaluation import evaluate
from textgen.lm.inference.scoring import score, with_first_input
from textgen.lm.training.reports import ValidationReport
from textgen.text.tokens.vocabulary import EOS_ID
from textgen.text.tokens.windows import NO_INPUT, stream_windows

SPEECH = [f'"{line}"' for line in ANIMALS]
ROWS = np.array([5, 6, EOS_ID, 7, EOS_ID, 8, 9, EOS_ID, 4, 5], np.uint8)  # cut in the middle of a sequence, see below


def probability_of_first(model, token):
    """Of `token` as the first one of a sequence."""
    [scored] = score(model, [token])
    return np.exp(scored.log_probabilities[0])


def test_what_all_sequences_begin_with_is_learnt_in_a_few_steps(task):
    """No other token says anything of it: it comes in the middle of no sequence, and ends each."""
    options = {"steps": 80, "lr": 0.05, "network": {"hidden": 16}}
    trained = {start: task(SPEECH, start=start).end(**options) for start in ("eos", "zero")}
    found = {start: probability_of_first(end.model, '"') for start, end in trained.items()}
    assert found["eos"] > 0.95
    assert found["zero"] < 0.9


@pytest.mark.parametrize("start", ["eos", "zero"])
def test_only_starts_are_given_an_input(task, start):
    """The second row is cut within a sequence: it is told the token before."""
    model = task(["ab"], start=start).end(steps=1).model
    [window] = stream_windows(ROWS, B=2, T=9, carry=False)
    inputs = with_first_input(window, model.first_input).inputs
    first = {"eos": EOS_ID, "zero": NO_INPUT}[start]
    assert inputs.T.tolist() == [[first, 5, 6, first, 7], [first, 8, 9, first, 4]]
    [window] = stream_windows(ROWS[:7], B=2, T=9, carry=False)
    assert with_first_input(window, model.first_input).inputs.T.tolist() == [[first, 5, 6], [first, 7, first]]


@pytest.mark.parametrize("network", [{}, {"embedding": 3}, {"embedding": 3, "tie": True}])
def test_the_gradient_of_the_starts_row(network):
    """Against central differences, with a start in the middle of a row, and tokens dropped beside it."""
    net = random_network(10, hidden=4, **network)
    computation = one_thread(net, dropout=Dropout(words=0.5, seed=2))
    [window] = stream_windows(ROWS, B=2, T=9, carry=False)
    begun = with_first_input(window, EOS_ID)

    def loss():
        computation.reset()
        return float(computation.forward_backward(begun, scale=1.0).sum())

    loss()
    row = net.looked_up()
    assert row.gradient is not None
    found = row.gradient[EOS_ID].copy()
    assert np.count_nonzero(found) >= 0.75 * found.size, "the state being zero, only forget gates have none"
    assert found == pytest.approx(slopes(loss, row.value)[EOS_ID], rel=1e-6, abs=1e-9)


def test_word_dropout_leaves_starts_alone():
    """Nine in ten tokens are dropped, and what is left is ten times as large; with `carry` so is `<eos>` itself."""
    net = random_network(10, np.float32, hidden=6)
    dropped, whole = one_thread(net, dropout=Dropout(words=0.9, seed=1)), one_thread(net)
    text = np.array([[5, 6, 7, EOS_ID]] * 16, np.uint8).reshape(-1)
    losses = {}
    for carry in (False, True):
        [window] = stream_windows(text, B=16, T=9, carry=carry)
        begun = with_first_input(window, EOS_ID)
        assert (begun.inputs[0] == EOS_ID).all()
        for name, computation in (("dropped", dropped), ("whole", whole)):
            computation.reset()
            losses[carry, name] = computation.forward(begun)[0].copy()
    assert losses[False, "dropped"].tobytes() == losses[False, "whole"].tobytes()
    assert (losses[True, "dropped"] != losses[True, "whole"]).all()


@pytest.mark.parametrize("network", [{}, {"embedding": 3}])
def test_the_starts_row_begins_as_the_zero_vector(task, network):
    """Only what is learnt tells the two apart."""
    options = {"epochs": 2, "network": {**network, "tie": False}}
    losses = {
        (start, lr): task(SPEECH, start=start).end(lr=lr, **options).best.train_loss
        for start in ("eos", "zero")
        for lr in (NO_LEARNING, 0.05)
    }
    assert losses["eos", NO_LEARNING] == losses["zero", NO_LEARNING]
    assert losses["eos", 0.05] < losses["zero", 0.05]


def test_carry_begins_as_it_always_did(task):
    asked = task(ANIMALS, carry=True)
    assert asked.end(steps=1).model.first_input == EOS_ID
    with pytest.raises(ConfigError, match=r"--carry and --start zero contradict each other: .*; give one of them"):
        TextConfig(carry=True, start="zero")


# The loss of first tokens


@pytest.mark.parametrize("options", [{}, {"start": "zero"}, {"carry": True}])
def test_the_loss_of_first_tokens_is_measured_apart(task, tmp_path, options):
    """In each validation, as `evaluate` finds it and as the scores have it."""
    held_out = ["the cat sat.", "a dog", "x" * 300, "the hen ran."]
    end = task(SPEECH + ANIMALS, valid=held_out, **options).end(epochs=2)
    found = evaluate(end.model, [tmp_path / "valid.txt"])
    assert found.nats_per_first_token == pytest.approx(end.best.first_token_loss, rel=1e-6)
    if not options.get("carry"):
        alone = [-one.log_probabilities[0] for one in score(end.model, held_out)]
        assert found.nats_per_first_token == pytest.approx(np.mean(alone), rel=1e-9)
    assert abs(found.nats_per_first_token - found.nats_per_token) > 0.01


def test_it_stands_in_the_reports_and_in_the_history(task, epochwise):
    asked = task(SPEECH, valid=SPEECH[:3])
    reports = asked.reports(epochs=12, lr=0.05, network={"hidden": 16})
    losses = [report.first_token_loss for report in of_type(ValidationReport, reports)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2
    record = reports[-1].model.history.as_record()
    assert [entry["first_token_loss"] for entry in record["validations"]] == losses
    [alone] = of_type(ValidationReport, asked.without_validation().reports(epochs=1))
    assert alone.first_token_loss is None
