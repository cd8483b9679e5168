"""Predictions and exercises: what a lesson asks before it shows.

Theory
------
Watching teaches little; being surprised teaches much. So a lesson asks first, keeps the answer, runs, and
only then shows. A :class:`Prediction` is kept from the moment it is made until the run has spoken; then it
can no longer be changed. To somebody who has not guessed the run does not speak: otherwise the answer would
stand below the question in every stored notebook. A wrong prediction is worth more than a right one and is
never scolded.

An :class:`Exercise` is judged by the record of the learner's own run, not by the text of their code:
whatever leads there is right. For each popular wrong answer it keeps a *refutation*, a small function that
runs that answer and shows what really comes of it.

Both print the same text everywhere; in a notebook they add controls, but nothing depends on them.
"""

from __future__ import annotations

import html
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from amqplab.lab.errors import LabError, listed, suggestion
from amqplab.trace.dissection import Text

__all__ = ["Exercise", "Prediction", "predict"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Prediction:
    """A question, asked before anything is shown. Made by :func:`predict`."""

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        if len(set(choices)) < len(choices) or len(choices) < 2:
            raise LabError(f"A prediction needs two or more different choices, not {listed(choices)}.")
        self.question = question
        self.choices = tuple(choices)
        self._kept: str | None = None
        self._revealed = False
        self._widget: Any = None

    @property
    def kept(self) -> str | None:
        """The answer given so far; None before one is given."""
        return self._kept

    def answer(self, choice: str | int) -> Prediction:
        """Keep `choice`, one of the choices or its number from 1. For those who type rather than click."""
        if self._revealed:
            raise LabError("The run has already spoken: a prediction made now would be none.")
        if isinstance(choice, int) and 1 <= choice <= len(self.choices):
            choice = self.choices[choice - 1]
        if choice not in self.choices:
            raise LabError(f"{choice!r} is none of the choices: give a number from 1 to {len(self.choices)}.")
        self._kept = str(choice)
        if self._widget is not None and self._widget.value != self._kept:
            self._widget.value = self._kept
        return self

    def reveal(self, truth: object) -> Outcome:
        """What the run said, next to what was predicted. From now on the prediction is final. Before there is
        one, this only asks for it.
        """
        answer = str(truth)
        if answer not in self.choices:
            near = suggestion(answer, self.choices)
            raise LabError(f"The run says {answer!r}, which is none of this question's choices.{near}")
        self._revealed = self._kept is not None
        if self._widget is not None:
            self._widget.disabled = self._revealed
        return Outcome(self.question, self._kept, answer)

    def __repr__(self) -> str:
        choices = "\n".join(f"  {number}. {choice}" for number, choice in enumerate(self.choices, 1))
        return f"{self.question}\n{choices}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        view = self._controls()
        if view is not None:
            bundle[WIDGET_VIEW] = view
        return bundle

    def _controls(self) -> dict[str, Any] | None:
        """Radio buttons, where a front end can show them."""
        try:
            import ipywidgets  # type: ignore[import-untyped]
        except ImportError:
            return None
        buttons = ipywidgets.RadioButtons(
            options=self.choices, value=self._kept, disabled=self._revealed, layout={"width": "max-content"}
        )
        buttons.observe(lambda change: self._clicked(change["new"]), names="value")
        self._widget = buttons
        label = ipywidgets.HTML(f"<b>{html.escape(self.question)}</b>")
        box = ipywidgets.VBox([label, buttons])
        bundle = box._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        view: dict[str, Any] | None = data.get(WIDGET_VIEW)
        return view

    def _clicked(self, choice: str | None) -> None:
        if choice is not None and not self._revealed:
            self._kept = choice


class Outcome:
    """A prediction and what the run said. It is shown to those who have predicted something."""

    def __init__(self, question: str, predicted: str | None, truth: str) -> None:
        self.question = question
        self.predicted = predicted
        self.truth = truth

    @property
    def right(self) -> bool:
        """True if the prediction was what the run said."""
        return self.predicted == self.truth

    def __repr__(self) -> str:
        if self.predicted is None:
            return "Guess first: choose an answer to the question, then run this cell again."
        if self.right:
            return f"You said: {self.predicted}\nThe run says so too."
        return f"You said: {self.predicted}\nThe run says: {self.truth}\nGood: that is something to find out."


def predict(question: str, choices: Sequence[str]) -> Prediction:
    """Ask `question` with `choices`, and keep the answer until :meth:`Prediction.reveal`."""
    return Prediction(question, choices)


class Verdict:
    """What an exercise's judge found: nothing wrong, or what is still missing."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)

    @property
    def solved(self) -> bool:
        """True if nothing is missing."""
        return not self.missing

    def __bool__(self) -> bool:
        return self.solved

    def __repr__(self) -> str:
        if self.solved:
            return "Solved."
        return "Not yet:\n" + "\n".join(f"  - {what}" for what in self.missing)


class Exercise:
    """A task, the judge of an answer, a hint, and refutations of popular wrong answers.

    ``judge(*answer)`` tries the answer out and yields one sentence for each thing still missing;
    ``refutations`` maps a wrong answer, as people say it, to a function that runs it and returns what came of
    it.
    """

    def __init__(
        self,
        task: str,
        judge: Callable[..., Iterable[str]],
        *,
        hint: str,
        refutations: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        self.task = task
        self._judge = judge
        self._hint = hint
        self._refutations = dict(refutations or {})

    def check(self, *answer: Any, **named: Any) -> Verdict:
        """Try the answer out, and say what is still missing. Raises LabError for half an answer."""
        wanted = inspect.signature(self._judge)
        try:
            wanted.bind(*answer, **named)
        except TypeError as error:
            raise LabError(f"Give the whole answer: check({', '.join(wanted.parameters)}).") from error
        return Verdict(self._judge(*answer, **named))

    def hint(self) -> Text:
        """A nudge, not the solution."""
        return Text(self._hint)

    @property
    def wrong_answers(self) -> tuple[str, ...]:
        """The popular wrong answers that :meth:`refute` can run."""
        return tuple(self._refutations)

    def refute(self, answer: str) -> object:
        """Run one popular wrong answer and return what really comes of it."""
        if answer not in self._refutations:
            known = "; ".join(repr(key) for key in self._refutations) or "none"
            raise LabError(f"No run refutes {answer!r} here; the popular wrong answers are: {known}.")
        return self._refutations[answer]()

    def __repr__(self) -> str:
        return textwrap.fill(self.task, 100)
