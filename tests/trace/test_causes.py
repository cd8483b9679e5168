"""Causes make sense: each kind of record goes back to what must have led to it, in every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from faulted import coffees, harmed
from lab_runs import RUNS
from scenes import recording

from amqplab import Lab
from amqplab.lab import Cut, Fault, HalfOpen, Heal, Kill, LoseNext, LoseSegment
from amqplab.trace import events as e
from amqplab.trace.causes import Causes
from amqplab.trace.keys import client_host
from amqplab.trace.narrate import Narrator, narrate
from amqplab.trace.query import command_at
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.why import why
from amqplab.wire.frames import FRAME_HEARTBEAT, FRAME_METHOD
from amqplab.wire.methods import Basic, decode_method

Chain = list[Record]
"""From the first cause to the record itself."""

SETTLING = ("basic.ack", "tx.commit")
REFUSING = ("basic.nack", "basic.reject", "tx.commit")
COMMANDS: dict[type[e.Event], tuple[str, ...]] = {
    e.ChannelOpened: ("channel.open",),
    e.ConnectionOpened: ("connection.open",),
    e.ConnectionTuned: ("connection.tune-ok",),
    e.PrefetchSet: ("basic.qos",),
    e.ModeSelected: ("confirm.select", "tx.select"),
    e.ExchangeDeclared: ("exchange.declare",),
    e.QueueDeclared: ("queue.declare",),
    e.QueuePurged: ("queue.purge",),
    e.Bound: ("queue.bind", "exchange.bind"),
    e.ConsumerAdded: ("basic.consume",),
    e.Acknowledged: SETTLING,
    e.Rejected: REFUSING,
    e.SettlementHeld: ("basic.ack", "basic.nack", "basic.reject"),
    e.Published: ("basic.publish",),
    e.PublishRefused: ("basic.publish",),
    e.Returned: ("basic.publish", "tx.commit"),
    e.Confirmed: ("basic.publish",),
}
"""What happens at the broker because a client said so: the last command of the chain is one of these."""


def command(chain: Chain, *names: str) -> bool:
    """The last command that was received on the way is one of these, on the channel of the record."""
    last = chain[-1].event
    for record in reversed(chain[:-1]):
        event = record.event
        if isinstance(event, e.CommandReceived):
            same = all(
                getattr(event, field) == getattr(last, field, getattr(event, field))
                for field in ("connection", "channel")
            )
            return event.name in names and same
    return False


def nobody(chain: Chain) -> bool:
    """Time did it, or a machine that got its power back: there is no cause at all."""
    return len(chain) == 1


def end_of_a_connection(chain: Chain) -> bool:
    """A channel or connection ended: by a command, by TCP, by an intervention, or because time was up."""
    if nobody(chain) or any(isinstance(record.event, e.Intervened | e.HeartbeatMissed) for record in chain):
        return True
    if command(chain, "channel.close", "connection.close", "connection.close-ok", "basic.cancel"):
        return True
    kinds = [type(record.event) for record in chain[:-1]]
    return e.SegmentArrived in kinds and e.FrameReceived not in kinds[kinds.index(e.SegmentArrived) :]


def error_of_a_channel(chain: Chain) -> bool:
    """The broker closes a channel because of any command."""
    return any(isinstance(record.event, e.CommandReceived) for record in chain)


def same_segment(kind: type[e.Event]) -> Callable[[Chain], bool]:
    def rule(chain: Chain) -> bool:
        cause = chain[-2].event if len(chain) > 1 else None
        return isinstance(cause, kind) and cause.number == chain[-1].event.number  # type: ignore[attr-defined]

    return rule


def segment_arrived(chain: Chain) -> bool:
    """It was sent; or of a SYN or FIN that was sent again, the first one was."""
    cause = chain[-2].event if len(chain) > 1 else None
    if isinstance(cause, e.SegmentSent) and ("SYN" in cause.flags or "FIN" in cause.flags):
        return not cause.retransmission
    return same_segment(e.SegmentSent)(chain)


def segment_lost(chain: Chain) -> bool:
    """By chance, after it was sent; or somebody cut its link, took its host's power, or picked it out."""
    event: Any = chain[-1].event
    if event.reason == "loss":
        return same_segment(e.SegmentSent)(chain)
    return isinstance(chain[-2].event, e.Intervened)


