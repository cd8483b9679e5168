"""The fold: pure, invertible, total, and no dearer per step in a long run than in a short one."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from typing import Any

import pytest
from any_events import POOLS, TYPES, any_event
from hypothesis import given, settings
from hypothesis import strategies as st
from state_laws import check_line, check_lines

from amqplab.trace import events as e
from amqplab.trace import lines
from amqplab.trace.draft import Draft
from amqplab.trace.fold import Fold, State, redo, step, undo
from amqplab.trace.keys import escape, message_key, queue_key, unescape
from amqplab.trace.lines import READY, Place, everyone, join, leave
from amqplab.trace.recorder import Record, Recorder, because
from amqplab.trace.state_link import preview, properties_in
from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic
from amqplab.wire.properties import Properties


def queue_event(kind: type[e.Event]) -> st.SearchStrategy[e.Event]:
    return st.builds(kind, **{field.name: POOLS.get(field.name, TYPES[field.type]) for field in fields(kind)})


QUEUE_KINDS = (
    e.Published,
    e.Enqueued,
    e.Delivered,
    e.Acknowledged,
    e.Requeued,
    e.Discarded,
    e.Confirmed,
    e.ConsumerAdded,
)
TX_KINDS = (
    e.ModeSelected,
    e.Published,
    e.Routed,
    e.Replied,
    e.Enqueued,
    e.Delivered,
    e.SettlementHeld,
    e.Requeued,
    e.DeadLettered,
    e.TransactionEnded,
    e.ChannelClosed,
)
streams = st.lists(any_event(), max_size=60) | st.one_of(
    [st.lists(st.one_of(list(map(queue_event, kinds))), max_size=60) for kinds in (QUEUE_KINDS, TX_KINDS)]
)


def recording(events: list[e.Event]) -> Recorder:
    recorder = Recorder(lambda: 0)
    for event in events:
        recorder.record("broker", type(event), *[getattr(event, field.name) for field in fields(event)])
    return recorder


@settings(max_examples=150)
@given(streams)
def test_any_stream_folds_to_json_and_every_step_can_be_taken_back(events: list[e.Event]) -> None:
    state: State = {}
    for record in recording(events):
        before, shared = copy.deepcopy(state), dict(state)
        patch = step(state, record)
        assert shared == before, "a step wrote into an entity instead of replacing it"
        assert json.loads(json.dumps(state)) == state
        check_lines(state)
        after = copy.deepcopy(state)
        assert all(old != new for _, old, new in patch)
        undo(state, patch)
        assert state == before
        redo(state, patch)
        assert state == after


@settings(max_examples=30)
@given(streams, st.integers(0, 60), st.integers(0, 60))
def test_the_state_at_any_moment_is_the_fold_from_zero(events: list[e.Event], one: int, other: int) -> None:
    recorder = recording(events * 6)  # long enough for a keyframe
    fold = Fold(recorder)
    for seq in (len(recorder), one * 6, other, 0):
        seq = min(seq, len(recorder))
        state: State = {}
        for record in recorder[:seq]:
            step(state, record)
        assert fold.at(seq) == state


def test_a_state_handed_out_is_the_readers_own(recorder: Recorder) -> None:
    fold = Fold(recorder)
    fold.at(100).clear()
    fold.now().clear()
    assert fold.at(100) == Fold(recorder).at(100) != {}


def test_there_is_no_state_outside_the_recording(recorder: Recorder) -> None:
    with pytest.raises(IndexError):
        Fold(recorder).at(len(recorder) + 1)


def test_the_fold_follows_a_growing_recording(story: Any) -> None:
    fold = Fold(story.recorder)
    assert fold.now() == {}
    story.broker(e.QueueDeclared, "/", "q", False, None, False, "")
    assert queue_key("/", "q") in fold.now()


def test_patches_lead_from_nothing_to_the_last_state(recorder: Recorder) -> None:
    state: State = {}
    fold = Fold(recorder)
    for patch in fold.patches():
        redo(state, patch)
    assert state == fold.now()


# --- what the state says ---------------------------------------------------------------------------------


def states_of(recorder: Recorder, kind: type[e.Event]) -> list[State]:
    """The states right after each record of a kind."""
    fold = Fold(recorder)
    return [fold.at(seq + 1) for seq in range(len(recorder)) if recorder.kind_of(seq) is kind]


def test_a_message_goes_from_ready_to_unacked_to_acknowledged(recorder: Recorder) -> None:
    app = queue_key("/", "app")
    assert [s[app]["ready"] for s in states_of(recorder, e.Enqueued)] == [[1], [1]]
    held = states_of(recorder, e.Delivered)[0]
    assert (held[app]["ready"], held[app]["unacked"], held[app]["total"]) == ([], [1], 1)
    assert held["consumer/consumer:49152/1/ctag1"]["holding"] == [1]
    assert held["channel/consumer:49152/1"]["unacked"] == 1
    assert held[message_key(1)]["where"] == {"app": "unacked", "audit": "ready"}
    back = states_of(recorder, e.Requeued)[0]
    assert (back[app]["ready"], back[app]["unacked"]) == ([1], [])
    assert back["copy/%2F/app/1"]["redelivered"] is True
    done = states_of(recorder, e.Acknowledged)[0]
    assert (done[app]["total"], done[message_key(1)]["status"]) == (0, "ready")
    assert done[message_key(1)]["where"] == {"app": "acknowledged", "audit": "ready"}


def test_a_message_shows_the_beginning_of_its_body(recorder: Recorder) -> None:
    message = Fold(recorder).now()[message_key(1)]
    assert (message["body"], message["size"], message["publisher"]) == (
        "Hello, Rabbit!",
        14,
        "producer:49152",
    )


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"", ""),
        (b"Hello", "Hello"),
        ("é".encode() * 40, "é" * 31 + "…"),
        (b"\x00\x01\xff", "00 01 ff"),
        (b"a\nb", "61 0a 62"),
        (bytes(40), "00 " * 16 + "…"),
        (b"x" * 127 + "é".encode(), "x" * 31 + "…"),
    ],
)
def test_a_preview_is_text_if_the_body_is_text(octets: bytes, shown: str) -> None:
    assert preview(octets) == shown


def test_what_nobody_wanted_is_lost_with_its_reason(recorder: Recorder) -> None:
    state = Fold(recorder).now()
    assert state["lost/2/-"] == {"reason": "returned: 312 NO_ROUTE"}
    assert state[message_key(2)]["status"] == "returned"


def test_a_confirm_is_outstanding_until_the_broker_sends_it(recorder: Recorder) -> None:
    published, confirmed = states_of(recorder, e.Published)[0], states_of(recorder, e.Confirmed)[0]
    assert published["confirm/producer:49152/1"]["outstanding"] == [1]
    assert confirmed["confirm/producer:49152/1"] == {
        "outstanding": [], "count": 0, "ranges": [], "positive": 1, "negative": 0,
    }  # fmt: skip


def test_confirms_out_of_order_leave_ranges(story: Any) -> None:
    for number in range(1, 301):
        story.broker(e.Published, "/", number, "p:1", 1, "", "q", 1, False, False, number)
    story.broker(e.Confirmed, "p:1", 1, 10, True, True)
    story.broker(e.Confirmed, "p:1", 1, 200, False, False)
    confirms = Fold(story.recorder).now()["confirm/p:1/1"]
    assert confirms["ranges"] == [[11, 199], [201, 300]]
    assert confirms["outstanding"] == list(range(11, 111))
    assert (confirms["count"], confirms["positive"], confirms["negative"]) == (289, 10, 1)


def test_a_connection_tells_whose_it_is_and_to_whom(recorder: Recorder, story: Any) -> None:
    first = states_of(recorder, e.SegmentSent)[0]["connection/producer:49152"]
    assert (first["client"], first["server"]) == ("producer", "broker")
    story.tell("node-2", e.ConnectionOpened, "127.0.0.1:5000", "guest", "/", "pika")
    assert Fold(story.recorder).now()["connection/127.0.0.1:5000"]["server"] == "node-2"


def test_a_queue_and_an_exchange_tell_at_which_node_they_are(story: Any) -> None:
    story.tell("node-2", e.QueueDeclared, "/", "q", False, None, False, "")
    state = Fold(story.recorder).now()
    assert state["queue/%2F/q"]["node"] == state["exchange/%2F/"]["node"] == "node-2"


def test_a_closed_connection_leaves_the_state_when_tcp_is_over(recorder: Recorder) -> None:
    closed = states_of(recorder, e.ConnectionClosed)[0]["connection/consumer:49152"]
    assert (closed["state"], closed["reason"], closed["channels"]) == ("closed", "closed by client", [])
    state = Fold(recorder).now()
    assert "connection/consumer:49152" not in state
    assert state["connection/producer:49152"]["state"] == "open"
    assert not [key for key in state if key.startswith(("consumer/", "channel/consumer"))]


def test_a_live_connection_leaves_the_state_when_the_broker_forgets_it(story: Any) -> None:
    story.broker(e.ConnectionOpened, "127.0.0.1:50000", "guest", "/", "pika")
    story.broker(e.ChannelOpened, "127.0.0.1:50000", 1)
    assert "channel/127.0.0.1:50000/1" in Fold(story.recorder).now()
    story.broker(e.ConnectionClosed, "127.0.0.1:50000", "reset")
    assert Fold(story.recorder).now() == {}


def test_every_queue_is_bound_to_the_default_exchange_by_its_name(story: Any) -> None:
    story.broker(e.QueueDeclared, "/", "a/b", False, None, False, "")
    state = Fold(story.recorder).now()
    assert state["binding/%2F//queue/a%2Fb/a%2Fb/"]["implicit"] is True
    assert state["exchange/%2F/"]["predeclared"] is True
    story.broker(e.QueueDeleted, "/", "a/b", "deleted")
    assert list(Fold(story.recorder).now()) == ["exchange/%2F/"]


def test_a_deleted_queue_takes_its_copies_along(story: Any) -> None:
    for number in (1, 2, 3):
        story.broker(e.Enqueued, "/", "q", number, number - 1)
    story.broker(e.Delivered, "/", "q", 1, "c:1", 1, "", 1, False, False)
    story.broker(e.QueueDeleted, "/", "q", "deleted")
    state = Fold(story.recorder).now()
    assert [key for key in state if key.startswith("copy/")] == []
    assert state["lost/1/q"] == state["lost/3/q"] == {"reason": "queue deleted"}


def test_a_cancelled_consumer_leaves_its_copies_to_the_channel(story: Any) -> None:
    story.broker(e.ConsumerAdded, "/", "q", "c:1", 1, "t", False, False, 0, 0)
    story.broker(e.Enqueued, "/", "q", 1, 0)
    story.broker(e.Delivered, "/", "q", 1, "c:1", 1, "t", 1, False, False)
    story.broker(e.ConsumerRemoved, "/", "q", "c:1", 1, "t", "cancelled")
    story.broker(e.ConsumerAdded, "/", "q", "c:1", 1, "t", False, False, 0, 0)
    story.broker(e.Acknowledged, "/", "q", 1, "c:1", 1, 1)
    state = Fold(story.recorder).now()
    assert state["consumer/c:1/1/t"]["holding_count"] == 0
    assert state["channel/c:1/1"]["unacked"] == 0
    assert state["queue/%2F/q"]["total"] == 0


def under(story: Any, key: str) -> tuple[str, str, str | None]:
    entity = Fold(story.recorder).now()[key]
    goes = entity["dead_letter_exchange"] if key.startswith("queue/") else entity["alternate"]
    return entity["policy"], entity["policy_arguments"], goes


def test_a_policy_is_written_on_what_it_holds_for(story: Any) -> None:
    story.broker(e.QueueDeclared, "/", "work", False, None, False, "")
    dead = ("/", "dead", "^work", "queues", "dead-letter-exchange=dlx, max-length=9", 0, False)
    story.broker(e.PolicySet, *dead)
    assert under(story, "queue/%2F/work") == ("dead", "dead-letter-exchange=dlx, max-length=9", "dlx")
    story.broker(e.QueueDeclared, "/", "works", False, None, False, "x-dead-letter-exchange=own")
    assert under(story, "queue/%2F/works")[2] == "own"  # the argument has the first word
    story.broker(e.PolicySet, "/", "bound", "", "all", "max-length=5, message-ttl=1000", 0, True)
    bounded = "dead-letter-exchange=dlx, max-length=5, message-ttl=1000"
    assert under(story, "queue/%2F/work") == ("dead and bound", bounded, "dlx")
    story.broker(e.PolicySet, "/", "first", "work", "all", "dead-letter-exchange=", 1, False)
    assert under(story, "queue/%2F/work")[2] == ""  # a higher priority, and the default exchange
    story.broker(e.PolicyDeleted, "/", "first", False)
    story.broker(e.PolicyDeleted, "/", "bound", True)
    assert under(story, "queue/%2F/work")[0] == "dead"
    story.broker(e.PolicyDeleted, "/", "dead", False)
    assert under(story, "queue/%2F/work") == ("", "", None)
    assert "policies/%2F" not in Fold(story.recorder).now()


def test_a_policy_of_exchanges_names_their_alternate_and_one_with_a_wrong_pattern_nothing(story: Any) -> None:
    story.broker(e.PolicySet, "/", "a", "^amq[.]", "exchanges", "alternate-exchange=rest", 0, False)
    story.broker(e.PolicySet, "/", "b", "*(", "all", "alternate-exchange=other", 9, False)
    story.broker(e.Published, "/", 1, "p:1", 1, "amq.topic", "k", 5, False, True, 0)
    assert under(story, "exchange/%2F/amq.topic") == ("a", "alternate-exchange=rest", "rest")


def test_where_a_policy_from_before_leads_is_learned_when_it_takes_effect(story: Any) -> None:
    story.broker(e.QueueDeclared, "/", "q", False, None, False, "")
    story.broker(e.DeadLettered, "/", "q", 1, "expired", "dlx", "k", 2)
    story.broker(e.Routed, "/", 3, "main", "k", (), ("r",), ("rest",))
    assert under(story, "queue/%2F/q")[2] == "dlx"
    assert under(story, "exchange/%2F/main")[2] == "rest"


def test_of_several_consumers_it_is_known_which_one_is_active(story: Any) -> None:
    def active() -> list[bool | None]:
        state = Fold(story.recorder).now()
        return [state[f"consumer/c:1/1/{tag}"]["active"] for tag in "abc" if f"consumer/c:1/1/{tag}" in state]

    story.broker(e.QueueDeclared, "/", "q", False, None, False, "x-single-active-consumer=true")
    story.broker(e.QueueDeclared, "/", "r", False, None, False, "x-single-active-consumer=false")
    for queue, tag in (("q", "a"), ("q", "b"), ("r", "c")):
        story.broker(e.ConsumerAdded, "/", queue, "c:1", 1, tag, False, False, 0, 0)
    story.broker(e.ConsumerActivated, "/", "q", "c:1", 1, "a")
    assert active() == [True, False, None]
    story.broker(e.ConsumerRemoved, "/", "q", "c:1", 1, "a", "cancelled")
    assert active() == [False, None]
    assert Fold(story.recorder).now()["queue/%2F/q"]["active_consumer"] is None
    story.broker(e.ConsumerActivated, "/", "q", "c:1", 1, "b")
    assert active() == [True, None]


def test_a_reader_of_a_stream_is_at_the_message_that_it_was_handed_last(story: Any) -> None:
    story.broker(e.QueueDeclared, "/", "s", True, None, False, "x-queue-type=stream")
    story.broker(e.ConsumerAdded, "/", "s", "c:1", 1, "t", False, False, 5, 0, 2)
    story.broker(e.ConsumerAdded, "/", "q", "c:1", 1, "u", False, False, 5, 0)
    state = Fold(story.recorder).now()
    assert [state["consumer/c:1/1/t"][name] for name in ("start", "cursor")] == [2, None]
    for tag, number in ((1, 7), (2, 9)):
        story.broker(e.Enqueued, "/", "s", number, tag)
        story.broker(e.Delivered, "/", "s", number, "c:1", 1, "t", tag, False, False, True)
    state = Fold(story.recorder).now()
    assert [state["consumer/c:1/1/t"][name] for name in ("start", "cursor")] == [2, 9]
    assert [state["consumer/c:1/1/u"][name] for name in ("start", "cursor")] == [None, None]


def test_a_stream_that_loses_its_oldest_messages_knows_the_offset_of_the_first_one(story: Any) -> None:
    for name, arguments in (("s", "x-queue-type=stream"), ("q", "")):
        story.broker(e.QueueDeclared, "/", name, True, None, False, arguments)
        for number in (7, 8, 9):
            story.broker(e.Enqueued, "/", name, number, number - 7)
        for number in (7, 8):
            story.broker(e.Discarded, "/", name, number, "maxlen")
    state = Fold(story.recorder).now()
    assert [state[f"queue/%2F/{name}"]["first"] for name in ("s", "q")] == [2, 0]
    assert state["queue/%2F/s"]["ready"] == [9]


def publish(story: Any, link: Any, properties: Properties) -> None:
    """One message arrives at the broker in its frames, and is published."""
    octets = encode_content(1, Basic.Publish(exchange="", routing_key="q"), properties, b"hi", 4096)
    with because(link.send(True, octets)):
        story.broker(e.Published, "/", 1, link.name, 1, "", "q", 2, False, False, 0)


def test_what_is_written_on_a_message_is_read_from_its_header(story: Any) -> None:
    properties = Properties(
        priority=3, reply_to="answers", correlation_id="c1", expiration="60000", delivery_mode=2,
        headers={"kind": "hot", "tries": 2, "urgent": True, "via": [b"a", {"b": None}]},
    )  # fmt: skip
    publish(story, story.connect("p", 49152), properties)
    message = Fold(story.recorder).now()["message/1"]
    assert message["priority"] == 3
    assert message["properties"] == {
        "headers": "kind=hot, tries=2, urgent=true, via=[a, {b=undefined}]",
        "delivery_mode": "2",
        "priority": "3",
        "correlation_id": "c1",
        "reply_to": "answers",
        "expiration": "60000",
    }
    story.broker(e.DeadLettered, "/", "q", 1, "expired", "dlx", "k", 2)
    letter = Fold(story.recorder).now()["message/2"]
    assert letter["priority"] == 3 and "expiration" not in letter["properties"]


def test_long_properties_are_cut_and_none_are_none(story: Any) -> None:
    link = story.connect("p", 49152)
    publish(story, link, Properties(headers={"x": "y" * 500}))
    text = Fold(story.recorder).now()["message/1"]["properties"]["headers"]
    assert len(text) == 80 and text.endswith("…")
    publish(story, link, Properties())
    message = Fold(story.recorder).now()["message/1"]
    assert (message["priority"], message["properties"]) == (None, {})
    story.broker(e.Published, "/", 9, "c:9", 1, "", "q", 2, False, False, 0)
    assert Fold(story.recorder).now()["message/9"]["properties"] == {}


def test_properties_that_are_none_are_passed_over() -> None:
    assert properties_in(b"\xff\xff\x00") == (None, {})


def test_a_dead_letter_is_not_lost_but_goes_on(story: Any) -> None:
    story.broker(e.Published, "/", 1, "p:1", 1, "", "q", 5, False, True, 0)
    story.broker(e.Enqueued, "/", "q", 1, 0)
    story.broker(e.Discarded, "/", "q", 1, "expired")
    story.broker(e.DeadLettered, "/", "q", 1, "expired", "dlx", "k", 2)
    state = Fold(story.recorder).now()
    assert "lost/1/q" not in state
    assert state["message/1"]["where"] == {"q": "dead-lettered as 1′"}
    assert (state["message/2"]["size"], state["message/2"]["exchange"]) == (5, "dlx")


def in_a_transaction(story: Any) -> None:
    story.broker(e.ModeSelected, "p:1", 1, "tx")
    for message in (1, 2):
        story.broker(e.Published, "/", message, "p:1", 1, "", "q", 5, False, True, 0)
        story.broker(e.Routed, "/", message, "", "q", (), ("q",), ())


def test_what_is_published_in_a_transaction_is_held_until_commit(story: Any) -> None:
    in_a_transaction(story)
    state = Fold(story.recorder).now()
    assert state["channel/p:1/1"]["in_tx"] == [1, 2]
    assert state["message/1"]["status"] == "held in tx" and state["message/1"]["where"] == {}
    for message in (1, 2):
        story.broker(e.Enqueued, "/", "q", message, message - 1)
    story.broker(e.TransactionEnded, "p:1", 1, "committed")
    state = Fold(story.recorder).now()
    assert state["channel/p:1/1"]["in_tx_count"] == 0
    assert state["message/2"]["status"] == "ready"
    assert not [key for key in state if key.startswith("lost/")]


@pytest.mark.parametrize("end", ["rollback", "channel closed"])
def test_what_is_rolled_back_is_lost_with_that_reason(story: Any, end: str) -> None:
    in_a_transaction(story)
    if end == "rollback":
        story.broker(e.TransactionEnded, "p:1", 1, "rolled back")
    else:
        story.broker(e.ChannelClosed, "p:1", 1)
    state = Fold(story.recorder).now()
    assert [state[message_key(number)]["status"] for number in (1, 2)] == ["rolled back"] * 2
    assert [state[f"lost/{number}/-"] for number in (1, 2)] == [{"reason": "rolled back"}] * 2


@pytest.mark.parametrize("outcome", ["committed", "rolled back"])
def test_a_settlement_in_a_transaction_waits_with_its_copy(story: Any, outcome: str) -> None:
    story.broker(e.ModeSelected, "p:1", 1, "tx")
    story.broker(e.Enqueued, "/", "q", 1, 0)
    story.broker(e.Delivered, "/", "q", 1, "p:1", 1, "t", 1, False, False)
    story.broker(e.SettlementHeld, "/", "q", 1, "p:1", 1, 1, "acknowledged")
    state = Fold(story.recorder).now()
    assert (state["copy/%2F/q/1"]["state"], state["copy/%2F/q/1"]["held_in_tx"]) == (
        "unacked",
        "acknowledged",
    )
    assert state["channel/p:1/1"]["settling"] == ["copy/%2F/q/1"]
    if outcome == "committed":
        story.broker(e.Acknowledged, "/", "q", 1, "p:1", 1, 1)
    story.broker(e.TransactionEnded, "p:1", 1, outcome)
    state = Fold(story.recorder).now()
    assert state["channel/p:1/1"]["settling"] == []
    copy = state.get("copy/%2F/q/1")
    assert copy is None if outcome == "committed" else copy["held_in_tx"] == ""


# --- long lines ------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
def test_a_line_behaves_like_a_list_however_little_is_shown(moves: list[tuple[bool, int]]) -> None:
    shown, lines.SHOWN = lines.SHOWN, 3
    try:
        place = Place("queue/q", READY, "copy/q/")
        state: State = {"queue/q": {**READY.empty()}}
        model: list[int] = []
        for number, (coming, where) in enumerate(moves):
            draft = Draft(state)
            if coming or not model:
                draft.put(place.key(number), {"before": None, "after": None})
                join(draft, place, number, where)
                model.insert(where, number)
            else:
                gone = model.pop(where % len(model))
                leave(draft, place, gone)
                draft.drop(place.key(gone))
            draft.commit()
            assert list(everyone(state, place)) == model
            check_line(state, place)
    finally:
        lines.SHOWN = shown


def test_a_step_changes_as_little_in_a_long_queue_as_in_a_short_one(story: Any) -> None:
    many = 1500
    story.broker(e.ConsumerAdded, "/", "q", "c:1", 1, "t", False, False, 0, 0)
    for number in range(1, many + 1):
        story.broker(e.Enqueued, "/", "q", number, number - 1)
    for number in range(1, many + 1):
        story.broker(e.Delivered, "/", "q", number, "c:1", 1, "t", number, False, False)
    for number in range(many, 0, -1):
        story.broker(e.Acknowledged, "/", "q", number, "c:1", 1, number)
    listed = 0
    for patch in Fold(story.recorder).patches():
        assert len(patch) <= 7
        listed = max(listed, *(len(json.dumps(new)) for _, _, new in patch if new))
    assert listed < 2_000
    assert Fold(story.recorder).now()["queue/%2F/q"]["total"] == 0


@given(st.lists(st.text(alphabet="a/%25F", max_size=6), max_size=3))
def test_names_in_keys_cannot_be_confused(names: list[str]) -> None:
    joined = "/".join(map(escape, names))
    assert [unescape(part) for part in joined.split("/")] == (names or [""])


def test_a_record_of_an_unknown_kind_changes_nothing() -> None:
    class Foreign(e.Event):
        pass

    state: State = {}
    assert step(state, Record(0, 0, "x", None, Foreign())) == []
    assert state == {}
