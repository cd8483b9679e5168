"""What was done from outside, in words: for its sentence, and for the ladder.

Theory
------
A fault is named for programs ("lose next", "1 to broker"); people are told what it does, and to whose link.
"""

from __future__ import annotations

from amqplab.trace import events as e
from amqplab.trace.names import party

__all__ = ["intervention_words"]


def intervention_words(event: e.Intervened) -> str:
    """What was done, and to whom: "the link of worker is cut, and nobody is told"."""
    words = INTERVENTIONS.get(event.action, "{action}, at {target} {detail}")
    detail = event.detail.replace("broker", party("broker"))
    many, _, direction = detail.partition(" ")
    if event.action == "lose next" and many.isdecimal():
        detail = f"{'segment' if many == '1' else f'{many} segments'} with bytes {direction}"
    return words.format(action=event.action, target=party(event.target), detail=detail).rstrip()


INTERVENTIONS = {
    "lose next": "the link of {target} loses the next {detail}",
    "lose segment": "the link of {target} loses {detail}",
    "cut": "the link of {target} is cut, and nobody is told",
    "heal": "the link of {target} passes everything again",
    "half-open": "the link of {target} is half open: {detail}",
    "reset": "the connections of {target} are reset: its own end is told at once, the other one if the RST arrives",
    "kill": "the process of {target} is killed",
    "power off": "the machine of {target} loses power, and nobody is told",
    "power on": "the machine of {target} has power again",
    "freeze": "the process of {target} stands still",
    "thaw": "the process of {target} goes on where it stood still",
    "raise alarm": "{target} is told that its {detail} runs low",
    "clear alarm": "{target} is told that it has enough {detail} again",
}
"""What a fault does, by its name."""