def segment_sent(chain: Chain) -> bool:
    """Octets were handed to TCP there, or there came room for them; an end began, answered or ended."""
    event: Any = chain[-1].event
    cause = chain[-2].event if len(chain) > 1 else None
    if not event.payload or event.retransmission:
        return True
    return (
        isinstance(cause, e.FrameSent | e.UnitSent | e.SegmentArrived) and chain[-2].where == chain[-1].where
    )


def timed_out(chain: Chain) -> bool:
    """A segment of this end was lost, or the other end's power was; or it was sent, and no answer came."""
    event, cause = chain[-1].event, chain[-2].event if len(chain) > 1 else None
    assert isinstance(event, e.RetransmissionTimedOut)
    if isinstance(cause, e.SegmentLost):
        return cause.connection == event.connection
    if cause is None:
        return True  # it probes a closed window
    if isinstance(cause, e.Intervened):
        return cause.action == "power off"
    return isinstance(cause, e.SegmentSent) and chain[-2].where == event.host


def frame_sent(chain: Chain) -> bool:
    """A delivery, a return and a confirm come of what the broker has decided, and of that very decision; time
    brings a heartbeat.
    """
    event: Any = chain[-1].event
    if event.data[0] == FRAME_HEARTBEAT:
        return nobody(chain)
    if chain[-1].where == client_host(event.connection) or event.data[0] != FRAME_METHOD:
        return True
    method: Any = decode_method(event.data[7:-1])
    cause: Any = chain[-2].event if len(chain) > 1 else None
    if isinstance(method, Basic.Deliver | Basic.GetOk):
        return isinstance(cause, e.Delivered | e.Replied) and cause.delivery_tag == method.delivery_tag
    if isinstance(method, Basic.Return):
        return isinstance(cause, e.Returned) and cause.code == method.reply_code
    if isinstance(method, Basic.Ack | Basic.Nack):
        return isinstance(cause, e.Confirmed) and cause.sequence == method.delivery_tag
    return True


def frame_received(chain: Chain) -> bool:
    """It was written, if that was seen, and it is that frame to which the way back leads; a segment brought it,
    or the host began to read again.
    """
    written = [record.event for record in chain if isinstance(record.event, e.FrameSent)]
    if written and written[-1].data != chain[-1].event.data:  # type: ignore[attr-defined]
        return False
    event: Any = chain[-1].event
    for record in chain[:-1][::-1]:
        if isinstance(record.event, e.Intervened):
            return True
        if isinstance(record.event, e.SegmentArrived):
            return record.event.connection == event.connection and record.where == event.host
    return False


def last_frame(chain: Chain) -> bool:
    event: Any = chain[-1].event
    return len(chain) > 1 and chain[-2].seq == event.frames[-1]


def enqueued(chain: Chain) -> bool:
    cause = chain[-2].event if len(chain) > 1 else None
    if isinstance(cause, e.Routed):
        return cause.message == chain[-1].event.message  # type: ignore[attr-defined]
    return command(chain, "tx.commit")


def routed(chain: Chain) -> bool:
    cause, event = chain[-2].event if len(chain) > 1 else None, chain[-1].event
    assert isinstance(event, e.Routed)
    if isinstance(cause, e.DeadLettered):
        return cause.successor == event.message
    return isinstance(cause, e.Published) and cause.message == event.message


def unroutable(chain: Chain) -> bool:
    cause = chain[-2].event if len(chain) > 1 else None
    return isinstance(cause, e.Routed) or command(chain, "tx.commit")


def replied(chain: Chain) -> bool:
    cause, event = chain[-2].event if len(chain) > 1 else None, chain[-1].event
    assert isinstance(event, e.Replied)
    asked = (event.connection, event.channel)
    return isinstance(cause, e.Routed) and cause.message == event.message and asked in cause.asked


