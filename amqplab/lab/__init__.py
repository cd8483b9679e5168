"""What a lesson touches: the lab, its programs, faults, checks and exercises.

Read in this order: `lab`, `world`, `processes`, `inputs`, `fork`; then `programs`, `faces`, `faults`,
`goals`, `views`, `checks`, `exercises`, `live`. ``from amqplab import Lab`` is all that most lessons need.
"""

from __future__ import annotations

from amqplab.lab.compare import compare
from amqplab.lab.errors import LabError, NothingMoreComes
from amqplab.lab.exercises import Exercise, Prediction, predict
from amqplab.lab.faults import (
    Crash,
    Cut,
    Fault,
    Freeze,
    HalfOpen,
    Heal,
    Kill,
    LoseNext,
    LoseSegment,
    Reset,
    Thaw,
)
from amqplab.lab.lab import Lab
from amqplab.lab.programs import Client
from amqplab.lab.source import source

__all__ = [
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
    "Prediction",
    "Reset",
    "Thaw",
    "compare",
    "predict",
    "source",
]
