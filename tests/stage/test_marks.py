"""Marks: what is on the picture, of every scene, at every zoom; and each sign from a state made by hand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from scenes import names, recording

from amqplab.stage.geometry import GEOMETRY
from amqplab.stage.layout import layout
from amqplab.stage.mark import ZOOMS, Mark, Moment
from amqplab.stage.marks import marks
from amqplab.stage.needs import Needs, PolicyEdge, needs_of
from amqplab.stage.scene import scene
from amqplab.stage.svg import moments
from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.participants import App, Participants, Pipe, Server, participants_of
from amqplab.trace.traffic import Traffic

SAMPLES = 9
Entity = dict[str, Any]


@cache
def sampled(scene: str, orientation: str = "wide") -> dict[int, Moment]:
    """Some moments of a scene: the first, the last, and others evenly between."""
    records = list(recording(scene))
    traffic = Traffic(records)
    place = layout(participants_of(records), orientation, needs_of(records))
    seqs = {-1, *(len(records) * n // SAMPLES for n in range(SAMPLES)), len(records) - 1}
    return moments(records, traffic, place, sorted(seqs), "milestone")


def of_kind(kind: str, moment: Moment) -> list[Mark]:
    return [mark for mark in marks(moment) if mark.kind == kind]


# --- every scene -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ["wide", "tall"])
@pytest.mark.parametrize("scene", names())
def test_whatever_happens_there_are_marks_at_every_zoom(scene: str, orientation: str) -> None:
    for moment in sampled(scene, orientation).values():
        for zoom in ZOOMS:
            for mark in marks(replace(moment, zoom=zoom)):
                assert all(isinstance(part, str) for part in mark.said)
                assert (
                    0 <= mark.spot.x <= moment.layout["width"] and 0 <= mark.spot.y <= moment.layout["height"]
                )


@pytest.mark.parametrize("scene", names())
def test_a_message_is_where_its_copies_are_and_nowhere_else(scene: str) -> None:
    for moment in sampled(scene).values():
        told: Counter[tuple[str, str]] = Counter()
        for key, token in moment.state.items():
            if key.startswith("token/"):
                told[kind_of_place(token["place"]), str(token["label"])] += 1
        seen: Counter[tuple[str, str]] = Counter()
        for mark in of_kind("message", moment):
            if not mark.place.startswith("queue:"):
                seen[kind_of_place(mark.place), mark.label] += 1
        assert not seen - told, "drawn, but not there"
        counted = sum(
            int(one.label[1:]) for one in of_kind("more", moment) if one.state in ("link", "held", "lost")
        )
        assert sum((told - seen).values()) <= counted, "there, but neither drawn nor counted"


def kind_of_place(place: str) -> str:
    return place.partition(":")[0]


@pytest.mark.parametrize("scene", names())
def test_the_numbers_of_a_queue_are_those_of_what_stands_in_it(scene: str) -> None:
    for moment in sampled(scene).values():
        for mark in of_kind("queue", moment):
            entity = moment.state[mark.id]
            line = Counter({"ready": 0, "unacked": 0})
            name = keys.unescape(mark.id.rpartition("/")[2])
            for one in marks(moment):
                if one.kind == "message" and one.place in (f"queue:{name}:ready", f"queue:{name}:ghost"):
                    line["ready" if one.place.endswith("ready") else "unacked"] += 1
                elif one.kind == "more" and one.id == mark.id:
                    line[one.state] += int(one.label[1:])
            if sum(line.values()) < 1000:
                assert line == {"ready": entity["ready_count"], "unacked": entity["unacked_count"]}
            total = entity["ready_count"] + entity["unacked_count"]
            assert (
                mark.state
                == f"Ready {entity['ready_count']} · Unacked {entity['unacked_count']} · Total {total}"
            )


@pytest.mark.parametrize("scene", names())
def test_no_two_marks_are_the_same(scene: str) -> None:
    for moment in sampled(scene).values():
        twice = [said for said, count in Counter(mark.said for mark in marks(moment)).items() if count > 1]
        assert [said for said in twice if said[0] != "message"] == []


# --- states made by hand ---------------------------------------------------------------------------------


def stage(**needs: Any) -> Moment:
    """A publisher, an exchange, a queue, a consumer: all of them open and at rest."""
    cast = Participants()
    cast.servers["broker"] = Server("broker", "broker")
    for name, side in (("alice", "left"), ("bob", "right")):
        cast.apps[name] = App(
            name, [f"{name}:1"], publishes=side == "left", consumes=side == "right", side=side
        )
        cast.pipes[f"{name}:1"] = Pipe(f"{name}:1", name, "broker", channels=[0, 1])
    cast.exchanges.update({"exchange/%2F/logs": "logs", "exchange/%2F/": ""})
    cast.queues["queue/%2F/app"] = "app"
    consumer = keys.consumer_key("bob:1", 1, "tag")
    cast.consumers[consumer] = ("bob:1", "queue/%2F/app")
    wanted = Needs(
        hands={consumer: "bob:1", "channel/bob:1/1": "bob:1"}, strips={"confirm/alice:1/1": "alice:1"},
        loses=True, **needs,
    )  # fmt: skip
    state: dict[str, Mapping[str, Any]] = {
        "connection/alice:1": connection(), "connection/bob:1": connection(),
        "channel/alice:1/1": {"state": "open", "mode": ""}, "channel/bob:1/1": {"state": "open", "mode": ""},
        "exchange/%2F/logs": {"type": "fanout"},
        "queue/%2F/app": queue(),
        consumer: {"queue": "app", "vhost": "/", "prefetch": 3, "holding": [], "holding_count": 0},
    }  # fmt: skip
    return Moment(state, layout(cast, "wide", wanted), Traffic([]))


def connection(**fields: Any) -> Entity:
    return {"state": "open", "tcp": "ESTABLISHED", "blocked": None, "channels": [1], **fields}


def queue(ready: int = 0, unacked: int = 0, arguments: str = "", **fields: Any) -> Entity:
    numbers = list(range(1, ready + unacked + 1))
    return {
        "ready": numbers[unacked:], "ready_count": ready, "ready_last": numbers[-1] if ready else None,
        "unacked": numbers[:unacked], "unacked_count": unacked, "arguments": arguments, "first": 0, **fields,
    }  # fmt: skip


def token(place: str, at: str, **fields: Any) -> Entity:
    return {"message": 7, "label": "7", "text": "", "place": place, "at": at, "state": "", "up": None,
            "command": None, "reason": "", **fields}  # fmt: skip


def with_(moment: Moment, **entities: Entity) -> Moment:
    return replace(moment, state={**moment.state, **entities})


def said(moment: Moment, kind: str) -> Iterator[tuple[str, str, str]]:
    """(id, state, label) of every mark of a kind."""
    for mark in of_kind(kind, moment):
        yield mark.id, mark.state, mark.label


@pytest.mark.parametrize(
    ("token_", "place"),
    [
        (token("link", "alice:1", up=True), "link:alice"),
        (token("broker", "", channel="channel/alice:1/1"), "broker"),
        (token("exchange", "exchange/%2F/logs"), "exchange:logs"),
        (token("consumer", "consumer/bob:1/1/tag", state="unacked"), "consumer:bob"),
        (token("consumer", "channel/bob:1/1", state="unacked"), "consumer:bob"),
        (token("consumer", "consumer/bob:1/1/tag", state="gone"), "consumer:bob"),
        (token("client", "alice", state="still at work"), "client:alice"),
        (token("lost", "queue/%2F/app", reason="expired"), "lost"),
        (token("returned", "alice:1"), "returned"),
    ],
)
def test_each_place_has_its_name(token_: Entity, place: str) -> None:
    (mark,) = of_kind("message", with_(stage(), **{"token/7/-": token_}))
    assert (mark.id, mark.place, mark.label) == ("7", place, "7")
    assert mark.spot != (0, 0)


def test_a_message_without_a_number_goes_by_its_command() -> None:
    moment = with_(stage(), **{"token/p12/-": token("link", "alice:1", message=None, label="·", up=True)})
    assert [mark.id for mark in of_kind("message", moment)] == ["p12"]


def test_what_is_delivered_is_a_ghost_in_its_queue() -> None:
    moment = with_(stage(), **{"queue/%2F/app": queue(ready=1, unacked=1)})
    places = {(mark.label, mark.place, mark.state) for mark in of_kind("message", moment)}
    assert places == {("1", "queue:app:ghost", "unacked"), ("2", "queue:app:ready", "ready")}


@pytest.mark.parametrize("label", ["7", "7′", "7″", "7·3", "7·12"])
def test_a_dead_letter_keeps_its_number_and_its_colour(label: str) -> None:
    ready = {"queue/%2F/app": queue(ready=1), "message/1": {"label": label}}
    sent = {"token/9/-": token("link", "alice:1", message=9, label=label, up=True)}
    for mark in of_kind("message", with_(stage(), **ready, **sent)):
        assert (mark.label, mark.more["root"]) == (label, 7)


@pytest.mark.parametrize(
    ("fields", "host", "state"),
    [
        ({}, {}, "open"),
        ({"blocked": "low on memory"}, {}, "blocked"),
        ({"state": "closing"}, {}, "closing"),
        ({"state": None, "tcp": "SYN-SENT"}, {}, "SYN-SENT"),
        ({"state": None, "tcp": None}, {}, "connecting"),
        ({"state": None, "tcp": None, "tcp_server": "ESTABLISHED"}, {}, "ESTABLISHED"),
        ({}, {"link": "cut"}, "cut"),
        ({}, {"link": "half-open"}, "half-open"),
        ({"state": "closed", "tcp": "CLOSED"}, {"link": "half-open"}, "closed"),
        ({"state": "closed", "tcp": "ESTABLISHED"}, {"link": "cut"}, "only its client has it"),
        ({"tcp": "ESTABLISHED", "tcp_server": "CLOSED"}, {}, "only its client has it"),
        ({"state": "closed", "tcp": "ESTABLISHED", "closing": "by client: 200"}, {}, "closed"),
        ({"tcp": "CLOSED", "tcp_server": "ESTABLISHED"}, {}, "only its server has it"),
        ({"state": "closed", "tcp": "CLOSED", "tcp_server": "ESTABLISHED"}, {}, "closed"),
        ({"tcp": "CLOSED", "tcp_server": "CLOSED"}, {"link": "cut"}, "closed"),
        ({"tcp": "CLOSED", "tcp_server": "TIME-WAIT"}, {}, "closed"),
        ({"tcp": "FIN-WAIT-1"}, {}, "closing"),
        ({"tcp": "FIN-WAIT-1", "blocked": "low on memory"}, {}, "closing"),
        ({"tcp": "FIN-WAIT-1"}, {"link": "cut"}, "cut"),
        ({"tcp": "FIN-WAIT-2", "tcp_server": "CLOSE-WAIT"}, {}, "closing"),
        ({"tcp": "CLOSED", "tcp_server": "CLOSE-WAIT"}, {}, "only its server has it"),
        ({"tcp": "CLOSED", "tcp_server": "LAST-ACK"}, {}, "only its server has it"),
        ({"state": "closed", "tcp": "CLOSED", "tcp_server": "LAST-ACK"}, {}, "closed"),
    ],
)
def test_a_connection_says_how_it_is(fields: Entity, host: Entity, state: str) -> None:
    moment = with_(stage(), **{"connection/alice:1": connection(**fields), "host/alice": host})
    assert ("alice:1", state, ":1") in said(moment, "connection")


@pytest.mark.parametrize(
    ("host", "state"),
    [
        ({"status": "running"}, "running"),
        ({"status": "returned"}, "finished"),
        ({"status": "NotFound: 404"}, "failed"),
        ({"status": "running", "frozen": True}, "frozen"),
        ({"status": "running", "crashed": True}, "killed"),
        ({"status": "was killed", "crashed": True}, "killed"),
        ({"status": "lost its power", "crashed": True, "off": True}, "powered off"),
        ({"status": "lost its power", "crashed": True}, "not running"),
        ({"status": "returned", "crashed": True}, "finished"),
        ({"status": "NotFound: 404", "crashed": True}, "failed"),
    ],
)
def test_a_client_says_how_it_is(host: Entity, state: str) -> None:
    assert ("alice", state, "alice") in said(with_(stage(), **{"host/alice": host}), "client")


def test_of_a_single_active_consumer_it_is_said_who_is_active() -> None:
    key = "consumer/bob:1/1/tag"
    for active, word in ((True, "active"), (False, "waiting"), (None, "")):
        consumer = {**stage().state[key], "active": active}
        assert [state for _, state, _ in said(with_(stage(), **{key: consumer}), "consumer")] == [word]


def test_a_consumer_shows_its_slots_used_and_all_of_them() -> None:
    key = "consumer/bob:1/1/tag"
    moment = with_(stage(), **{key: {**stage().state[key], "holding": [7], "holding_count": 1}})
    assert list(said(moment, "consumer")) == [(key, "", "1 of 3")]


def test_what_a_hand_cannot_show_is_counted() -> None:
    held = {
        f"token/{n}/q": token("consumer", "consumer/bob:1/1/tag", message=n, label=str(n))
        for n in range(1, 10)
    }
    moment = with_(stage(), **held)
    assert len(of_kind("message", moment)) == 4
    assert list(said(moment, "more")) == [("consumer/bob:1/1/tag", "held", "+5")]


def test_confirms_are_numbers_in_a_strip() -> None:
    moment = with_(stage(), **{"confirm/alice:1/1": {"outstanding": [3, 4, 5, 6, 7], "count": 5}})
    assert list(said(moment, "confirms")) == [("confirm/alice:1/1", "5 to confirm", "3, 4, 5, 6, 7")]


def test_the_number_of_a_confirm_cannot_be_taken_for_a_count() -> None:
    """What stands before the numbers of a strip says what they are, in every layout; so do sentence and ladder."""
    made = scene(recording("publisher_confirms"))
    for place in made["layouts"].values():
        for app in place["apps"].values():
            assert all(row["label"].startswith("broker owes confirm #") for row in app["strips"].values())
    owed = [words for words in made["sentences"] if "owes" in words and "has message" in words]
    assert owed and all(re.search(r"owes a confirm for it \(number \d+\)", words) for words in owed)
    assert [words for words in made["labels"] if re.match("confirms ", words)]
    assert not [words for words in made["labels"] if re.match(r"confirms (up to )?\d", words)]


def test_a_transaction_s_tray_says_how_many_it_holds() -> None:
    held = {
        f"token/{n}/-": token("broker", "", channel="channel/alice:1/1", state="held in tx", message=n)
        for n in (1, 2)
    }
    assert list(said(with_(stage(), **held), "tray")) == [("channel/alice:1/1", "2 held", "tx")]


def test_a_transaction_s_tray_shows_held_answers_beside_held_messages() -> None:
    copies = {f"copy/%2F/orders/{n}": {"held_in_tx": "acknowledged"} for n in (7, 8)}
    message = {"token/1/-": token("broker", "", channel="channel/alice:1/1", state="held in tx", message=1)}
    for count, words in ((1, "1 and ✓ 7 held"), (2, "1 and 2 × ✓ held")):
        channel = {
            **stage().state["channel/alice:1/1"],
            "settling": list(copies)[:count],
            "settling_count": count,
        }
        moment = with_(stage(), **message, **copies, **{"channel/alice:1/1": channel})
        assert list(said(moment, "tray")) == [("channel/alice:1/1", words, "tx")]


def test_an_alarm_stands_at_the_broker() -> None:
    assert list(said(with_(stage(), **{"alarm/memory": {"resource": "memory"}}), "alarm")) == [
        ("memory", "on", "memory alarm")
    ]


def test_an_alarm_stands_at_the_broker_that_has_it() -> None:
    moment = stage()
    servers = moment.layout["servers"]
    two: Any = {
        **moment.layout,
        "servers": {**servers, "other": servers["broker"], "web": {**servers["broker"], "kind": "server"}},
    }
    alarms = {
        "alarm/memory": {"resource": "memory", "node": "other"},
        "alarm/disk": {"resource": "disk", "node": "web"},
    }
    found = of_kind("alarm", with_(replace(moment, layout=two), **alarms))
    assert {(mark.id, mark.place) for mark in found} == {("memory", "other"), ("disk", "broker")}


def test_a_stream_s_reader_is_a_cursor_at_its_message() -> None:
    key = "consumer/bob:1/1/tag"
    moment = with_(stage(), **{
        "queue/%2F/app": queue(ready=3, arguments="x-queue-type=stream"), key: {**stage().state[key], "cursor": 2},
    })  # fmt: skip
    (cursor,) = of_kind("cursor", moment)
    assert (cursor.id, cursor.state, cursor.label) == (key, "", "bob")
    (read,) = [mark for mark in of_kind("message", moment) if mark.label == "2"]
    assert cursor.spot == read.spot


@pytest.mark.parametrize(
    ("ready", "first", "start", "before"),
    [(3, 0, 0, 1), (3, 0, 2, 3), (3, 10, 12, 3), (3, 0, 3, 4), (3, 0, 9, 4), (60, 0, 0, 1), (60, 0, 60, 61)],
)
def test_a_stream_s_reader_that_has_read_nothing_stands_where_it_begins(
    ready: int, first: int, start: int, before: int
) -> None:
    """Half a cell ahead of the message that it gets first, and half a cell behind the one before."""
    key = "consumer/bob:1/1/tag"
    reader = {**stage().state[key], "cursor": None, "start": start}
    log = queue(ready=ready, arguments="x-queue-type=stream", first=first)
    moment = with_(stage(), **{"queue/%2F/app": log, key: reader})
    (cursor,) = of_kind("cursor", moment)
    at = {
        int(mark.label): mark.spot.x for mark in of_kind("message", moment) if mark.place.startswith("queue")
    }
    assert cursor.state == "" and (before in at or before - 1 in at)
    behind, ahead = cursor.spot.x - GEOMETRY.cell // 2, cursor.spot.x + GEOMETRY.cell // 2
    assert (at.get(before, behind), at.get(before - 1, ahead)) == (behind, ahead)


def test_a_reader_is_hidden_where_the_messages_that_it_is_among_are_only_counted() -> None:
    key = "consumer/bob:1/1/tag"
    reader = {**stage().state[key], "cursor": None, "start": 30}
    log = queue(ready=60, arguments="x-queue-type=stream")
    (cursor,) = of_kind("cursor", with_(stage(), **{"queue/%2F/app": log, key: reader}))
    assert cursor.state == "hidden"


@pytest.mark.parametrize(
    ("arguments", "raised"),
    [("x-max-priority=10", [0, 2, 5, 5]), ("", [0, 0, 0, 0]), ("x-max-priority=0", [0, 0, 0, 0])],
)
def test_in_a_queue_with_priorities_a_message_stands_as_high_as_it_is_urgent(
    arguments: str, raised: list[int]
) -> None:
    urgent = {f"message/{n}": {"priority": p} for n, p in enumerate((None, 5, 10, 200), 1)}
    moment = with_(stage(), **{"queue/%2F/app": queue(ready=4, arguments=arguments), **urgent})
    assert [mark.more["raised"] for mark in of_kind("message", moment)] == raised


def test_where_dead_letters_go_is_drawn_as_long_as_it_is_so() -> None:
    edge = PolicyEdge("policy/1", "queue/%2F/app", "exchange/%2F/logs", "dead-letter")
    moment = stage(policies={"policy/1": edge})
    for exchange, drawn in (("logs", 1), ("other", 0), (None, 0)):
        found = with_(moment, **{"queue/%2F/app": queue(dead_letter_exchange=exchange)})
        assert len(of_kind("policy", found)) == drawn


def test_signals_are_on_their_link() -> None:
    signal = {
        "kind": "ack",
        "label": "✓ 3",
        "place": "link",
        "at": "bob:1",
        "up": True,
        "command": None,
        "messages": [3],
    }
    (mark,) = of_kind("signal", with_(stage(), **{"signal/9": signal}))
    assert mark.said == ("signal", "9", "link:bob", "waiting", "✓ 3"), "no segment has it yet"


def test_a_queue_has_the_letters_of_the_management_pages() -> None:
    arguments = "x-queue-type=quorum, x-message-ttl=60000, x-dead-letter-exchange=dlx, x-max-priority=5"
    moment = with_(stage(), **{"queue/%2F/app": queue(arguments=arguments, durable=True, exclusive=False)})
    (mark,) = of_kind("queue", moment)
    assert mark.more["badges"] == ["quorum", "D", "Pri 5", "TTL", "DLX"]


def test_matched_bindings_are_lit_and_folds_say_how_many() -> None:
    moments_ = sampled("topics")
    lit = [
        mark for moment in moments_.values() for mark in of_kind("binding", moment) if mark.state == "matched"
    ]
    assert all(mark.id in moments_[0].layout["edges"] for mark in lit)
    key = next(key for key, edge in moments_[0].layout["edges"].items() if edge["ghost"])
    shown = of_kind("binding", replace(stage(), layout=moments_[0].layout, matched=[key]))
    assert [(mark.id, mark.state) for mark in shown] == [(key, "matched")]


def test_a_way_that_a_transaction_holds_back_is_not_lit() -> None:
    records = list(recording("transactions"))
    place = layout(participants_of(records), "wide", needs_of(records))
    routings = [record.seq for record in records if isinstance(record.event, e.Routed)]
    seen = moments(records, Traffic(records), place, routings, "milestone")
    lit = [any(mark.state == "matched" for mark in of_kind("binding", seen[seq])) for seq in routings]
    assert lit == [True, False, False, False, False]  # published before, two in each transaction


def test_an_unknown_place_is_passed_over() -> None:
    assert of_kind("message", with_(stage(), **{"token/7/-": token("nowhere", "x")})) == []


def test_a_count_stands_where_that_would_stand_which_it_counts() -> None:
    """On a cut link heartbeats pile up: the latest is spoken of, and all that is counted was sent before it."""
    records = list(recording("cut"))
    traffic = Traffic(records)
    place = layout(participants_of(records), "wide", needs_of(records))
    said = [
        record.seq
        for record in records
        if isinstance(record.event, e.CommandSent)
        and record.event.name == "heartbeat"
        and record.where == "broker"
    ]
    looked = 0
    for seq, moment in moments(records, traffic, place, said, "command").items():
        if seq < 0:
            continue
        [beat] = [mark for mark in of_kind("command", moment) if traffic.commands[int(mark.id)].sent == seq]
        for count in of_kind("more", moment):
            if count.state == "link" and count.spot.y == beat.spot.y:
                looked += 1
                assert count.spot.x > beat.spot.x, "what was sent before is nearer to the worker"
    assert looked


@pytest.mark.parametrize("scene", ["connection_reset", "crash", "loss_20_percent"])
def test_of_two_segments_the_one_that_was_sent_earlier_is_nearer_to_the_receiver(scene: str) -> None:
    """Octets or none; the law of the browser's is in js/laws.mjs. What was lost, or is slower, may be passed."""
    records = list(recording(scene))
    traffic = Traffic(records)
    place = layout(participants_of(records), "wide", needs_of(records))
    sent = [segment.sent for segment in traffic.segments.values()]
    looked = 0
    for moment in moments(records, traffic, place, sent, "segment").values():
        stand = [(traffic.segments[int(mark.id)], mark.spot.x) for mark in of_kind("segment", moment)]
        for first, x in stand:
            for second, other in stand:
                if first.lane != second.lane or first.number >= second.number or first.lost_seq is not None:
                    continue
                pipe = place["pipes"][first.connection]
                ahead = (1 if first.up else -1) * (1 if pipe["x1"] > pipe["x0"] else -1)
                if (
                    first.arrives_at is not None
                    and (second.arrives_at or first.arrives_at) >= first.arrives_at
                ):
                    looked += 1
                    assert ahead * x >= ahead * other, (moment.seq, first.number, second.number)
    assert looked
