"""Predictions are kept and final; exercises judge the run."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.client import BasicProperties
from amqplab.lab.errors import LabError
from amqplab.lab.exercises import WIDGET_VIEW, Exercise, predict
from amqplab.lab.lessons import lesson01


def test_a_prediction_prints_its_question_and_choices_and_no_address() -> None:
    assert repr(predict("How many?", ["one", "two"])) == "How many?\n  1. one\n  2. two"


def test_a_prediction_is_kept_and_compared_with_the_run() -> None:
    guess = predict("How many?", ["one", "two"]).answer(1)
    assert guess.kept == "one"
    outcome = guess.reveal("two")
    assert not outcome.right
    assert repr(outcome).splitlines()[:2] == ["You said: one", "The run says: two"]


def test_a_right_prediction_is_told_so() -> None:
    outcome = predict("How many?", ["1", "2"]).answer("2").reveal(2)
    assert outcome.right
    assert "says so too" in repr(outcome)


def test_without_a_prediction_the_run_does_not_speak_yet() -> None:
    guess = predict("How many?", ["1", "2"])
    assert repr(guess.reveal(2)).startswith("Guess first")
    assert repr(guess.answer(1).reveal(2)).splitlines()[:2] == ["You said: 1", "The run says: 2"]


def test_a_prediction_cannot_be_changed_after_the_run_has_spoken() -> None:
    guess = predict("How many?", ["1", "2"]).answer(2)
    guess.reveal(1)
    with pytest.raises(LabError, match="already spoken"):
        guess.answer("1")


@pytest.mark.parametrize("wrong", ["three", 0, 3])
def test_an_answer_that_is_no_choice_is_refused(wrong: object) -> None:
    with pytest.raises(LabError, match="none of the choices"):
        predict("How many?", ["1", "2"]).answer(wrong)  # type: ignore[arg-type]


def test_a_truth_that_is_no_choice_is_the_authors_mistake() -> None:
    with pytest.raises(LabError, match="none of this question's choices"):
        predict("How many?", ["1", "2"]).reveal(5)


def test_a_question_needs_choices() -> None:
    with pytest.raises(LabError, match="two or more different choices"):
        predict("How many?", ["1", "1"])


def test_a_click_is_kept_until_the_run_has_spoken() -> None:
    guess = predict("How many?", ["1", "2"])
    bundle = guess._repr_mimebundle_()
    assert bundle["text/plain"] == repr(guess)
    assert WIDGET_VIEW in bundle
    buttons = guess._widget
    buttons.value = "2"
    assert guess.kept == "2"
    guess.reveal("1")
    assert buttons.disabled
    buttons.value = "1"
    assert guess.kept == "2"


def test_showing_a_question_again_keeps_the_answer() -> None:
    guess = predict("How many?", ["1", "2"]).answer(2)
    guess._repr_mimebundle_()
    assert guess._widget.value == "2"


def judge(run: dict[str, int]) -> list[str]:
    return [] if run.get("messages") == 1 else ["publish exactly one message"]


def test_an_exercise_says_what_is_missing_and_when_it_is_solved() -> None:
    exercise = Exercise("Publish.", judge, hint="Try basic_publish.")
    assert repr(exercise.check({})) == "Not yet:\n  - publish exactly one message"
    assert not exercise.check({})
    assert repr(exercise.check({"messages": 1})) == "Solved."
    assert exercise.check({"messages": 1})
    assert exercise.hint() == "Try basic_publish."


def test_a_wrong_answer_is_refuted_by_running_it() -> None:
    exercise = Exercise("Publish.", judge, hint="-", refutations={"just wait": lambda: judge({})})
    assert exercise.wrong_answers == ("just wait",)
    assert exercise.refute("just wait") == ["publish exactly one message"]
    with pytest.raises(LabError, match="'just wait'"):
        exercise.refute("pray")


def solution(channel: Any) -> None:
    channel.basic_publish(
        exchange="orders",
        routing_key="bill",
        body="Grüße!",
        properties=BasicProperties(content_type="text/plain", delivery_mode=2),
    )


def test_lesson_01_is_solved_by_its_solution_and_by_nothing_less() -> None:
    assert lesson01.exercise.check(solution, 8)
    assert lesson01.exercise.check(solution, 6).missing == ("the header frame does not announce 6 octets",)
    assert lesson01.exercise.check(lambda channel: ..., 8).missing == (
        "publish exactly one message (you published 0)",
    )
    assert len(lesson01.exercise.check(lambda c: c.basic_publish("", "print", ""), 1).missing) == 6


def test_lesson_01_says_in_one_sentence_what_is_no_answer_at_all() -> None:
    [text] = lesson01.exercise.check(solution, "8").missing
    assert text == "give the number of octets as a number, such as octets=5 (you gave '8')"
    [call] = lesson01.exercise.check(lambda channel: channel.basic_send("?"), 8).missing
    assert call.startswith("make a call that works (yours ended with AttributeError: ")


def test_lesson_01_refutes_each_wrong_answer_by_a_run() -> None:
    refute = lesson01.exercise.refute
    said = {answer: " ".join(repr(refute(answer)).split()) for answer in lesson01.exercise.wrong_answers}
    assert "dropped without a word" in said["the routing key is the name of the queue"]
    assert "print" in said["'book' leads to the archive"]
    assert "00 00 ce ≠ 00 00 08 10 00 02 ce" in said["a message is persistent by itself"]
    assert len(said) == 4
