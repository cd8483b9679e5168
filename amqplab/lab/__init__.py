"""What a lesson touches: the lab, its programs, faults, checks and exercises.

Read in this order: `lab`, `world`, `processes`, `inputs`, `fork`; then `programs`, `faces`, `faults`,
`views`, `checks`, `exercises`, `live`; and the predictions, exercises and
judges of each lesson in `lessons`. ``from amqplab import Lab`` is all that most lessons need.
"""

from __future__ import annotations

from amqplab.lab.compare import compare, side_by_side
from amqplab.lab.errors import LabError, NothingMoreComes
from amqplab.lab.exercises import Exercise, Prediction, predict
from amqplab.lab.faults import (
    Alarm,
    Crash,
    Cut,
    Fault,
    Freeze,
    HalfOpen,
    Heal,
    Kill,
    LoseNext,
    LoseSegment,
    PowerOff,
    PowerOn,
    Reset,
    Thaw,
)
from amqplab.lab.lab import Lab
from amqplab.lab.programs import Client
from amqplab.lab.source import source
from amqplab.lab.subprocesses import in_another_process

__all__ = [
    "Alarm",
    "Client",
    "Crash",
    "Cut",
    "Exercise",
    "Fault",
    "Freeze",
    "HalfOpen",
    "Heal",
    "Kill",
    "Lab",
    "LabError",
    "LoseNext",
    "LoseSegment",
    "NothingMoreComes",
    "PowerOff",
    "PowerOn",
    "Prediction",
    "Reset",
    "Thaw",
    "compare",
    "in_another_process",
    "predict",
    "side_by_side",
    "source",
]
