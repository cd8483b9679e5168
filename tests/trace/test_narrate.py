"""Narration: every kind of record has one plain sentence with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from any_events import KINDS, SAMPLES
from faulted import coffees, harmed
from scenes import build, recording

from amqplab import Lab
from amqplab.lab import Alarm, Fault, LoseNext, Reset
from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
from amqplab.trace.narrate import Narrator, narrate
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.words import METHOD_WORDS, TCP_STATE_WORDS, count, duration, listed, messages_named
from amqplab.wire.methods import METHODS


def told(kind: type[e.Event], *values: Any, where: str = "broker") -> str:
    return narrate(Record(7, 1_500_000, where, None, kind(*values)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_record_has_a_sentence(kind: type[e.Event]) -> None:
    sentence = told(kind, *[SAMPLES[field.type] for field in fields(kind)])
    assert "None" not in sentence and "  " not in sentence and "\n" not in sentence
    if kind is not e.NoteMade:
        assert sentence.endswith(".") and not sentence.endswith("..")
        assert sentence[0].isupper()
        assert "octet" not in sentence


def test_the_sentences_of_the_journey_read_well(
    recorder: Recorder, golden: Callable[[str, str], None]
) -> None:
    golden("narration/journey.txt", "\n".join(map(Narrator(recorder).sentence, range(len(recorder)))))


@pytest.mark.parametrize(
    ("queues", "end"),
    [
        ((), "none matches, so no queue gets a copy."),
        (("a",), "1 matches, so queue 'a' gets a copy."),
        (("a", "b", "c"), "3 match, so the queues 'a', 'b' and 'c' get one copy each."),
    ],
)
def test_routing_is_told_with_its_matches(queues: tuple[str, ...], end: str) -> None:
    matched = tuple(("logs", "queue", queue, "info") for queue in queues)
    sentence = told(e.Routed, "/", 1, "logs", "info", matched, queues, ())
    start = "The exchange 'logs' checks each of its bindings against message 1 (routing key 'info'): "
    assert sentence == start + end


def test_routing_by_way_of_other_exchanges_names_them() -> None:
    matched = (("a", "exchange", "b", "k"), ("b", "queue", "q", "k"))
    assert ", then those of 'b', against" in told(e.Routed, "/", 1, "a", "k", matched, ("q",), ())
    strays = (("c", "queue", "q", ""),)
    alternate = ", and then those of the alternate exchange 'c', against"
    assert alternate in told(e.Routed, "/", 1, "a", "k", strays, ("q",), ("c",))


def test_the_default_exchange_is_called_that() -> None:
    assert "for the default exchange" in told(e.Published, "/", 1, "p:1", 1, "", "q", 1, False, False, 0)


@pytest.mark.parametrize(
    ("flags", "payload", "window", "words"),
    [
        (
            "SYN",
            b"",
            9,
            "for a connection and numbers its bytes from 101, because the SYN itself takes 100.",
        ),
        (
            "SYN|ACK",
            b"",
            9,
            "it agrees to connect and numbers its bytes from 101, because the SYN itself takes 100.",
        ),
        ("ACK", b"", 9, "with ACK: it has everything before 200."),
        ("ACK", b"", 0, "a window of 0: it has no room for more bytes."),
        ("PSH|ACK", b"abc", 9, "with 3 bytes: sequence numbers 100 to 102."),
        ("FIN|ACK", b"", 9, "with FIN|ACK: it has nothing more to send."),
        ("RST", b"", 9, "with RST: for it there is no such connection, or it gives it up."),
    ],
)
def test_a_segment_is_told_by_its_flags(flags: str, payload: bytes, window: int, words: str) -> None:
    fields = ("p:1", 1, "p:1", "broker:5672", flags, 100, 200, window, payload, False, 0, 1)
    assert told(e.SegmentSent, *fields, where="p").endswith(words)


def test_who_asked_for_the_connection_may_send_before_the_handshake_is_complete() -> None:
    """RFC 9293 section 3.5: its own ACK completes it, and that has yet to go."""
    asker = told(e.TcpStateChanged, "p:1", "ESTABLISHED", where="p")
    assert "it has the SYN|ACK, so it may send; its ACK completes" in asker
    answerer = told(e.TcpStateChanged, "p:1", "ESTABLISHED", where="broker")
    assert "the three-way handshake is complete" in answerer


@pytest.mark.parametrize("name", ["half_open", "cut", "connection_reset", "power_off"])
def test_an_rst_of_an_end_that_knew_the_connection_gives_it_up(name: str) -> None:
    lab = build(name)
    for record in lab.find(e.SegmentSent):
        if "RST" in record.event.flags:
            sentence = Narrator(lab.recorder).sentence(record.seq)
            assert sentence.endswith("it gives the connection up, and forgets it at once.")


def test_an_rst_of_an_end_that_knows_no_connection_says_so() -> None:
    ends = ("p:1", "broker:5672")
    records = [
        Record(0, 5, "broker", None, e.SegmentArrived("p:1", 1)),
        Record(1, 5, "broker", 0, e.SegmentSent("p:1", 2, *ends[::-1], "RST|ACK", 0, 9, 0, b"", False, 0, 1)),
        Record(2, 5, "broker", 0, e.SegmentDiscarded("p:1", 1, "no such connection")),
    ]
    assert Narrator(records).sentence(1).endswith("with RST|ACK: for it there is no such connection.")


@pytest.mark.parametrize(
    ("detail", "words"),
    [("1 to broker", "the next segment with bytes to"), ("3 to broker", "the next 3 segments with bytes to")],
)
def test_how_many_segments_are_to_be_lost_is_said_as_people_count(detail: str, words: str) -> None:
    assert f"loses {words} the broker." in told(e.Intervened, "lose next", "p", detail)


def test_a_retransmission_says_why() -> None:
    fields = ("p:1", 1, "p:1", "broker:5672", "PSH|ACK", 100, 200, 9, b"abc", True, 0, 1)
    assert "again, because it was not acknowledged," in told(e.SegmentSent, *fields, where="p")


def test_an_event_of_somebody_elses_is_named() -> None:
    class Strange(e.Event):
        pass

    assert narrate(Record(0, 0, "here", None, Strange())) == "Strange at 'here'."


def test_every_method_and_every_tcp_state_has_words() -> None:
    names = {method.name for method in METHODS.values()}
    assert set(METHOD_WORDS) == names | {"protocol-header", "heartbeat"}
    assert len(set(METHOD_WORDS.values())) > len(METHOD_WORDS) - 8  # nearly all say something of their own
    assert len(TCP_STATE_WORDS) == 11  # RFC 9293 section 3.3.2


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (1_500_000, "1.5 ms"),
        (200_000_000, "200 ms"),
        (60_000_000_001, "60.000000001 s"),
    ],
)
def test_durations_are_exact(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


def test_small_words() -> None:
    assert (count(1, "byte"), count(2, "byte")) == ("1 byte", "2 bytes")
    assert (listed(()), listed(("a",)), listed(("a", "b"))) == ("", "'a'", "'a' and 'b'")
    named = [
        messages_named(numbers) for numbers in ((4,), (1, 2), (1, 2, 3), (1, 3, 5), tuple(range(0, 20, 2)))
    ]
    assert named[:3] == ["message 4", "messages 1 and 2", "messages 1 to 3"]
    assert named[3:] == ["messages 1, 3 and 5", "messages 0, 2, 4, 6, 8 and 5 more"]


# --- what the records around one say ---------------------------------------------------------------------


def sentences(lab: Lab) -> list[tuple[str, str]]:
    """(kind, sentence) of every record."""
    narrator = Narrator(lab.recorder)
    return [(type(r.event).__name__, narrator.sentence(r.seq)) for r in lab.recorder]


def of_kind(lab: Lab, *kinds: str) -> list[str]:
    return [sentence for kind, sentence in sentences(lab) if kind in kinds]


def waiter_and_barista(*, no_ack: bool = False, tag: str = "") -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    lab.run()
    barista = lab.connect("barista").channel()
    options = {"consumer_tag": tag} if tag else {}
    barista.basic_consume("orders", lambda *delivery: None, auto_ack=no_ack, **options)
    lab.run()
    return lab


def test_a_call_that_returns_is_told_by_its_own_text() -> None:
    lab = waiter_and_barista()
    returned = of_kind(lab, "CallReturned")
    assert not [sentence for sentence in returned if "record" in sentence]
    assert any(s.startswith("channel.queue_declare(queue='orders') returns ") for s in returned)


def test_a_delivery_that_arrives_says_who_holds_the_message() -> None:
    held = of_kind(waiter_and_barista(), "CommandReceived")
    assert "Message 1 arrives at barista, who has yet to acknowledge it." in held
    free = of_kind(waiter_and_barista(no_ack=True), "CommandReceived")
    assert "Message 1 arrives at barista; with no_ack it was settled when the broker sent it." in free


def test_a_consumer_is_called_by_its_program_and_by_a_tag_that_somebody_chose() -> None:
    (sentence,) = of_kind(waiter_and_barista(), "Delivered")
    assert sentence.startswith("Queue 'orders' hands message 1 to consumer barista under delivery tag 1")
    (sentence,) = of_kind(waiter_and_barista(tag="hot drinks"), "Delivered")
    assert "to consumer 'hot drinks' of barista under" in sentence


def test_who_has_left_a_server_running_is_not_gone_when_its_function_returns() -> None:
    lab = build("websocket")
    narrator = Narrator(lab.recorder)
    finished = {record.where: narrator.sentence(record.seq) for record in lab.find(e.ProgramFinished)}
    assert (
        finished["web"] == "The function of the program web has returned; what it has left running goes on."
    )
    assert finished["producer"] == "The program producer is finished, because its function returned."


def test_two_consumers_of_one_program_are_told_apart() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("barista").channel()
    channel.queue_declare(queue="orders")
    for _ in range(2):
        channel.basic_consume("orders", lambda *delivery: None)
    lab.run()
    first, second = of_kind(lab, "ConsumerAdded")
    assert first.startswith("Consumer barista now consumes") and second.startswith(
        "Consumer barista 2 now consumes"
    )


def test_a_second_connection_of_a_client_has_a_number() -> None:
    lab = Lab(seed=1)
    lab.connect("waiter")
    lab.connect("waiter").close()
    lab.run()
    (closed,) = of_kind(lab, "ConnectionClosed")
    assert closed.startswith("The broker forgets connection 2 of waiter")


def test_in_a_transaction_nothing_is_promised_before_the_commit() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    channel.tx_select()
    channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    channel.basic_publish(exchange="", routing_key="nowhere", body="tea", mandatory=True)
    channel.tx_commit()
    lab.run()
    first, _ = of_kind(lab, "Published")
    assert first.endswith("and keeps it aside: it goes on only if the transaction is committed.")
    assert of_kind(lab, "Routed")[0].endswith("will get a copy if the transaction is committed.")
    assert of_kind(lab, "Unroutable")[0].endswith("to its publisher if the transaction is committed.")
    assert "will" not in of_kind(lab, "Enqueued")[0]


def test_the_end_of_a_transaction_comes_after_what_it_does() -> None:
    lab = build("transactions")
    committed, rolled_back = of_kind(lab, "TransactionEnded")
    assert committed.endswith("is committed: the broker has done what was said in it.")
    assert rolled_back.endswith("is rolled back: the broker drops what was said in it.")
    held = "bank acknowledges message 1, which takes effect only when the transaction is committed."
    assert held in [chapter.sentence for chapter in chapters(lab.recorder)]


def test_a_lost_segment_and_its_timeout_tell_of_the_message_in_it() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    lab.lose_next("waiter")
    channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    lab.run()
    (lost,) = of_kind(lab, "SegmentLost")
    assert " with message 1 is lost, because somebody asked for this loss;" in lost
    number = lab.first(e.SegmentLost).event.number
    late = f"within 200 ms, so TCP takes segment {number} with message 1 for lost and sends it again."
    assert f"What waiter sent was not acknowledged {late}" in of_kind(lab, "RetransmissionTimedOut")
    again = f", which is segment {number} again, because it was not acknowledged in time,"
    told = Narrator(lab.records)
    assert [one for one in map(told.sentence, range(len(lab.records))) if again in one]


def test_of_segments_taken_for_lost_those_with_the_message_are_told_apart() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter", heartbeat=10).channel()
    channel.queue_declare(queue="orders")
    lab.cut("waiter")
    channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    lab.run_for("14 s")
    sent = [record.event for record in lab.find(e.SegmentSent, source="waiter:49152")]
    publish, heartbeat = [one for one in sent if one.payload and not one.retransmission][-2:]
    assert len(heartbeat.payload) == 8
    told = of_kind(lab, "RetransmissionTimedOut")
    assert any(f"takes segment {publish.number} with a message for lost" in one for one in told)
    those = f"segments {publish.number} and {heartbeat.number}, with a message in segment {publish.number},"
    assert any(f"takes {those} for lost and sends them again." in one for one in told)


def test_of_a_segment_of_no_use_it_is_not_said_that_tcp_takes_it() -> None:
    lab = waiter_and_barista()
    narrator = Narrator(lab.fork(at="basic.publish", do=LoseNext("waiter")).recorder)
    discarded = {one.event.number for one in narrator.records if isinstance(one.event, e.SegmentDiscarded)}
    assert discarded
    for record in narrator.records:
        if isinstance(record.event, e.SegmentArrived):
            takes = "TCP takes it" in narrator.sentence(record.seq)
            assert takes == (record.event.number not in discarded)


@pytest.mark.parametrize("name", ["loss_20_percent", "half_open", "killed_on_the_way"])
def test_no_segment_is_said_to_arrive_twice(name: str) -> None:
    """What TCP throws away has come, and was said to; if it is a copy, that is said."""
    lab = build(name)
    narrator = Narrator(lab.recorder)
    came = lab.find(e.SegmentArrived)
    assert all(" arrives at " in narrator.sentence(one.seq) for one in came)
    thrown = lab.find(e.SegmentDiscarded)
    assert thrown and {one.event.number for one in thrown} <= {one.event.number for one in came}
    for record in thrown:
        told = narrator.sentence(record.seq)
        assert f"throws segment {record.event.number}" in told and "arrives" not in told
        assert ("a copy of what it has already" in told) == (record.event.reason == "a duplicate")


def test_returns_and_confirms_arrive_at_their_publisher() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.confirm_delivery()
    with pytest.raises(Exception, match=r"."):
        channel.basic_publish(exchange="", routing_key="nowhere", body="tea", mandatory=True)
    lab.run()
    told = of_kind(lab, "CommandReceived")
    assert "Message 1 is back at its publisher waiter with 312 NO_ROUTE: no queue was to get it." in told
    confirm = (
        "The confirm of publish 1 (message 1) arrives at waiter: no queue is to get it, and with that it is"
    )
    assert f"{confirm} settled." in told


def test_what_a_full_queue_refuses_never_was_in_it() -> None:
    lab = build("returned_and_rejected")
    [refused, dropped] = of_kind(lab, "Discarded")
    assert (
        refused == "Message 2 does not get into queue 'small': it is full, and it refuses what is too much."
    )
    assert dropped == "Queue 'small' drops its copy of message 1: rejected."
    story = [chapter.sentence for chapter in chapters(lab.recorder)]
    assert story[story.index(refused) - 1].endswith("is to go through the default exchange to queue 'small'.")
    assert of_kind(lab, "Routed")[1].endswith("queue 'small' has it, and is to get a copy.")


def test_what_a_full_queue_gives_to_the_dead_letters_never_was_in_it() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare("late")
    full = {"x-max-length": 1, "x-overflow": "reject-publish-dlx"}
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "late"}
    channel.queue_declare("orders", arguments=full | letters)
    for body in ("espresso", "tea"):
        channel.basic_publish(exchange="", routing_key="orders", body=body)
    lab.run()
    start = "Message 2 does not get into queue 'orders' (maxlen)"
    assert of_kind(lab, "DeadLettered")[0].startswith(f"{start} and goes to the default exchange")
    assert [
        one for one in chapters(lab.recorder) if one.sentence.startswith(f"{start}; as message 2′ it goes ")
    ]


def test_a_confirm_names_the_publishes_that_were_still_open() -> None:
    lab = build("returned_and_rejected")
    assert any(" refuses publish 2 on channel 1 of producer (" in one for one in of_kind(lab, "Confirmed"))
    assert (
        "The refusal of publish 2 (message 2) arrives at producer: the broker could not take it."
    ) in of_kind(lab, "CommandReceived")
    assert told(e.Confirmed, "p:1", 1, 7, True, True).startswith(
        "The broker confirms all open publishes up to 7 "
    )


def test_a_confirm_of_what_no_queue_was_to_get_does_not_say_that_the_broker_has_it() -> None:
    lab = build("returned_and_rejected")
    settled = "no queue is to get it, and with that it is settled."
    assert (
        of_kind(lab, "Confirmed")[2] == f"The broker confirms publish 3 on channel 1 of producer: {settled}"
    )
    arrival = f"The confirm of publish 3 (message 3) arrives at producer: {settled}"
    assert arrival in of_kind(lab, "CommandReceived")


def test_who_is_let_in_by_a_certificate_needed_no_password() -> None:
    sentence = told(e.ConnectionAuthenticated, "c:1", "guest", "EXTERNAL")
    assert "certificate" in sentence and "password" not in sentence
    assert "password" in told(e.ConnectionAuthenticated, "c:1", "guest", "PLAIN")


def test_an_answer_to_a_waiting_channel_needs_no_queue() -> None:
    address = "amq.rabbitmq.reply-to.g1h2"
    sentence = told(e.Routed, "/", 1, "", address, (), (), (), (("waiter:1", 1),))
    assert "there is none" not in sentence and "the address of waiter, who waits for a reply" in sentence
    assert "a channel that waits no more: nobody gets it" in told(e.Routed, "/", 1, "", address, (), (), ())


def test_damaged_and_missing_frames_are_told_as_well_as_can_be(recorder: Recorder) -> None:
    """Octets may have been changed in flight, and a recording may begin in the middle of a run."""
    for size in (0, 9, 12, 15):
        records = [
            record._replace(event=replace(record.event, data=record.event.data[:size]))
            if isinstance(record.event, e.FrameReceived)
            else record
            for record in recorder
        ]
        narrator = Narrator(records)
        assert all(narrator.sentence(record.seq) for record in records)
        assert chapters((), narrator)
    without = [record for record in recorder if not isinstance(record.event, e.FrameSent | e.FrameReceived)]
    assert all(map(Narrator(without).sentence, range(len(without))))


def test_an_operator_s_policy_says_for_whom_it_is_and_what_it_sets() -> None:
    record = Record(0, 0, "broker", None, e.PolicySet("/", "p", "^q", "all", "max-length=3", 0, True))
    assert narrate(record) == (
        "An operator sets the operator policy 'p' for queues and exchanges whose names fit '^q': max-length=3."
    )


def every(kind: type[Fault]) -> list[type[Fault]]:
    return [kind, *(other for each in kind.__subclasses__() for other in every(each))]


@pytest.mark.parametrize("kind", every(Fault)[1:], ids=lambda kind: kind.__name__)
def test_what_the_lab_does_is_told_in_words_of_its_own(kind: type[Fault]) -> None:
    clear = [Alarm(active=False)] if kind is Alarm else []
    for fault in (Alarm() if kind is Alarm else kind("worker"), *clear):
        sentence = told(e.Intervened, fault.action, fault.client, fault.detail, where="lab")
        assert sentence.startswith("The lab steps in: the ")
        assert f"{fault.action}, at" not in sentence


def test_an_alarm_that_the_lab_raises_comes_from_the_lab() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("jobs")
    lab.raise_alarm("disk")
    channel.basic_publish("", "jobs", "waits")
    lab.run_for("1 s")
    lab.clear_alarm("disk")
    lab.run()
    story = [chapter.sentence for chapter in chapters(lab.records)]
    start = story.index("The lab steps in: the broker is told that its disk runs low.")
    assert story[start + 1].startswith("The broker runs short of disk")
    assert "The lab steps in: the broker is told that it has enough disk again." in story
    for change in lab.find(e.AlarmChanged):
        assert isinstance(lab.records[change.cause].event, e.Intervened)


@pytest.mark.parametrize(
    ("name", "call", "ends"),
    [
        ("work_queues", "basic_publish", "returns: the message is handed to TCP, and no more is known yet."),
        ("work_queues", "basic_ack", "returns: what it says is handed to TCP, and no more is known yet."),
        ("returned_and_rejected", "basic_publish", "returns: what it had to do is done."),
        ("publisher_confirms", "basic_publish", "returns: what it had to do is done."),
    ],
)
def test_a_call_that_waits_for_no_answer_returns_when_nothing_is_known_yet(
    name: str, call: str, ends: str
) -> None:
    """And one that waits for the broker's confirm has it."""
    told = Narrator(recording(name))
    returns = [
        told.sentence(record.seq)
        for record in told.records
        if isinstance(record.event, e.CallReturned) and record.event.awaited
    ]
    found = {sentence.partition(") ")[2] for sentence in returns if f"{call}(" in sentence}
    assert found == {ends}


def test_who_logs_in_is_named() -> None:
    """Several clients may do so in one run, and as one user."""
    told = Narrator(recording("hello"))
    logins = (e.ConnectionAuthenticated, e.ConnectionTuned, e.ConnectionOpened)
    for record in told.records:
        if isinstance(record.event, logins):
            client = told.context.names.client(record.event.connection)
            assert f" {client}" in told.sentence(record.seq)


def test_what_never_leaves_was_not_sent_also_in_the_last_instant() -> None:
    """A reset comes with the acknowledgement for which the broker hands out the next message."""
    found = []
    for at in range(255, 275):
        child = harmed(coffees(), at, Reset("barista"))
        told, last = Narrator(child.records), child.recorder[-1].at
        sent = [one for one in child.recorder if isinstance(one.event, e.CommandSent) and one.at == last]
        left = [one.seq for one in child.recorder if isinstance(one.event, e.SegmentSent)]
        found += [told.sentence(one.seq) for one in sent if one.where == "broker" and one.seq > left[-1]]
    assert found and not [sentence for sentence in found if "has sent" in sentence]
