"""The course of a training, on imagined machines: no clock is read."""

import json
from itertools import pairwise

import pytest

from textgen.lm.progress.course import ClockCourse, StepCourse, count_validations

TOKENS = 2048  # of a step


def marks(steps, steps_per_epoch, cost=0.0):
    """The steps after which a validation is due."""
    course = StepCourse(steps, steps_per_epoch, cost, "epochs")
    due = []
    for step in range(1, steps + 1):
        course.advance(step, 0, 0.0)
        due += [step] if course.is_validation_due else []
    return due


# How many validations


@pytest.mark.parametrize(
    ("cost", "number"),
    [(0, 20), (1e-9, 20), (0.0025, 20), (0.005, 10), (0.01, 5), (0.02, 4), (0.0375, 4), (0.06, 2), (0.2, 1), (7, 1)],
)
def test_validations_take_a_twentieth_but_a_few_are_worth_more(cost, number):
    assert count_validations(cost) == number
    assert number * cost <= 0.15 or number == 1


@pytest.mark.parametrize(
    ("steps", "steps_per_epoch", "expected"),
    [
        (6, 3, [1, 2, 3, 4, 5, 6]),
        (100, 100, list(range(5, 101, 5))),
        (20, 7, list(range(1, 21))),
        (40, 14, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40]),
        (40, 7, [2, 4, 6, 7, 9, 11, 13, 14, 16, 18, 20, 21, 23, 25, 27, 28, 30, 32, 34, 35, 37, 39, 40]),
        (500, 1, list(range(25, 501, 25))),  # a text of one window
        (90, 3, list(range(6, 91, 6))),  # 30 epochs: 4.5 steps are one and a half epochs, two are taken
        (2000, 100, list(range(100, 2001, 100))),
        (103, 10, [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 103]),
        (101, 10, [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 101]),  # not 100 as well
        (1, 1, [1]),
        (1, 1000, [1]),
    ],
)
def test_validations_by_hand(steps, steps_per_epoch, expected):
    assert marks(steps, steps_per_epoch) == expected


@pytest.mark.parametrize("steps_per_epoch", [1, 2, 3, 7, 50, 483, 5000])
@pytest.mark.parametrize("epochs", [1, 2, 3, 8, 13, 29, 30, 31, 500])
def test_about_twenty_validations_evenly_and_where_epochs_end(epochs, steps_per_epoch):
    steps = epochs * steps_per_epoch
    due = marks(steps, steps_per_epoch)
    assert due[-1] == steps
    assert len(due) == steps if steps <= 13 else 13 <= len(due) <= 30
    lengths = [next_one - one for one, next_one in pairwise([0, *due])]
    assert max(lengths[:-1], default=0) - min(lengths[:-1], default=0) <= 1
    assert lengths[-1] <= 1.5 * (max(lengths[:-1], default=steps) + 1)
    if lengths[0] <= steps_per_epoch:
        assert set(range(steps_per_epoch, steps + 1, steps_per_epoch)) <= set(due)
    else:
        assert all(step % steps_per_epoch == 0 for step in due)


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 400), (3, 50), (20, 50), (500, 1)])
@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_dear_validations_are_rare(epochs, steps_per_epoch, share):
    """share : the held-out part's tokens as a share of those of an epoch."""
    steps, cost = epochs * steps_per_epoch, share / 3 * steps_per_epoch
    due = marks(steps, steps_per_epoch, cost)
    assert due[-1] == steps
    wanted = count_validations(cost / steps)
    assert 2 / 3 * wanted <= len(due) <= 1.5 * wanted


# By steps


def test_by_steps_all_is_a_function_of_the_step():
    course = StepCourse(40, 7, 0.0, "epochs")
    due = set(marks(40, 7))
    for step in (3, 40, 12, 1, 39):
        course.advance(step, step * TOKENS, 1000.0 - step)
        assert course.progress == step / 40
        assert course.is_over == (step == 40)
        assert course.is_validation_due == (step in due)
    assert (course.steps, course.reason) == (40, "epochs")


def test_by_steps_the_end_is_forecast_from_the_time_so_far():
    course = StepCourse(40, 7, 0.0, "steps")
    assert course.seconds_left is None
    course.advance(10, 10 * TOKENS, 5.0)
    assert course.seconds_left == 15
    course.validated(5.0, 7.0)
    assert course.seconds_left == 21


def test_more_steps_may_be_added():
    course = StepCourse(40, 10, 0.0, "epochs")
    course.advance(40, 40 * TOKENS, 8.0)
    longer = StepCourse(80, 10, 0.0, "epochs")
    longer.restore(course.state())
    assert (longer.progress, longer.is_over, longer.seconds_left) == (0.5, False, 8.0)


# By the clock


class Machine:
    """A machine that trains by the clock; speeds are functions of the second, relative to `step` and `validation`."""

    def __init__(self, course, step, validation=0.0, speed=lambda _: 1.0):
        self.course, self.step_seconds, self.validation_seconds, self.speed = course, step, validation, speed
        self.now, self.step = 0.0, 0
        self.trace, self.validations = [(0.0, 0.0)], []

    def run(self, until=lambda machine: False):
        while not (self.course.is_over or until(self)):
            self.step += 1
            self.now += self.step_seconds / self.speed(self.now)
            self.course.advance(self.step, self.step * TOKENS, self.now)
            self.trace.append((self.now, self.course.progress))
            if self.course.is_validation_due:
                began = self.now
                self.now += self.validation_seconds / self.speed(self.now)
                self.course.validated(began, self.now)
                self.validations.append((began, self.now))
        return self


