"""What a lab shows: the views of its own record.

Theory
------
Nothing here looks at the running world. All views are those of a
:class:`~amqplab.stage.recording.Recording`; a lab adds that it may have been told to keep no record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.lab.errors import LabError
from amqplab.lab.inputs import Touched
from amqplab.stage.recording import Recording
from amqplab.trace.recorder import Recorder

if TYPE_CHECKING:
    from amqplab.lab.world import World

__all__ = ["Views"]


class Views(Touched, Recording):
    """The part of a lab that only looks."""

    _world: World
    seed: int

    @property
    def recorder(self) -> Recorder:
        """The record of everything that happened. Raises LabError if this lab keeps none."""
        self._check_recording()
        return self._world.recorder

    def _check_recording(self) -> None:
        if not self._world.recording:
            raise LabError(
                "This lab was made with recording=False, so there is nothing to look at, to wait for or to "
                f"fork: make it with Lab(seed={self.seed})."
            )

    @property
    def records(self) -> Recorder:
        """The record, to count, index and iterate: ``len(lab.records)``, ``lab.records[-1]``."""
        return self._world.recorder
