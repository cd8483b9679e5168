"""What survives: the fold over a journal's entries, and its compaction."""

from __future__ import annotations

from hypothesis import given, settings
from journal_strategies import histories
from wire_strategies import LAW

from amqplab.model.binding import bind
from amqplab.model.journal import pack, read
from amqplab.model.journal_entries import (
    Begun,
    Bound,
    Entry,
    ExchangeDeclared,
    ExchangeDeleted,
    Purged,
    QueueDeclared,
    QueueDeleted,
    Removed,
    Returned,
    Setting,
    Standing,
    Stopped,
    Stored,
    StoredMessage,
    VhostDeclared,
    VhostDeleted,
)
from amqplab.model.journal_state import KeptVhost, State, compact, replay
from amqplab.wire.table import Table

QUORUM = Table({"x-queue-type": "quorum"})


def message(number: int) -> StoredMessage:
    return StoredMessage(number, "", "q", b"\x10\x00\x02", b"%d" % number)


def stored(number: int, *standing: Standing) -> Stored:
    return Stored("/", message(number), standing or (Standing("q", number),))


def bodies(state: State, queue: str = "q") -> list[tuple[bytes, bool]]:
    """(body, redelivered) of the copies in a queue, in order."""
    return [(copy.message.body, copy.redelivered) for copy in state.vhosts["/"].queues[queue].in_order]


def test_copies_stand_in_the_order_of_their_places() -> None:
    state = replay(
        [Begun(1), QueueDeclared("/", "q"), stored(2), stored(3), stored(1), Removed("/", "q", (2,))]
    )
    assert bodies(state) == [(b"1", False), (b"3", False)]
    assert state.vhosts["/"].queues["q"].next_place == 4
    assert (state.messages, state.copies) == (3, 2)


def test_after_a_clean_stop_only_what_came_back_is_redelivered() -> None:
    state = replay(
        [
            Begun(1),
            QueueDeclared("/", "q"),
            stored(1),
            stored(2),
            Returned("/", "q", (1,)),
            Stopped(),
            Begun(1, run=2),
        ]
    )
    assert bodies(state) == [(b"1", True), (b"2", False)]
    assert state.vhosts["/"].queues["q"].copies[1].returned == 1


def test_after_a_crash_all_copies_in_classic_queues_are_redelivered() -> None:
    both = stored(1, Standing("q", 0), Standing("quorum", 0))
    history = [Begun(1), QueueDeclared("/", "q"), QueueDeclared("/", "quorum", arguments=QUORUM), both]
    assert bodies(replay(history)) == [(b"1", False)]
    state = replay([*history, Begun(1, run=2)])
    assert (bodies(state), bodies(state, "quorum")) == ([(b"1", True)], [(b"1", False)])


def test_another_file_of_the_same_run_is_no_crash() -> None:
    state = replay([Begun(1), QueueDeclared("/", "q"), stored(1), Begun(2, follows=1, run=1)])
    assert bodies(state) == [(b"1", False)]


def test_a_purge_leaves_what_was_unacked() -> None:
    history = [Begun(1), QueueDeclared("/", "q"), stored(1), stored(2), stored(3)]
    assert bodies(replay([*history, Purged("/", "q", (2,))])) == [(b"2", False)]
    assert bodies(replay([*history, Purged("/", "q")])) == []


def test_deletions_take_bindings_and_copies_along() -> None:
    to_queue, to_exchange = bind("e", "queue", "q", ""), bind("e", "exchange", "f", "")
    predeclared = bind("amq.topic", "queue", "q", "#")
    history: list[Entry] = [
        Begun(1),
        ExchangeDeclared("/", "e"),
        ExchangeDeclared("/", "f"),
        QueueDeclared("/", "q"),
        *(Bound("/", one) for one in (to_queue, to_exchange, predeclared)),
        stored(1),
    ]
    assert list(replay(history).vhosts["/"].bindings) == [to_queue, to_exchange, predeclared]
    assert list(replay([*history, ExchangeDeleted("/", "e")]).vhosts["/"].bindings) == [predeclared]
    assert list(replay([*history, ExchangeDeleted("/", "f")]).vhosts["/"].bindings) == [to_queue, predeclared]
    gone = replay([*history, QueueDeleted("/", "q")])
    assert list(gone.vhosts["/"].bindings) == [to_exchange]
    again = replay([*history, QueueDeleted("/", "q"), QueueDeclared("/", "q")])
    assert bodies(again) == []
    assert replay([*history, VhostDeleted("/")]).vhosts == {}
    assert replay([*history, VhostDeleted("/"), VhostDeclared("/")]).vhosts == {"/": KeptVhost()}


def test_declaring_again_changes_nothing_and_what_is_not_there_is_passed_over() -> None:
    declared = QueueDeclared("/", "q", arguments=Table({"x-max-length": 3}))
    state = replay([declared, stored(1), QueueDeclared("/", "q"), stored(2, Standing("nowhere", 0))])
    assert state.vhosts["/"].queues["q"].declared is declared
    assert state.copies == 1


def test_settings_are_kept_until_they_are_taken_away() -> None:
    state = replay([Setting("a", 1), Setting("b", Table({"x": True})), Setting("a")])
    assert state.settings == {"b": Table({"x": True})}


@given(histories)
@settings(LAW, max_examples=300)
def test_compaction_keeps_the_state_and_no_more_entries_than_things(history: list[Entry]) -> None:
    state = replay(history)
    anew = list(compact(state, segment=9, replaces=8))
    assert replay(anew) == state
    assert replay([*history, *anew]) == state
    things = sum(
        1 + len(vhost.exchanges) + len(vhost.queues) + len(vhost.bindings) for vhost in state.vhosts.values()
    )
    assert len(anew) <= 2 + len(state.settings) + things + state.copies


@given(histories)
@LAW
def test_the_octets_of_a_compacted_journal_give_the_same_state(history: list[Entry]) -> None:
    state = replay(history)
    octets = b"".join(pack((entry.encode() for entry in compact(state)), salt=7))
    records = read(octets).records
    assert replay(entry for record in records for entry in record.entries) == state


def test_a_message_in_many_queues_is_written_once() -> None:
    queues = [QueueDeclared("/", f"q{n}") for n in range(5)]
    wide = stored(1, *(Standing(f"q{n}", n) for n in range(5)))
    anew = list(compact(replay([Begun(1), *queues, wide, Removed("/", "q3", (3,))])))
    assert [entry for entry in anew if isinstance(entry, Stored)] == [
        stored(1, *(Standing(f"q{n}", n) for n in (0, 1, 2, 4)))
    ]
