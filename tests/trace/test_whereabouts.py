"""Where every copy of every message is: never twice, never nowhere; nothing arrives that did not arrive."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from faulted import coffees, harmed, logs
from scenes import names, recording

from amqplab import Lab
from amqplab.lab import Kill, PowerOff
from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.draft import Patch, State
from amqplab.trace.fold import step
from amqplab.trace.keys import escape
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Command, Traffic
from amqplab.trace.whereabouts import Whereabouts

ENDED = ("acknowledged", "delivered", "dead-lettered", "lost", "expired")


class Moment(NamedTuple):
    record: Record
    state: State
    tokens: State
    patch: Patch


def moments(records: Sequence[Record]) -> Iterator[Moment]:
    traffic, state = Traffic(records), {}
    whereabouts = Whereabouts(records, traffic)
    for record in records:
        patch = step(state, record)
        changes = whereabouts.step(record, patch, state)
        yield Moment(record, state, whereabouts.tokens, [*patch, *changes])


@cache
def records_of(name: str) -> tuple[Record, ...]:
    return tuple(recording(name))


SCENES = pytest.mark.parametrize("name", names())


def messages(tokens: State) -> list[tuple[str, Any]]:
    return [(key, token) for key, token in tokens.items() if key.startswith("token/")]


REFUSING = ("killed_on_the_way",)
"""Scenes in which a delivery comes to a host where nobody takes it."""


@SCENES
def test_an_unacked_copy_is_with_its_consumer_or_on_the_way_to_it(name: str) -> None:
    for moment in moments(records_of(name)):
        if not any(key.startswith("copy/") for key, _, _ in moment.patch):
            continue
        for key, copy in moment.state.items():
            if not key.startswith("copy/"):
                continue
            _, vhost, queue, number = key.split("/")
            token = moment.tokens.get(f"token/{number}/{vhost}/{queue}")
            if copy["state"] == "unacked":
                places = ("link", "consumer", "gone") if name in REFUSING else ("link", "consumer")
                assert token is not None and token["place"] in places, (moment.record, key)
            else:
                assert token is None, (moment.record, key, token)


@SCENES
def test_a_message_that_has_not_ended_is_somewhere(name: str) -> None:
    for moment in moments(records_of(name)):
        touched = {key for key, _, new in moment.patch if key.startswith("message/") and new is not None}
        for key in touched:
            number = key.partition("/")[2]
            fates = moment.state[key]["where"].values()
            if fates and all(str(fate).startswith(ENDED) for fate in fates):
                continue
            ready = any(str(fate) == "ready" for fate in fates)
            seen = ready or any(one.split("/")[1] == number for one, _ in messages(moment.tokens))
            assert seen, (moment.record, moment.state[key])


@SCENES
def test_nothing_arrives_before_its_last_byte_was_read(name: str) -> None:
    records = records_of(name)
    traffic = Traffic(records)
    seen = {segment.connection for segment in traffic.segments.values()}
    for moment in moments(records):
        for key, _, token in moment.patch:
            if not key.startswith("token/") or token is None or token["command"] is None:
                continue
            command = traffic.commands[token["command"]]
            if token["place"] in ("consumer", "returned") and command.connection in seen:
                assert command.received is not None and command.received <= moment.record.seq, moment.record


@SCENES
def test_whatever_is_handed_over_sets_out_for_its_consumer(name: str) -> None:
    """With a manual acknowledgement or for good: the queue may be done with it, its reader is not."""
    for moment in moments(records_of(name)):
        event = moment.record.event
        if isinstance(event, e.Delivered | e.Replied):
            legs = [token for _, token in messages(moment.tokens) if token["message"] == event.message]
            assert any(token["place"] in ("link", "consumer") for token in legs), moment.record


@SCENES
def test_a_signal_lives_from_its_first_byte_to_its_last(name: str) -> None:
    records = records_of(name)
    traffic = Traffic(records)
    for moment in moments(records):
        for key, old, new in moment.patch:
            if not key.startswith("signal/"):
                continue
            command = traffic.commands[int(key.partition("/")[2])]
            if new is not None:
                assert traffic.frames[command.frames[0]].sent == moment.record.seq
            elif old is not None and command.received is not None:
                assert command.received == moment.record.seq or "closed" in str(moment.record).lower()


@SCENES
def test_whatever_was_published_is_routed_or_ends_by_the_end(name: str) -> None:
    """Nothing stays at an exchange, unless the recording ends there or a transaction is open."""
    *_, last = moments(records_of(name))
    at_exchange = [token for _, token in messages(last.tokens) if token["place"] == "exchange"]
    assert at_exchange == [] or last.record.event.__class__.__name__ in ("Published", "Routed", "Unroutable")


@SCENES
def test_the_counts_of_lost_and_returned_are_those_of_the_fold(name: str) -> None:
    for moment in moments(records_of(name)):
        if any(key.startswith("lost/") for key, _, _ in moment.patch):
            fold = Counter(key.split("/")[1] for key in moment.state if key.startswith("lost/"))
            drawn = Counter(
                key.split("/")[1]
                for key, token in messages(moment.tokens)
                if token["place"] in ("lost", "returned") or token["state"] == "returned"
            )
            assert set(fold) <= set(drawn) | {
                str(r.event.message)
                for r in (moment.record,)
                if isinstance(r.event, e.Unroutable) and r.event.returned
            }, moment.record


@SCENES
def test_no_message_leaves_a_consumer_without_a_trace(name: str) -> None:
    """Who left a hand was done with, and is counted, or has gone elsewhere; the count never goes back."""
    had: dict[str, int] = {}
    for moment in moments(records_of(name)):
        counted = {key: old for key, old, _ in moment.patch if key.startswith("had/")}
        now = {key: one["count"] for key, one in moment.tokens.items() if key.startswith("had/")}
        assert {key.partition("/")[2] for key in now} == {
            key.partition("/")[2] for key in moment.state if key.startswith("consumer/")
        }
        left = [
            old
            for key, old, new in moment.patch
            if key.startswith("token/") and old and old["place"] == "consumer" and new is None
            if f"had/{old['at'].partition('/')[2]}" in now and old["state"] == "done"
        ]
        grown = sum(count - had.get(key, 0) for key, count in now.items())
        assert len(left) <= grown and all(now.get(key, 0) >= had.get(key, 0) for key in counted if key in now)
        had = now


def test_a_consumer_without_acknowledgements_has_had_what_arrived() -> None:
    *_, last = moments(records_of("topics"))
    had = {
        key.split("/")[1].partition(":")[0]: one["count"]
        for key, one in last.tokens.items()
        if "count" in one
    }
    held = Counter(token["at"].split("/")[1].partition(":")[0] for _, token in messages(last.tokens)
                   if token["place"] == "consumer")  # fmt: skip
    assert {name: had[name] + held[name] for name in had} == {"reader_Q1": 3, "reader_Q2": 5}


def test_keys_survive_any_name() -> None:
    assert escape("a/b%") == "a%2Fb%25"


def hands(records: Sequence[Record]) -> list[tuple[str, int, int]]:
    """After each record that changes it: its kind, how many are in a hand, and with how many it has done."""
    found: list[tuple[str, int, int]] = []
    for moment in moments(records):
        held = sum(token["place"] == "consumer" for _, token in messages(moment.tokens))
        had = sum(one["count"] for key, one in moment.tokens.items() if key.startswith("had/"))
        if (held, had) != (found[-1][1:] if found else (0, 0)):
            found.append((type(moment.record.event).__name__, held, had))
    return found


def three_at_once(lab: Lab, handle: Callable[..., Any], then: Callable[[], Any] = lambda: None) -> None:
    """A program gets three messages in one go, and needs no acknowledgement for them. After 1.5 s comes `then`."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    for body in "abc":
        channel.basic_publish("", "q", body)

    @lab.program("worker")
    async def work(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.basic_consume("q", handle, auto_ack=True)

    lab.run_for("1.5 s")
    then()
    lab.run_for("8.5 s")


def test_what_is_not_worked_off_stays_in_the_hand_until_the_program_has_finished_with_it() -> None:
    """All of it is there at once, what the program has not seen yet, too; and it goes one by one."""
    lab = Lab(seed=1)

    async def slowly(*_: Any) -> None:
        await asyncio.sleep(1)

    three_at_once(lab, slowly)
    arrive = [("CommandReceived", 1, 0), ("CommandReceived", 2, 0), ("CommandReceived", 3, 0)]
    go = [("MessageHandled", 2, 1), ("MessageHandled", 1, 2), ("MessageHandled", 0, 3)]
    assert hands(list(lab.recorder)) == arrive + go


def test_what_a_failing_program_was_given_is_done_with_when_it_has_finished_with_the_next() -> None:
    """Code that raises an error never tells that it has finished."""
    lab = Lab(seed=1)

    def fails_once(channel: Any, method: Any, *_: Any) -> None:
        if method.delivery_tag == 1:
            raise ValueError("no")

    three_at_once(lab, fails_once)
    assert hands(list(lab.recorder))[-1] == ("MessageHandled", 0, 3)
    assert max(held for _, held, _ in hands(list(lab.recorder))) >= 1


def test_of_a_client_that_tells_nothing_a_message_is_done_with_when_the_next_one_comes() -> None:
    lab = Lab(seed=1)
    three_at_once(lab, lambda *_: None)
    records = [
        one._replace(event=e.NoteMade("")) if isinstance(one.event, e.MessageHandled) else one
        for one in lab.recorder
    ]
    arrive = [("CommandReceived", 1, 0), ("CommandReceived", 1, 1), ("CommandReceived", 1, 2)]
    assert hands(records)[:3] == arrive


def at_work(records: Sequence[Record]) -> list[tuple[int, str, str]]:
    """Where the tokens come and go that are with their program only: (seq, kind of record, message)."""
    found: list[tuple[int, str, str]] = []
    before: set[str] = set()
    for moment in moments(records):
        now = {token["label"] for _, token in messages(moment.tokens) if token["place"] == "client"}
        if now != before:
            found.append((moment.record.seq, type(moment.record.event).__name__, "".join(sorted(now))))
            before = now
    return found


@pytest.mark.parametrize("name", ["cut", "half_open", "connection_reset"])
def test_a_program_works_on_with_what_the_broker_has_taken_back(name: str) -> None:
    """The message is in the queue again and with its program, until that has finished with it."""
    (_, came, label), (_, went, nothing) = at_work(records_of(name))
    assert (came, label, went, nothing) == ("Requeued", "1", "ProgramFinished", "")


@pytest.mark.parametrize(("fault", "thawed"), [("reset", False), ("freeze", False), ("freeze", True)])
def test_who_iterates_over_deliveries_is_at_work_until_it_stops(fault: str, thawed: bool) -> None:
    """Its client tells nothing: the program stops when it acknowledges what the broker has taken back."""
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", "coffee")

    @lab.program("barista")
    async def serve(client: Any) -> None:
        channel = await (await client.connect()).channel()
        async for message in channel.consume("orders"):
            await asyncio.sleep(0.5)
            await channel.basic_ack(message.delivery_tag)

    lab.run_for("200 ms")
    getattr(lab, fault)("barista")
    lab.run_for("200 s" if fault == "freeze" else "100 ms")
    if thawed:
        lab.thaw("barista")
    with contextlib.suppress(Exception):
        lab.run_for("1 s")
    changes = at_work(list(lab.recorder))
    assert changes[0][1:] == ("Requeued", "1")
    assert [kind for _, kind, label in changes if not label] == ["ProgramFinished"] * (
        fault == "reset" or thawed
    )


@pytest.mark.parametrize("name", ["crash", "power_off", "returned_and_rejected", "prefetch"])
def test_a_dead_program_works_on_nothing_nor_does_one_that_gave_it_back(name: str) -> None:
    assert at_work(records_of(name)) == []


@SCENES
def test_a_delivery_that_arrives_is_with_its_program_whatever_its_broker_believes(name: str) -> None:
    records = records_of(name)
    arrivals = Context(records).arrivals
    for moment in moments(records):
        arrival = arrivals.get(moment.record.seq)
        if arrival is not None and arrival.kind == "delivery":
            there = {t["message"] for _, t in messages(moment.tokens) if t["place"] in ("consumer", "client")}
            assert there.issuperset(arrival.messages), moment.record


def test_what_a_broker_without_power_had_sent_comes_and_is_worked_on_though_its_disk_has_it_too() -> None:
    records = records_of("broker_without_power")
    off = next(one.seq for one in records if isinstance(one.event, e.Intervened))
    seen: dict[str, list[str]] = {}
    for moment in moments(records):
        if moment.record.seq >= off:
            places = [(t["place"], t["at"]) for _, t in messages(moment.tokens) if t["message"] == 3]
            seen.setdefault(str(places), []).append(type(moment.record.event).__name__)
    assert [(places, kinds[0]) for places, kinds in seen.items()] == [
        ("[('link', 'worker:49152')]", "Intervened"),
        ("[('client', 'worker')]", "CommandReceived"),
        ("[]", "MessageHandled"),
    ]
    assert moment.state["copy/%2F/work/3"]["state"] == "ready"


def test_what_needs_no_acknowledgement_comes_to_its_program_though_its_broker_has_lost_the_consumer() -> None:
    off = False
    seen: dict[str, None] = {}
    for moment in moments(records_of("broker_without_power")):
        off = off or isinstance(moment.record.event, e.Intervened)
        if off:
            places = [(t["place"], t["at"]) for _, t in messages(moment.tokens) if t["message"] == 8]
            seen.setdefault(str(places))
    assert list(seen) == ["[('link', 'reader:49152')]", "[('client', 'reader')]", "[]"]


def test_what_is_sent_to_a_broker_without_power_is_on_its_link_until_its_sender_gives_up() -> None:
    """A machine without power tells nobody, so TCP sends it again and again."""
    off = False
    seen: dict[tuple[str, ...], None] = {}
    for moment in moments(records_of("sent_into_the_dark")):
        off = off or isinstance(moment.record.event, e.Intervened)
        if off:
            rides = sorted(t["text"] for _, t in messages(moment.tokens) if t["place"] == "link" and t["up"])
            answers = ["ack" for key in moment.tokens if key.startswith("signal/")]
            lost = sorted(f"{t['text']} lost" for _, t in messages(moment.tokens) if t["place"] == "lost")
            seen.setdefault((*answers, *rides, *lost))
    assert list(seen) == [
        ("ack", "job 2", "job 3"),
        ("ack", "job 2", "job 3", "job 1 lost"),  # it was in memory only
        ("job 2", "job 3", "job 1 lost"),  # the broker has power again, and knows of no such connection
        ("job 1 lost", "job 2 lost", "job 3 lost"),
    ]


def test_a_program_that_stops_with_an_error_holds_nothing_any_more_though_its_broker_believes_so() -> None:
    lab = Lab(seed=7)
    channel = lab.connect("waiter", heartbeat=0).channel()
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", "espresso")

    @lab.program("barista")
    async def barista(client: Any) -> None:
        channel = await (await client.connect(heartbeat=0)).channel()
        async for _ in channel.consume("orders"):
            lab.cut("barista")
            raise RuntimeError("the machine is broken")

    with pytest.raises(Exception, match="broken"):
        lab.run_for("1 s")
    for moment in moments(list(lab.recorder)):
        if isinstance(moment.record.event, e.ProgramFinished):
            break
    [(_, token)] = messages(moment.tokens)
    assert (token["place"], token["state"]) == ("consumer", "gone")


def test_what_needed_no_acknowledgement_is_with_its_program_when_the_connection_has_ended() -> None:
    lab = Lab(seed=1)

    async def slowly(*_: Any) -> None:
        await asyncio.sleep(3)

    three_at_once(lab, slowly, then=lambda: lab.reset("worker"))
    gone = [
        ("ConnectionClosed", "1"),
        ("MessageHandled", ""),
    ]  # what it had not seen yet has gone with the connection
    assert [(kind, label) for _, kind, label in at_work(list(lab.recorder))] == gone


@pytest.mark.parametrize(
    ("name", "host"), [("power_off", "worker"), ("crash", "worker"), ("single_active_consumer", "first")]
)
def test_what_a_dead_machine_held_is_gone_with_its_memory_until_the_broker_takes_it_back(
    name: str, host: str
) -> None:
    dead, seen = False, 0
    for moment in moments(records_of(name)):
        dead = dead or isinstance(moment.record.event, e.Intervened)
        for _, token in messages(moment.tokens):
            gone = token["place"] == "consumer" and dead and f"/{host}:" in token["at"]
            assert (token["state"] == "gone") == gone
            seen += gone
    assert seen


def test_what_a_dead_program_needed_not_acknowledge_nobody_has() -> None:
    lab = Lab(seed=1)

    async def slowly(*_: Any) -> None:
        await asyncio.sleep(1)

    three_at_once(lab, slowly, then=lambda: lab.kill("worker"))
    held = [0]
    for moment in moments(list(lab.recorder)):
        held.append(sum(token["place"] == "consumer" for _, token in messages(moment.tokens)))
        if isinstance(moment.record.event, e.Intervened):
            break
    assert held[-2:] == [2, 0]


def test_what_comes_to_nobody_is_gone_after_the_record_that_says_so() -> None:
    """Until the broker takes it back nothing is left of a delivery but what the broker believes."""
    records = records_of("killed_on_the_way")
    [refused] = [
        one.seq for one in records if getattr(one.event, "reason", "") == "no program has its socket open"
    ]
    [back] = [one.seq for one in records if isinstance(one.event, e.Requeued) and one.event.message == 1]
    told = {one.record.seq: one.tokens.get("token/1/%2F/work", {}).get("place") for one in moments(records)}
    assert told[refused] == "link"
    assert {told[seq] for seq in range(refused + 1, back)} == {"gone"}
    assert told[back] is None


LOADED = ("basic.publish", "basic.deliver", "basic.ack")


@pytest.mark.parametrize("name", ["loss_20_percent", "killed_on_the_way", "sent_into_the_dark"])
def test_each_message_in_a_segment_that_is_lost_or_thrown_away_is_a_load_of_it_until_its_way_ends(
    name: str,
) -> None:
    records = records_of(name)
    traffic = Traffic(records)
    for moment in moments(records):
        event = moment.record.event
        if not isinstance(event, e.SegmentLost | e.SegmentDiscarded):
            continue
        prefix = f"load/{event.number}/"
        segment = traffic.segments[event.number]
        commands = {traffic.frames[number].command for number in segment.frames} - {None}
        loads = {one["command"]: one for key, one in moment.tokens.items() if key.startswith(prefix)}
        assert set(loads) == {one for one in commands if traffic.commands[one or 0].name in LOADED}
    assert not [key for key in moment.tokens if key.startswith("load/")]


def places_of(records: Sequence[Record], message: int) -> list[list[str]]:
    """Where the message is drawn after each record; a copy in a queue is in its line."""
    return [
        sorted(f"{t['place']} {t['state']}" for _, t in messages(moment.tokens) if t["message"] == message)
        for moment in moments(records)
    ]


def at_of(lab: Lab, kind: type[e.Event], number: int) -> int:
    return [record.seq for record in lab.recorder if isinstance(record.event, kind)][number]


def test_what_a_program_works_on_does_not_depend_on_what_is_done_to_it_later() -> None:
    """It works on the order until it is killed, and tells nothing of it any more."""
    dark = harmed(coffees(), 258, PowerOff("broker"))
    off = at_of(dark, e.Intervened, 0)
    end = next(one.seq for one in dark.recorder if one.at > dark.recorder[off].at + 1_000_000)
    killed = harmed(dark, end, Kill("barista"))
    until = at_of(killed, e.Intervened, 1)
    with_it, without = (places_of(list(lab.recorder), 2)[off + 3 : until] for lab in (killed, dark))
    assert with_it == without and without[0] == ["client still at work", "lost lost"]
    assert places_of(list(killed.recorder), 2)[-1] == ["lost lost"]


def killed_while_it_is_served(after: type[e.Event]) -> tuple[list[Record], list[str], Command | None]:
    """A consumer is killed after the last of these records before its second delivery: the records, where the message
    is after each, and its command.
    """
    lab = logs()
    second = at_of(lab, e.Delivered, 1)
    at = [one.seq for one in lab.recorder[:second] if type(one.event) is after][-1]
    records = list(harmed(lab, at, Kill("consumer")).recorder)
    events = [record.event for record in records]
    message = [event.message for event in events if isinstance(event, e.Delivered)][1]
    commands = [one for one in Traffic(records).commands if one.name == "basic.deliver"]
    seen = [" ".join(one) for one in places_of(records, message)]
    return records, seen, commands[1] if len(commands) > 1 else None


def test_what_comes_to_a_killed_program_is_on_its_link_until_it_is_thrown_away_though_it_is_back_in_its_queue() -> (
    None
):
    records, seen, command = killed_while_it_is_served(e.SegmentSent)
    assert command is not None
    [segment] = Traffic(records).carriers_of(Traffic(records).frames[command.frames[-1]])
    assert segment.ended is not None and any(
        isinstance(one.event, e.Requeued) for one in records[: segment.ended]
    )
    assert {one.split()[0] for one in seen[segment.sent : segment.ended]} == {"link"}
    assert seen[segment.ended + 1] == ""


def test_what_nobody_sends_is_on_no_link() -> None:
    """The broker hands it over when its client has taken leave, and notices that only then."""
    records, seen, command = killed_while_it_is_served(e.CallMade)
    assert command is None
    at = [one.seq for one in records if isinstance(one.event, e.Delivered)][1]
    assert seen[at] == "gone unacked"


def test_a_broker_without_power_takes_nothing_out_of_hands() -> None:
    """It tells nobody: what had come to a client is still there, also where nobody has begun to work on it."""
    lab = logs()
    [*_, came] = (one.seq for one in lab.recorder if named(one, e.CommandReceived, "basic.deliver"))
    child = harmed(lab, came, PowerOff("broker"))
    [fallen] = (one.seq for one in child.recorder if isinstance(one.event, e.Intervened))
    held: list[set[int]] = []
    for record, _, tokens, _ in moments(list(child.recorder)):
        here = [one for one in tokens.values() if one.get("place") in ("consumer", "client")]
        held.append({one["message"] for one in here if one["state"] != "done"})
        if record.seq >= fallen and child.recorder[record.seq].at == child.recorder[fallen].at:
            assert held[-1] == held[fallen - 1] != set(), f"record {record.seq}"


def named(record: Record, kind: type[e.Event], name: str) -> bool:
    return isinstance(record.event, kind) and getattr(record.event, "name", "") == name
