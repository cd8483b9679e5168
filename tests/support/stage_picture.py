"""The picture in the README: the stage of the first lesson, at the steps that tell it.

python tests/support/stage_picture.py      writes docs/stage.svg
"""

from __future__ import annotations

from pathlib import Path

from stage_runs import journey

from amqplab.stage.svg import to_svg
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder

__all__ = ["PICTURE", "picture"]

PICTURE = Path(__file__).parents[2] / "docs" / "stage.svg"


def picture() -> str:
    """The message on its way to the broker, routed, in the consumer's hand."""
    recorder = journey().recorder
    return to_svg(
        recorder,
        title="One message, step by step: published, routed, delivered",
        steps=[
            last(recorder, e.CommandSent, "basic.publish"),
            last(recorder, e.Routed),
            handed_over(recorder),
        ],
    )


def last(recorder: Recorder, kind: type[e.Event], name: str = "") -> int:
    """The seq of the last record of a kind (and of a method's name)."""
    found = [r.seq for r in recorder if type(r.event) is kind and name in ("", getattr(r.event, "name", ""))]
    return found[-1]


def handed_over(recorder: Recorder) -> int:
    """When the consumer has all of basic.deliver."""
    return last(recorder, e.CommandReceived, "basic.deliver")


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"wrote {PICTURE}")
