"""What a lesson's author did wrong, in one sentence that says what to do.

Theory
------
See :mod:`amqplab.trace.asking`, where the sentences for questions about a recording are; a lab has some more.
"""

from __future__ import annotations

from amqplab.trace.asking import LabError, check_choice, listed, said_plainly, suggestion

__all__ = ["LabError", "NothingMoreComes", "check_choice", "listed", "said_plainly", "suggestion"]


class NothingMoreComes(LabError):
    """A call waits for something that nobody in this world will ever send."""

    nothing_left_to_do = True
    """By this the blocking client's ``start_consuming`` knows that it may return."""
