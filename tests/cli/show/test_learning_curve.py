"""What is read from the history of a model."""

from tests.cli.show.curves import (
    HELD_OUT,
    NOTHING_HELD_OUT,
    OVERFITTED,
    TRAINED,
    curve_of,
    record,
    summary_of,
    with_loss,
)
from textgen.cli.show.learning_curve import Point, learning_curve
from textgen.lm.storage.model_file import read_summary


def losses(points):
    return [point.loss for point in points]


def test_both_losses_over_the_tokens():
    curve = curve_of(OVERFITTED)
    assert curve.name == "plays-char"
    assert losses(curve.trained) == TRAINED
    assert losses(curve.held_out) == HELD_OUT
    assert [point.tokens for point in curve.held_out] == [200_000 * epoch for epoch in range(1, 9)]
    assert curve.best == Point(1_000_000, 1.75)
    assert curve.note == "1.7500 at epoch 5"
    assert curve.length == "8 epochs, 4:00"
    assert curve.unit == 1e6
    assert curve.tokens_titles[0] == "tokens trained on, in millions (8 epochs, 4:00)"
    assert curve.tokens_titles[2] == "tokens, in millions"


def test_the_history_that_a_training_leaves(models):
    summary = read_summary(models["words"])
    curve = learning_curve(summary)
    assert curve is not None
    assert curve.best is not None
    records = summary.history.validations
    assert len(records) > 1
    assert [(point.tokens, point.loss) for point in curve.trained] == [(one.tokens, one.train_loss) for one in records]
    assert [(point.tokens, point.loss) for point in curve.held_out] == [(one.tokens, one.valid_loss) for one in records]
    assert curve.best.loss == min(point.loss for point in curve.held_out)


def test_nothing_held_out():
    curve = curve_of(NOTHING_HELD_OUT)
    assert losses(curve.trained) == TRAINED
    assert curve.held_out == []
    assert (curve.best, curve.note) == (None, "")


def test_losses_that_are_no_numbers_are_left_out():
    curve = curve_of(with_loss(OVERFITTED, 4, valid_loss=None))
    assert losses(curve.held_out) == HELD_OUT[:4] + HELD_OUT[5:]
    assert losses(curve.trained) == TRAINED
    assert curve.note == "1.7600 at epoch 6"


def test_there_may_be_no_curve():
    for validations in ([], [record(1, None, None)]):
        assert curve_of(validations) is None
        assert summary_of(validations).history.best is None


def test_one_validation_is_a_point_and_no_line():
    curve = curve_of(OVERFITTED[:1])
    assert not curve.is_line
    assert curve.losses_shown[0] < curve.losses_shown[1]
    assert curve_of(OVERFITTED[:2]).is_line


def test_the_unit_is_the_largest_of_which_there_is_one():
    sizes = {99: 1, 5000: 1e3, 999_999: 1e3, 1_000_000: 1e6, 3_000_000_000: 1e9}
    for tokens, size in sizes.items():
        assert curve_of([record(1, 2.0, 2.0, tokens)]).unit == size


def test_the_first_steep_fall_is_not_shown():
    """Of 100 validations the first four, within a twentieth of the tokens, would make the others look flat."""
    falling = [record(epoch, 1 + 5 / epoch**2, 1.1) for epoch in range(1, 101)]
    assert curve_of(falling).losses_shown == (1 + 5 / 100**2, 1 + 5 / 5**2)
    assert curve_of(OVERFITTED).losses_shown == (1.22, 2.6)