def delivered(chain: Chain) -> bool:
    """Something came into a queue or came back, or a client or its socket can take more."""
    return any(
        isinstance(record.event, e.Routed | e.Requeued | e.CommandReceived | e.SegmentArrived | e.Intervened)
        for record in chain
    )


def requeued(chain: Chain) -> bool:
    names = (*REFUSING, "basic.recover", "basic.recover-async", "tx.rollback")
    return command(chain, *names) or end_of_a_connection(chain) or error_of_a_channel(chain)


def died(chain: Chain) -> bool:
    """Its time was up; somebody refused it; another took its room; its queue went, or the power."""
    event: Any = chain[-1].event
    cause: Any = chain[-2].event if len(chain) > 1 else None
    if event.reason == "expired":
        if isinstance(cause, e.Enqueued):
            return (cause.queue, cause.message) == (event.queue, event.message)
        return isinstance(cause, e.Routed) or command(chain, "basic.nack")
    return cause is not None


def queue_deleted(chain: Chain) -> bool:
    """Somebody did it, or nobody has used it for so long."""
    event: Any = chain[-1].event
    cause: Any = chain[-2].event if len(chain) > 1 else None
    if event.reason == "expired":
        return isinstance(cause, e.QueueDeclared | e.ConsumerRemoved) and cause.queue == event.queue
    return cause is not None


def not_heard(chain: Chain) -> bool:
    """What should have been heard was lost, on its way there; or who should speak could not."""
    event, where = chain[-1].event, chain[-1].where
    assert isinstance(event, e.HeartbeatMissed)
    cause: Any = chain[-2].event if len(chain) > 1 else None
    if isinstance(cause, e.SegmentLost):
        sent: Any = chain[-3].event if isinstance(chain[-3].event, e.SegmentSent) else None
        return cause.connection == event.connection and (sent is None or chain[-3].where != where)
    return isinstance(cause, e.Intervened) and cause.action in ("power off", "freeze", "cut")


def handled(chain: Chain) -> bool:
    event, record = chain[-1].event, chain[-2] if len(chain) > 1 else chain[-1]
    assert isinstance(event, e.MessageHandled)
    cause = record.event
    if not isinstance(cause, e.CommandReceived) or cause.name != "basic.deliver":
        return False
    return (cause.connection, cause.channel, record.where) == (
        event.connection,
        event.channel,
        chain[-1].where,
    )


RULES: dict[type[e.Event], Callable[[Chain], bool]] = {
    **{kind: (lambda chain, names=names: command(chain, *names)) for kind, names in COMMANDS.items()},
    e.SegmentArrived: segment_arrived,
    e.SegmentLost: segment_lost,
    e.SegmentSent: segment_sent,
    e.FrameSent: frame_sent,
    e.SegmentDiscarded: same_segment(e.SegmentArrived),
    e.FrameReceived: frame_received,
    e.CommandReceived: last_frame,
    e.CommandSent: last_frame,
    e.Routed: routed,
    e.Enqueued: enqueued,
    e.Unroutable: unroutable,
    e.Replied: replied,
    e.Delivered: delivered,
    e.Requeued: requeued,
    e.Discarded: died,
    e.DeadLettered: died,
    e.MessageHandled: handled,
    e.ConsumerRemoved: lambda chain: (
        end_of_a_connection(chain) or command(chain, "queue.delete") or error_of_a_channel(chain)
    ),
    e.ConsumerActivated: lambda chain: (
        end_of_a_connection(chain) or command(chain, "basic.consume") or error_of_a_channel(chain)
    ),
    e.ChannelClosed: lambda chain: end_of_a_connection(chain) or error_of_a_channel(chain),
    e.ConnectionClosed: end_of_a_connection,
    e.TransactionEnded: lambda chain: (
        command(chain, "tx.commit", "tx.rollback") or end_of_a_connection(chain) or error_of_a_channel(chain)
    ),
    e.QueueDeleted: queue_deleted,
    e.HeartbeatMissed: not_heard,
    e.RetransmissionTimedOut: timed_out,
}


