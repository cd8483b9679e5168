"""Every event is declared once, with all that a picture needs to know of it."""

from __future__ import annotations

import dataclasses
import json
import pkgutil
from importlib import import_module

import pytest
from any_events import SAMPLES

from amqplab.trace import events as e
from amqplab.trace.digest import field_names
from amqplab.trace.labels import label_of
from amqplab.trace.narrate import IN_CONTEXT, SENTENCES
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.zoom import LEVELS, ZOOMS


def sample(kind: type[e.Event]) -> Record:
    """A record of this kind with likely values."""
    values = [SAMPLES[field.type] for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return Record(7, 1_500_000, "broker", None, kind(*values))


def every_class() -> set[type[e.Event]]:
    """All event classes in all files of the package, declared or not."""
    modules = [import_module(f"{e.__name__}.{found.name}") for found in pkgutil.iter_modules(e.__path__)]
    return {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, e.Event) and kind is not e.Event
    }


def test_every_event_class_is_declared_and_exported() -> None:
    assert every_class() == set(e.ABOUT)
    assert all(getattr(e, kind.__name__) is kind for kind in e.ABOUT)


@pytest.mark.parametrize("kind", e.ABOUT, ids=lambda kind: kind.__name__)
def test_every_event_has_all_its_parts(kind: type[e.Event]) -> None:
    about = e.ABOUT[kind]
    assert about.name == kind.__name__ and kind.__doc__
    assert about.level in ZOOMS and about.mark in ("", *e.MARKS) and about.chapter in e.CHAPTERS
    assert 50 <= about.hold <= 1000
    assert kind.__module__ == f"{e.__name__}.{about.chapter}"  # one file a chapter
    assert LEVELS[kind] == about.level and (kind in SENTENCES) != (kind in IN_CONTEXT)


@pytest.mark.parametrize("kind", e.ABOUT, ids=lambda kind: kind.__name__)
def test_every_event_has_a_short_label(kind: type[e.Event]) -> None:
    label = label_of(sample(kind))
    assert 1 <= len(label.split()) <= 6 and label == label.strip()
    assert "{" not in label and "None" not in label


def test_labels_use_the_words_of_rabbitmq() -> None:
    assert label_of(sample(e.Enqueued)) == "message 3 ready in Name"


def test_an_event_of_somebody_elses_is_labelled_by_its_name() -> None:
    class Strange(e.Event):
        pass

    assert label_of(Record(0, 0, "here", None, Strange())) == "Strange"


def test_what_the_browser_gets_is_json_and_tells_of_every_event() -> None:
    sent = e.as_json()
    assert json.loads(json.dumps(sent)) == sent
    assert set(sent) == {kind.__name__ for kind in e.ABOUT}
    assert sent["SegmentLost"] == {
        "level": "segment",
        "label": "segment lost",
        "mark": "bad",
        "chapter": "link",
        "hold": 600,
    }


def test_events_are_frozen_and_have_the_fields_that_are_written(recorder: Recorder) -> None:
    published = next(record.event for record in recorder if isinstance(record.event, e.Published))
    assert field_names(e.Published)[:3] == ("vhost", "message", "connection")
    with pytest.raises(dataclasses.FrozenInstanceError):
        published.message = 4  # type: ignore[misc]