def machine_for(budget, step, validation, guess=1.0, **options):
    """A machine whose validations take `guess` times what a course expects that has seen none yet."""
    held_out = round(TOKENS * validation / step / guess / 0.34)
    return Machine(ClockCourse(budget, held_out), step, validation, **options)


SPEEDS = {
    "steady": lambda _: 1.0,
    "twice as slow from the middle on": lambda now: 1.0 if now < 300 else 0.5,
    "three times as fast from the middle on": lambda now: 1.0 if now < 300 else 3.0,
    "slow at first": lambda now: 0.3 if now < 100 else 1.0,
    "to and fro": lambda now: 1.0 if int(now / 7) % 2 else 0.6,
}


@pytest.mark.parametrize("validation", [0.0, 0.5, 10.0, 25.0])
@pytest.mark.parametrize("speed", SPEEDS)
def test_the_end_is_on_time_last_validation_included(speed, validation):
    machine = machine_for(600, 0.08, validation, guess=0.7, speed=SPEEDS[speed]).run()
    assert machine.validations[-1][1] == machine.now == pytest.approx(600, rel=0.03)


@pytest.mark.parametrize("speed", SPEEDS)
def test_progress_follows_the_clock(speed):
    """Growing with each step, by little, to its end; never far from the share of the time that has passed."""
    machine = machine_for(600, 0.08, 10.0, guess=0.7, speed=SPEEDS[speed]).run()
    shares = [progress for _, progress in machine.trace]
    assert all(0 <= one < next_one for one, next_one in pairwise(shares))
    assert shares[-1] == pytest.approx(1, abs=0.002)
    assert max(next_one - one for one, next_one in pairwise(shares)) < 0.04  # a validation's time counts, too
    assert all(abs(progress - now / 600) < 0.05 for now, progress in machine.trace)


def test_validations_are_evenly_spread_and_bounded():
    cheap = machine_for(600, 0.08, 0.5).run()
    assert len(cheap.validations) == 20
    begins = [0, *(begin for begin, _ in cheap.validations)]
    assert [next_one - one for one, next_one in pairwise(begins)] == [pytest.approx(30, abs=0.7)] * 20
    dear = machine_for(600, 0.08, 6.0).run()
    assert len(dear.validations) == 5
    assert len(machine_for(600, 0.08, 200.0).run().validations) == 1


@pytest.mark.parametrize("guess", [0.1, 10])
def test_a_wrong_guess_at_the_validations_time_is_put_right(guess):
    machine = machine_for(600, 0.08, 15.0, guess=guess).run()
    assert machine.now == pytest.approx(600, rel=0.03)


def test_after_a_last_validation_that_was_quick_there_is_time_for_more():
    """It was put too early, for fear that it would take half of the time."""
    machine = machine_for(60, 0.1, 0.3, guess=0.001).run()
    assert machine.validations[0] == (pytest.approx(30, abs=0.2), pytest.approx(30.3, abs=0.2))
    assert machine.now == pytest.approx(60, rel=0.01)
    shares = [progress for _, progress in machine.trace]
    assert shares == sorted(shares)


def test_without_a_held_out_part():
    machine = Machine(ClockCourse(10, 0), 0.07).run()
    assert machine.now == pytest.approx(10, abs=0.04)
    assert len(machine.validations) == 20


@pytest.mark.parametrize("budget", [10, 1, 0.35])
def test_short_budgets(budget):
    machine = machine_for(budget, 0.01 * budget, 0.1 * budget, guess=0.8).run()
    assert machine.now == pytest.approx(budget, rel=0.03)


@pytest.mark.parametrize(("step", "validation", "steps"), [(3.0, 0.0, 1), (3.0, 1.0, 1), (0.8, 0.1, 1), (0.3, 9.0, 2)])
def test_a_budget_too_short_for_what_it_shall_hold(step, validation, steps):
    """One step is made, half of the time is for the training, and the model is validated."""
    machine = machine_for(1.0, step, validation).run()
    assert machine.step == steps
    assert len(machine.validations) == 1
    assert machine.course.progress == 1
    assert machine.course.seconds_left == max(0, 1 - machine.now)


def test_a_slow_first_step_is_forgotten():
    course = ClockCourse(100, 3 * TOKENS)
    course.advance(1, TOKENS, 20.0)
    assert not course.is_over
    course.advance(2, 2 * TOKENS, 21.0)
    machine = Machine(course, 1.0, 1.0)
    machine.now, machine.step = 21.0, 2
    assert machine.run().now == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("validation", [0.5, 10.0])
def test_a_course_that_is_interrupted_goes_on_as_if_it_were_not(validation):
    whole = machine_for(60, 0.7, validation).run()
    machine = machine_for(60, 0.7, validation)
    for sitting in range(1, 100):
        machine.run(until=lambda m, last=7 * sitting: m.step >= last)
        state = json.loads(json.dumps(machine.course.state()))
        machine.course = machine_for(60, 0.7, validation).course
        machine.course.restore(state)
    assert machine.course.is_over
    assert (machine.trace, machine.validations) == (whole.trace, whole.validations)


def test_more_time_may_be_added():
    """Then progress is as if it had been asked for at once, and the learning rate rises again."""
    machine = machine_for(60, 0.1, 1.0).run()
    assert machine.course.is_over
    state = machine.course.state()
    machine.course = machine_for(120, 0.1, 1.0).course
    machine.course.restore(state)
    assert not machine.course.is_over
    assert machine.course.progress == pytest.approx(60 / 119, rel=0.01)
    machine.run()
    assert machine.now == pytest.approx(120, rel=0.01)
    assert machine.course.progress == 1