def nonsense(recorder: Recorder) -> list[str]:
    """Every record whose causes break its rule, as one line."""
    found = []
    for record in recorder:
        assert record.cause is None or record.cause < record.seq
        rule = RULES.get(type(record.event))
        if rule is not None:
            chain = why(recorder, record.seq)
            if not rule(chain):
                found.append(" <- ".join(f"{one.seq} {one.event}" for one in chain[:-4:-1]))
    return found


@pytest.mark.parametrize("name", RUNS)
def test_every_record_goes_back_to_what_must_have_led_to_it(name: str) -> None:
    assert nonsense(RUNS[name]().recorder) == []


@pytest.mark.parametrize("name", RUNS)
def test_a_segment_that_is_sent_again_says_why(name: str) -> None:
    recorder = RUNS[name]().recorder
    for record in recorder:
        if isinstance(record.event, e.SegmentSent) and record.event.retransmission:
            assert record.cause is not None
            cause = recorder[record.cause].event
            assert isinstance(cause, e.RetransmissionTimedOut | e.SegmentArrived)


def test_the_first_message_is_handled_because_it_came_and_not_because_of_consume_ok() -> None:
    recorder = RUNS["direct reply to"]().recorder
    handled = [record for record in recorder if isinstance(record.event, e.MessageHandled)]
    assert handled
    for record in handled:
        assert record.cause is not None and isinstance(record.event, e.MessageHandled)
        method: Any = command_at(recorder, record.cause).method
        assert method.delivery_tag == record.event.delivery_tag


