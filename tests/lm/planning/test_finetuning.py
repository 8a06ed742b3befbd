"""What is chosen for a text that a model is fine-tuned on."""

import pytest

from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.defaults import TextSize, settle
from textgen.lm.planning.finetuning import settle_finetuning
from textgen.nn.config import NetworkConfig

NETWORKS = {
    "characters": NetworkConfig(hidden=256, layers=1, embedding=0, tie=False),
    "words": NetworkConfig(hidden=256, layers=1, embedding=256, tie=True),
}
SMALL, LEARNT = TextSize(18_000, 18_000, 80), 7_000_000


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("tokens", [1, 4_000, 18_000, 120_000, 6_000_000])
def test_half_the_rate_and_fewer_epochs(network, tokens):
    text = TextSize(tokens, tokens, 80)
    _, nothing = settle(text, network, TrainingConfig())
    same, tuned = settle_finetuning(text, network, TrainingConfig(), LEARNT)
    assert same == network
    assert tuned.lr == nothing.lr / 2
    assert tuned.epochs == min(15, nothing.epochs or 0)
    assert settle_finetuning(text, same, tuned, LEARNT) == (same, tuned), "what is settled stays so"


def test_many_passes_need_much_dropout_and_few_steps_a_short_warm_up():
    _, tuned = settle_finetuning(SMALL, NETWORKS["characters"], TrainingConfig(), LEARNT)
    assert (tuned.dropout, tuned.epochs) == (0.5, 15)
    _, short = settle_finetuning(TextSize(4_000, 4_000, 80), NETWORKS["characters"], TrainingConfig(), LEARNT)
    assert short.warmup < tuned.warmup


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_text_longer_than_the_model_s_own_is_learnt_as_from_nothing(network):
    for tokens in (LEARNT, 10 * LEARNT):
        text = TextSize(tokens, tokens, 80)
        assert settle_finetuning(text, network, TrainingConfig(), LEARNT) == settle(text, network, TrainingConfig())


@pytest.mark.parametrize(
    "asked", [{"lr": 0.5}, {"epochs": 33}, {"steps": 7}, {"seconds": 9.0}, {"dropout": 0.1}, {"warmup": 3}]
)
def test_what_is_asked_for_stays(asked):
    _, tuned = settle_finetuning(SMALL, NETWORKS["characters"], TrainingConfig(**asked), LEARNT)
    [(name, value)] = asked.items()
    assert getattr(tuned, name) == value
    lengths = [tuned.epochs, tuned.steps, tuned.seconds]
    assert lengths.count(None) == 2
    assert (tuned.epochs == 15) == (name not in ("epochs", "steps", "seconds"))
    assert (tuned.lr == 0.006) == (name != "lr")