def test_a_fin_came_of_what_closed_the_connection_and_not_of_what_was_written_just_before() -> None:
    """What is written in one instant is planned once; the kill comes later in the same instant."""
    lab = Lab(seed=7)

    @lab.program("waiter")
    async def waiter(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        for coffee in ("espresso", "lungo"):
            await channel.basic_publish("", "orders", coffee)

    lab.run()
    [published, *_] = (
        one
        for one in lab.records
        if isinstance(one.event, e.CommandSent) and one.event.name == "basic.publish"
    )
    killed = lab.fork(at=published, do=Kill("waiter"))
    killed.run()
    records = killed.records
    [kill] = (one for one in records if isinstance(one.event, e.Intervened))
    [carried, fin] = [
        one
        for one in records
        if isinstance(one.event, e.SegmentSent) and one.where == "waiter" and one.at == kill.at
    ]
    assert (carried.cause or 0) < kill.seq and fin.cause == kill.seq
    [waits] = (
        one for one in records if isinstance(one.event, e.TcpStateChanged) and one.event.state == "FIN-WAIT-1"
    )
    assert waits.cause == kill.seq
    [gone] = (one for one in records if isinstance(one.event, e.ConnectionClosed))
    assert kill.seq in Causes(records).chain(gone.seq)


def test_an_answer_is_told_as_what_it_is() -> None:
    recorder = RUNS["direct reply to"]().recorder
    [first, second] = [one for one in recorder if isinstance(one.event, e.Routed) and one.event.asked]
    assert first.event.asked == second.event.asked == (("client:49152", 1),)  # type: ignore[attr-defined]
    assert "no queue but the address of client, who waits for a reply" in narrate(first)
    late = [one for one in recorder if isinstance(one.event, e.Unroutable)]
    assert len(late) == 1, "only the answer that comes too late has nowhere to go"


def test_a_refusal_came_of_the_queue_that_is_full() -> None:
    told = Narrator(recording("returned_and_rejected"))
    [refusal] = [one for one in told.records if isinstance(one.event, e.Confirmed) and not one.event.positive]
    cause = told.causes.of(refusal.seq)
    assert cause is not None and isinstance(told.records[cause].event, e.Discarded)
    assert "it is full" in told.sentence(cause)


@pytest.mark.parametrize("name", ["publisher_confirms", "returned_and_rejected"])
def test_a_confirm_came_of_what_the_broker_did_with_the_message(name: str) -> None:
    told = Narrator(recording(name))
    publishes = {
        one.event.sequence: one.event.message for one in told.records if isinstance(one.event, e.Published)
    }
    confirms = [one for one in told.records if isinstance(one.event, e.Confirmed) and one.event.positive]
    assert confirms
    for confirm in confirms:
        cause: Any = told.records[told.causes.of(confirm.seq) or 0].event
        assert isinstance(cause, e.Enqueued | e.Unroutable)
        assert cause.message == publishes[confirm.event.sequence]  # type: ignore[attr-defined]


Waited = tuple[str, str, str]
"""A scene, a kind of record, and the beginning of the sentence that it came of."""

WAITED: list[Waited] = [
    ("half_open", "HeartbeatMissed", "Segment 38 is lost, because the link was half open"),
    ("cut", "HeartbeatMissed", "The lab steps in: the link of worker is cut"),
    ("power_off", "HeartbeatMissed", "The lab steps in: the machine of worker loses power"),
    ("dead_letter_retry", "DeadLettered expired", "A copy of message 1′ stands in queue 'waiting'"),
    ("ttl_at_the_end", "Discarded expired", "A copy of message 1 stands in queue 'fresh'"),
]


@pytest.mark.parametrize(("name", "kind", "cause"), WAITED, ids=[one[0] for one in WAITED])
def test_what_time_brings_came_of_what_began_the_wait(name: str, kind: str, cause: str) -> None:
    told = Narrator(recording(name))
    [first, *_] = [
        one
        for one in told.records
        if kind.startswith(type(one.event).__name__) and kind.endswith(getattr(one.event, "reason", kind))
    ]
    assert first.cause is None
    assert told.sentence(told.causes.of(first.seq) or 0).startswith(cause)


def test_a_reset_after_a_heal_came_of_what_had_ended_the_connection_there() -> None:
    """The worker has given it up in the dark; when its broker is heard again it answers with RST."""
    lab = Lab(seed=3)
    channel = lab.connect("producer", heartbeat=0).channel()
    channel.queue_declare("work")
    channel.basic_publish("", "work", "job")
    worker = lab.connect("worker", heartbeat=5).channel()
    worker.basic_consume("work", lambda *_: None)
    lab.run_for("100 ms")
    lab.cut("worker")
    lab.run_for("12 s")
    lab.heal("worker")
    lab.run_for("3 s")
    back = lab.last(e.Requeued)
    assert back.event.reason == "reset"
    told = Narrator(lab.recorder)
    chain = [type(told.records[seq].event) for seq in told.causes.chain(back.seq)]
    assert chain[-3:] == [e.TcpStateChanged, e.HeartbeatMissed, e.Intervened]
    assert told.records[list(told.causes.chain(back.seq))[-1]].event == e.Intervened("cut", "worker", "")


def test_a_link_that_is_healed_has_no_part_in_a_later_silence() -> None:
    """What was lost came in the end: TCP sent it again."""
    lab = Lab(seed=5)
    lab.connect("worker", heartbeat=2)
    lab.run_for("3 s")
    lab.cut("worker")
    lab.run_for("1 s")
    lab.heal("worker")
    lab.run_for("3 s")
    lab.freeze("worker")
    lab.run_for("9 s")
    causes = Causes(list(lab.recorder))
    missed = [one.seq for one in lab.recorder if isinstance(one.event, e.HeartbeatMissed)]
    assert missed
    for seq in missed:
        act: Any = causes.event(causes.of(seq) or 0)
        assert (type(act), act.action) == (e.Intervened, "freeze")


def test_who_is_silent_by_himself_is_silent_because_of_nobody() -> None:
    lab = Lab(seed=5)
    lab.connect("worker", heartbeat=2)
    lab.run_for("3 s")
    records = [*lab.recorder]
    records.append(Record(len(records), records[-1].at, "broker", None, e.HeartbeatMissed("worker:49152", 1)))
    assert Causes(records).of(records[-1].seq) is None


def test_a_consumer_is_given_up_because_of_its_oldest_delivery() -> None:
    """And what follows came of that: it is back in its queue because the channel was closed."""
    lab = Lab(seed=5)
    channel = lab.connect("worker", heartbeat=0).channel()
    channel.queue_declare("q")
    for body in "abc":
        channel.basic_publish("", "q", body)
    channel.basic_consume("q", lambda *_: None)
    lab.run_for("1 s")
    channel.basic_ack(1)
    lab.run_for("40 min")
    causes = Causes(list(lab.recorder))
    [given_up] = [one for one in lab.recorder if isinstance(one.event, e.ChannelClosing)]
    oldest: Any = causes.event(causes.of(given_up.seq) or 0)
    assert (type(oldest), oldest.delivery_tag) == (e.Delivered, 2)
    back = [one for one in lab.recorder if isinstance(one.event, e.Requeued | e.ConsumerRemoved)]
    assert [type(one.event).__name__ for one in back] == ["ConsumerRemoved", "Requeued", "Requeued"]
    assert {causes.of(one.seq) for one in back} == {given_up.seq}


def test_a_queue_expires_because_of_its_last_use() -> None:
    """A look for a message is use, even if there is none."""
    lab = Lab(seed=5)
    channel = lab.connect("app").channel()
    channel.queue_declare("lease", arguments={"x-expires": 500})
    lab.run_for("200 ms")
    channel.basic_get("lease")
    lab.run_for("2 s")
    causes = Causes(list(lab.recorder))
    [gone] = [one for one in lab.recorder if isinstance(one.event, e.QueueDeleted)]
    use: Any = causes.event(causes.of(gone.seq) or 0)
    assert isinstance(use, e.CommandReceived) and use.name == "basic.get"


def test_a_program_goes_on_by_no_answer_that_it_had_not_waited_for() -> None:
    """The confirm of a publish comes while the program sleeps: it had the future of it, and did not look at it."""
    told = Narrator(recording("publisher_confirms"))
    end = next(one for one in told.records if isinstance(one.event, e.ProgramFinished))
    assert any(
        isinstance(one.event, e.CallReturned) and not one.event.awaited and one.at == end.at
        for one in told.records[: end.seq]
    )
    awaited: Any = told.causes.event(told.causes.of(end.seq) or 0)
    assert awaited.awaited and awaited.result == "True"


def chains_of(name: str, wanted: Callable[[e.Event], bool]) -> list[list[e.Event]]:
    """What led to each record of this kind, the nearest first."""
    told = Narrator(recording(name))
    seqs = [one.seq for one in told.records if wanted(one.event)]
    return [[told.records[at].event for at in told.causes.chain(seq)][1:] for seq in seqs]


def test_a_segment_comes_to_nobody_because_of_what_had_ended_the_connection_there() -> None:
    """The worker was killed and the reader reset; that the broker had sent something is not why nobody takes it."""
    discarded = chains_of("killed_on_the_way", lambda event: isinstance(event, e.SegmentDiscarded))
    last = [chain[-1] for chain in discarded]
    assert last[:2] == [e.Intervened("kill", "worker", ""), e.Intervened("reset", "reader", "")]
    assert set(last) == set(last[:2])
    assert all(isinstance(chain[0], e.TcpStateChanged) for chain in discarded)


def test_a_publisher_is_stopped_because_of_the_alarm_and_goes_on_when_it_is_over() -> None:
    [stopped] = chains_of("blocked_connection", lambda event: isinstance(event, e.ConnectionBlocked))
    [goes_on] = chains_of("blocked_connection", lambda event: isinstance(event, e.ConnectionUnblocked))
    for chain, active in ((stopped, True), (goes_on, False)):
        assert [type(event) for event in chain] == [e.AlarmChanged, e.Intervened]
        assert chain[0] == e.AlarmChanged("memory", active)


def test_nobody_acknowledges_what_came_to_a_machine_that_then_lost_its_power() -> None:
    lab = Lab(seed=7)
    channel = lab.connect("waiter", heartbeat=0).channel()
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", "espresso")
    lab.run(until="Enqueued")
    lab.power_off("broker")
    lab.run_for("0.5 s")
    records = list(lab.recorder)
    causes = Causes(records)
    assert not [one for one in records if isinstance(one.event, e.SegmentLost) and one.at < 200_000_000]
    [first, *_] = [one.seq for one in records if isinstance(one.event, e.RetransmissionTimedOut)]
    led = causes.of(first)
    assert led is not None and isinstance(causes.event(led), e.Intervened)


def find(lab: Lab, kind: type[e.Event], name: str = "") -> list[Any]:
    """The records of a kind; of commands, those with this name."""
    return [
        one
        for one in lab.recorder
        if isinstance(one.event, kind) and name in ("", getattr(one.event, "name", ""))
    ]


def killed_after(harm: Fault, command: str) -> tuple[Lab, Record]:
    """The coffees, with this harm done where such a command is first sent, and a kill when something is lost."""
    lab = coffees()
    lab = harmed(lab, find(lab, e.CommandSent, command)[0].seq, harm)
    lab = harmed(lab, find(lab, e.SegmentLost)[0].seq, Kill(harm.client))
    return lab, find(lab, e.Intervened)[-1]


@pytest.mark.parametrize(
    ("harm", "command"),
    [
        (Cut("barista"), "basic.deliver"),
        (HalfOpen("barista"), "basic.ack"),
        (Cut("waiter"), "basic.publish"),
        (HalfOpen("waiter"), "basic.publish"),
        (LoseNext("barista"), "basic.ack"),
    ],
    ids=["cut, barista", "half open, barista", "cut, waiter", "half open, waiter", "out of order"],
)
def test_what_a_fin_brings_came_of_what_had_closed_the_connection(harm: Fault, command: str) -> None:
    """And not of the loss because of which TCP has sent it again, or octets before it."""
    lab, killed = killed_after(harm, command)
    if not isinstance(harm, LoseNext):
        soon = [one.seq for one in lab.recorder if one.at < killed.at + 1_000_000]
        lab = harmed(lab, soon[-1], Heal(harm.client))
    causes = Causes(list(lab.recorder))
    ends = [one for one in lab.recorder if "unexpectedly" in getattr(one.event, "reason", "")]
    assert any(isinstance(one.event, e.ConnectionClosed) for one in ends)
    for one in ends:
        chain = list(causes.chain(one.seq))
        assert chain[-1] == killed.seq
        assert not any(isinstance(causes.event(seq), e.SegmentLost) for seq in chain)


def test_a_connection_stands_because_of_its_first_syn_though_that_was_lost() -> None:
    lab = coffees()
    syn = find(lab, e.SegmentSent)[0]
    lab = harmed(lab, syn.seq, LoseSegment("waiter", syn.event.number))
    assert find(lab, e.SegmentLost)
    causes = Causes(list(lab.recorder))
    states = [one for one in find(lab, e.TcpStateChanged) if one.where == "waiter"]
    [stands, *_] = [one.seq for one in states if one.event.state == "ESTABLISHED"]
    chain = list(causes.chain(stands))
    assert syn.seq in chain
    assert not any(isinstance(causes.event(seq), e.SegmentLost | e.Intervened) for seq in chain)


def test_a_timer_runs_out_because_of_the_loss_of_its_own_segment() -> None:
    """Though another one, of the other direction, was lost before."""
    lab = Lab(seed=7)
    both, other = (lab.connect(name, heartbeat=0).channel() for name in ("both", "other"))
    both.queue_declare("in")
    both.basic_consume("in", lambda *_: None)
    lab.run_for("100 ms")
    other.basic_publish("", "in", "to both")
    lab.run(until="Delivered")
    both.basic_publish("", "out", "from both")
    lab.run_for("0.1 ms")
    lab.cut("both")
    lab.run_for("0.3 s")
    causes = Causes(list(lab.recorder))
    [of_the_broker, of_the_client] = find(lab, e.SegmentLost)[:2]
    timeouts = {one.where: one.seq for one in find(lab, e.RetransmissionTimedOut)}
    assert causes.of(timeouts["broker"]) == of_the_broker.seq
    assert causes.of(timeouts["both"]) == of_the_client.seq
