"""Where every copy of every message is, after each record.

Theory
------
A message is drawn where its copies are, and nowhere else. Copies that are Ready stand in their queue's line,
which the state knows (:mod:`amqplab.trace.fold`). This reader knows all the others, as *tokens*: entities
with keys ``token/<message>/<leg>`` that come and go with patches of their own, like every other entity.

    place      at                 what happens there
    link       connection         on its way through TCP; :mod:`amqplab.trace.rides` says how far it is
    broker     server             its last byte is read, and the broker has not yet said what it is;
                                  or it is held until tx.commit (``state`` "held in tx"), or it is
                                  back, ``refused``, and not yet buried
    exchange   exchange           it has its number and is being routed
    consumer   consumer, channel  handed over and not settled ("unacked"), or nobody will settle it ("done"),
                                  or "gone" with the memory of its program
    client     host               its program still works on what the broker has taken back
    returned   connection         the publisher has it back
    lost       queue or exchange  it ended without an acknowledgement; ``reason`` says why
    gone       -                  nobody was there to take it, and the broker has yet to learn that

A journey is told by two witnesses. The *fold* says what the broker thinks: a copy became unacked, was
requeued, ended. The *traffic* says what the wire did: a command was handed to TCP, and its last byte was read
at the other end. A token moves when either speaks, so nothing arrives that did not arrive, and what the
broker takes back is no longer in anybody's hand.

Acknowledgements and confirms on the wire are tokens, too: ``signal/<command>``, from the first byte handed to TCP
until the other end has read the last one, or the connection has ended; and so are ``load/…`` (:mod:`.loads`).

What a consumer has done with is in no place: ``had/<connection>/<channel>/<tag>`` counts it. A message without an
acknowledgement is done with when its client tells that the program's code has finished with it. Of who never tells
it is so when the program turns to something else.

The message's own number is written on it from the start, though the broker gives it only when it arrives:
a reader of a finished recording knows. One that never arrives has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.at_work import GONE, UNHARMED, AtWork, given_up, is_unheard, signs
from amqplab.trace.draft import Draft, Entity, Patch, State
from amqplab.trace.endings import die_on_the_way, sent_by, throw_away
from amqplab.trace.journeys import Journeys
from amqplab.trace.lives import names_of_lives
from amqplab.trace.loads import Loads
from amqplab.trace.recorder import Record
from amqplab.trace.tokens import (
    SETTLING,
    buried_later,
    connection_of,
    delivery_in,
    had_key,
    holder,
    holder_of,
    new_token,
    publish_key,
    queue_leg,
    server_of,
    tellers,
    token_key,
    told_of,
)
from amqplab.trace.traffic import Command, Traffic

__all__ = ["Whereabouts"]


class Whereabouts:
    """The tokens of one recording, record by record. `state` of :meth:`step` is the fold's, after the record.

    Reading is total: what fits nothing is passed over.
    """

    def __init__(self, records: Sequence[Record], traffic: Traffic) -> None:
        self.tokens: State = {}
        self._state: State = {}  # the fold's, after the record that is read
        self._journeys = Journeys(records, traffic)
        self._labels = names_of_lives(records)
        self._pending: dict[int, set[str]] = {}
        self._deliveries: dict[tuple[str, int, int], tuple[int, str]] = {}
        self._riders: defaultdict[int, list[str]] = defaultdict(list)
        self._done: dict[str, None] = {}
        self._told = told_of(records)
        self._tellers = tellers(records, self._told)
        self._at_work = AtWork({**self._told, **signs(records, traffic, self._told)})
        self._untold: dict[str, None] = {}  # of what nobody will tell that it has been worked off
        self._doomed: defaultdict[int, list[str]] = defaultdict(list)
        self._loads = Loads(traffic, self._journeys, self._deliveries, self.label)
        self._moments = {*self._journeys.moments(), *self._loads.changes}

    def step(self, record: Record, patch: Patch, state: State) -> Patch:
        """What `record`, which changed the state by `patch`, changes among the tokens."""
        handle, moment = HANDLERS.get(type(record.event)), record.seq in self._moments
        if not (patch or handle or moment):  # as for most records
            return []
        draft, self._state = Draft(self.tokens), state
        if moment:
            self._leave(draft, record.seq)
        if handle:
            handle(self, draft, record, record.event)
        for key, old, new in patch:
            if key.startswith("copy/"):
                self._copy(draft, record, key, old, new)
            elif key.startswith("lost/"):
                self._lost(draft, key, new)
            elif key.startswith("consumer/") and (old is None or new is None):
                draft.drop(had_key(key)) if new is None else draft.put(had_key(key), {"count": 0})
            elif key.startswith("connection/") and new is None:
                self._connection_ended(draft, record.seq, keys.unescape(key.partition("/")[2]), "")
        if moment:
            self._come(draft, record.seq)
        return draft.commit()

    # --- the wire ----------------------------------------------------------------------------------------

    def _leave(self, draft: Draft, seq: int) -> None:
        """What sets out at this record; and what nobody was there to get at the one before."""
        for command in self._journeys.setting_out(seq):
            self._set_out(draft, command)
        for command in self._journeys.gone.get(seq - 1, ()):
            publish = publish_key(command, self._journeys.published_by(command))
            for key in (f"signal/{command.number}", publish, *self._riders.get(command.number, ())):
                throw_away(draft, key, command.number)

    def _come(self, draft: Draft, seq: int) -> None:
        """What was read at this record, and what ended on its way there."""
        arrived = self._journeys.arriving(seq)
        if arrived is not None:
            self._arrived(draft, arrived)
        for key in self._doomed.pop(seq, ()):
            die_on_the_way(draft, key)
        if seq in self._loads.changes:
            self._loads.step(draft, seq)

    def _set_out(self, draft: Draft, command: Command) -> None:
        """Its first byte is handed to TCP."""
        if command.name == "basic.publish" and command.up:
            message = self._journeys.published_by(command)
            token = new_token(message, self.label(message), "link", command.connection)
            token.update(
                state="under way",
                up=True,
                command=command.number,
                text=self._journeys.body(command),
                channel=keys.channel_key(command.connection, command.channel),
            )
            draft.put(publish_key(command, message), token)
        elif command.name in SETTLING:
            draft.put(f"signal/{command.number}", self._loads.signal(command))

    def _arrived(self, draft: Draft, command: Command) -> None:
        """Its last byte was read at the other end."""
        draft.drop(f"signal/{command.number}")
        if command.up:
            token = draft.edit(publish_key(command, self._journeys.published_by(command)))
            if token is not None and token["place"] == "link":
                token.update(
                    place="broker", at=server_of(self._state, command.connection), state="routing", up=None
                )
            return
        for key in self._riders.pop(command.number, ()):
            token = draft.edit(key)
            if token is None or token["place"] != "link" or token["command"] != command.number:
                continue
            if command.name == "basic.return":
                token.update(place="returned", state="returned", up=None)
            elif not self._at_work.comes(draft, key, self._state):
                self._hand_over(draft, key, token)

    def _hand_over(self, draft: Draft, key: str, token: dict[str, Any]) -> None:
        """The client has it. What nobody will acknowledge, or tell of, is done with when the next one comes."""
        token.update(place="consumer", at=token["target"], up=None)
        if token["state"] == "done":
            if token["at"] not in self._tellers:
                for other in self._held_by(token["at"], self._done):
                    self._finish(draft, other)
            self._done[key] = None

    def _held_by(self, at: str, among: Iterable[str]) -> list[str]:
        return [one for one in among if self.tokens.get(one, {}).get("at") == at]

    # --- what the broker says ----------------------------------------------------------------------------

    def _published(self, draft: Draft, record: Record, event: e.Published) -> None:
        key = token_key(event.message, "-")
        token = draft.edit(key) or draft.put(key, new_token(event.message, "", "exchange", ""))
        entity = self._state.get(keys.message_key(event.message), {})
        channel = keys.channel_key(event.connection, event.channel)
        token.update(label=self.label(event.message), text=token["text"] or str(entity.get("body", "")))
        token.update(place="exchange", at=keys.exchange_key(event.vhost, event.exchange), state="routing")
        token.update(up=None, command=None, channel=channel)
        if self._state.get(channel, {}).get("mode") == "tx":
            token.update(place="broker", at=server_of(self._state, event.connection), state="held in tx")

    def _routed(self, draft: Draft, record: Record, event: e.Routed) -> None:
        self._pending[event.message] = set(event.queues)

    def _placed(self, draft: Draft, record: Record, event: e.Enqueued | e.Discarded) -> None:
        """The queue has taken its copy, or refused it. When each has, nothing is left at the exchange."""
        pending = self._pending.get(event.message)
        if pending is None:
            return
        pending.discard(event.queue)
        token = draft.get(token_key(event.message, "-"))
        if not pending and token is not None and token["place"] in ("exchange", "broker", "link"):
            self._forget(draft, token_key(event.message, "-"))

    def _dead_lettered(self, draft: Draft, record: Record, event: e.DeadLettered) -> None:
        """It goes on as a new message, which carries its old number with a prime."""
        self._forget(draft, token_key(event.message, queue_leg(event.vhost, event.queue)))
        key = token_key(event.successor, "-")
        text = str(self._state.get(keys.message_key(event.successor), {}).get("body", ""))
        token = new_token(event.successor, self.label(event.successor), "exchange", "")
        token.update(at=keys.exchange_key(event.vhost, event.exchange), state="routing", text=text)
        draft.put(key, token)

    def _returned(self, draft: Draft, record: Record, event: e.Returned) -> None:
        command = self._journeys.returning(record.seq, event.connection, event.channel)
        key = token_key(event.message, "-")
        token = draft.edit(key) or draft.put(key, new_token(event.message, self.label(event.message), "", ""))
        token.update(place="link", at=event.connection, up=False, command=None, state="returned")
        token["reason"] = f"{event.code} {event.text}"
        self._ride(key, token, command, event.connection)
        if token["place"] == "consumer":
            token.update(place="returned", at=event.connection)

    def _delivered(self, draft: Draft, record: Record, event: e.Delivered) -> None:
        """With a manual acknowledgement the fold's copy tells the rest; here are those without one."""
        consumer = keys.consumer_key(event.connection, event.channel, event.consumer_tag)
        leg = consumer if event.stays else queue_leg(event.vhost, event.queue)
        self._deliveries[delivery_in(event)] = (event.message, token_key(event.message, leg))
        if event.no_ack or event.stays:
            self._hand_out(draft, record.seq, event, leg, "done" if event.no_ack else "unacked")

    def _replied(self, draft: Draft, record: Record, event: e.Replied) -> None:
        self._deliveries[delivery_in(event)] = (event.message, token_key(event.message, "-"))
        self._hand_out(draft, record.seq, event, "-", "done")

    def _hand_out(
        self, draft: Draft, seq: int, event: e.Delivered | e.Replied, leg: str, status: str
    ) -> None:
        key = token_key(event.message, leg)
        old = draft.get(key)
        text = str(self._state.get(keys.message_key(event.message), {}).get("body", ""))
        token = draft.put(key, new_token(event.message, self.label(event.message), "link", event.connection))
        token.update(text=old["text"] if old else text, state=status, up=False)
        token["target"] = holder(self._state, event.connection, event.channel, event.consumer_tag)
        token["delivery"] = event.delivery_tag
        if isinstance(event, e.Delivered):
            token.update(queue=keys.queue_key(event.vhost, event.queue), redelivered=event.redelivered)
        if delivery_in(event) not in self._told:
            self._untold[key] = None
        command = self._journeys.delivery(seq, event.connection, event.channel, event.delivery_tag)
        self._ride(key, token, command, event.connection)
        if token["place"] == "consumer" and status == "done":
            self._done[key] = None

    def _ride(self, key: str, token: dict[str, Any], command: Command | None, connection: str) -> None:
        """By that command; unseen, it is there when it is sent; and nobody sends it to who has taken leave."""
        if command is not None:
            token["command"] = command.number
            self._riders[command.number].append(key)
        unseen = not self._journeys.is_seen(connection) and (command is None or command.received is None)
        if unseen:
            token.update(place="consumer", at=token.get("target", connection), up=None)
        elif command is None:
            entity = self._state.get(keys.connection_key(connection), {})
            if entity.get("tcp_server") in LEFT:
                token.update(place="gone", at="", up=None)

    def _acknowledged(self, draft: Draft, record: Record, event: e.Acknowledged) -> None:
        if event.stays:
            found = self._deliveries.get(delivery_in(event))
            if found is not None:
                self._finish(draft, found[1])

    def _rejected(self, draft: Draft, record: Record, event: e.Rejected) -> None:
        token = draft.edit(token_key(event.message, queue_leg(event.vhost, event.queue)))
        if token is not None and token["state"] in ("unacked", GONE):
            token["state"] = "refused"
            if not event.requeue:  # the broker has it back, and has yet to bury it
                token.update(
                    place="broker", at=server_of(self._state, event.connection), up=None, command=None
                )

    # --- what the fold says ------------------------------------------------------------------------------

    def _copy(self, draft: Draft, record: Record, key: str, old: Entity | None, new: Entity | None) -> None:
        """A copy that is unacked has a token; others have none, unless they are on their way for good."""
        _, vhost, queue, number = key.split("/")
        leg = queue_leg(keys.unescape(vhost), keys.unescape(queue))
        name = token_key(int(number), leg)
        if new is None or new["state"] != "unacked":
            token = draft.get(name)
            over = token is not None and token["place"] != "lost" and token["state"] != "done"
            if over and token is not None and not buried_later(token, new):
                self._take_back(draft, record, name, token)
            return
        same = old is not None and old["state"] == "unacked" and old["delivery_tag"] == new["delivery_tag"]
        if same:
            self._change_hands(draft, name, new)
            return
        token = draft.put(name, new_token(int(number), self.label(int(number)), "link", new["connection"]))
        token.update(state="unacked", up=False, queue=f"queue/{vhost}/{queue}", delivery=new["delivery_tag"])
        token["redelivered"] = new["redelivered"]
        token["target"] = holder_of(new)
        command = self._journeys.delivery(record.seq, new["connection"], new["channel"], new["delivery_tag"])
        self._ride(name, token, command, new["connection"])

    def _take_back(self, draft: Draft, record: Record, name: str, token: Entity) -> None:
        """It is nobody's any more; what was not acknowledged its program may still work on."""
        if isinstance(record.event, e.Acknowledged):
            self._finish(draft, name)
            return
        last = self._journeys.last_ride(token["command"], record.seq)
        coming = self._journeys.is_coming(token["command"], record.seq)
        if token["place"] == "link" and (coming or last is not None):
            self._riders[token["command"]].append(follower := self._at_work.follow(draft, token))
            if not coming:
                self._end_at(draft, last, follower)
        elif not given_up(record.event):
            self._at_work.keep(draft, record.seq, token, unheard=is_unheard(record.event))
        self._forget(draft, name)

    def _change_hands(self, draft: Draft, name: str, copy: Entity) -> None:
        """Its consumer has left: it stays with the channel."""
        token = draft.edit(name)
        if token is not None and token.get("target") != holder_of(copy):
            token["target"] = holder_of(copy)
            if token["place"] == "consumer":
                token["at"] = holder_of(copy)

    def _lost(self, draft: Draft, key: str, new: Entity | None) -> None:
        """The fold says that it ended; or that after all it goes on."""
        _, number, queue = key.split("/")
        message = int(number)
        entity = self._state.get(keys.message_key(message), {})
        leg = "-" if queue == "-" else queue_leg(str(entity.get("vhost", "/")), keys.unescape(queue))
        name = token_key(message, leg)
        token = draft.edit(name)
        if new is None:
            if token is not None and token["place"] == "lost":
                self._forget(draft, name)
            return
        if token is not None and token["state"] == "returned":
            return
        if token is None:
            token = draft.put(name, new_token(message, self.label(message), "", ""))
            token["text"] = str(entity.get("body", ""))
        token.update(place="lost", state="lost", up=None, command=None, reason=str(new["reason"]))

    # --- how things end ----------------------------------------------------------------------------------

    def _handled(self, draft: Draft, record: Record, event: e.MessageHandled) -> None:
        delivery = delivery_in(event)
        self._at_work.finished(draft, delivery)
        found = self._deliveries.get(delivery)
        if found is None or found[1] not in self._done:
            return  # what is acknowledged is done with then
        for key in self._held_by(self.tokens[found[1]]["at"], self._untold):
            if key in self._done and self.tokens[key]["delivery"] < event.delivery_tag:
                self._finish(draft, key)  # its code has failed
        self._finish(draft, found[1])

    def _program_goes_on(self, draft: Draft, record: Record, event: e.Event) -> None:
        """A program that calls something else, or ends, has done with what it was given, if it does not tell."""
        for key in list(self._done):
            at = self.tokens[key]["at"] if key in self.tokens else ""
            if at not in self._tellers and keys.client_host(connection_of(at)) == record.where:
                self._finish(draft, key)
        self._at_work.goes_on(draft, record.seq)
        if isinstance(event, e.ProgramFinished):
            self._at_work.ended(draft, record.where, is_gone=event.outcome not in UNHARMED)

    def _tcp_changed(self, draft: Draft, record: Record, event: e.TcpStateChanged) -> None:
        if event.state == "CLOSED":
            if record.where == keys.client_host(event.connection):
                self._at_work.closed(draft, event.connection)
            self._connection_ended(draft, record.seq, event.connection, record.where)

    def _connection_ended(self, draft: Draft, seq: int, connection: str, where: str) -> None:
        """One end has closed for good (`where`), or both: what that sent comes to nobody but by what already rides.
        What was sent to it is under way until its sender has given it up, too.
        """
        if not where:  # no consumer is left, so there is no hand
            for key in [one for one in self._done if connection_of(self.tokens[one]["at"]) == connection]:
                self._at_work.keep(draft, seq, self.tokens[key])
                self._forget(draft, key)
        for key, token in sent_by(self.tokens, connection, where):
            if not self._journeys.is_coming(token["command"], seq):
                self._end_at(draft, self._journeys.last_ride(token["command"], seq), key)

    def _end_at(self, draft: Draft, seq: int | None, key: str) -> None:
        """It goes as far as its last segment, if one is under way; until that record."""
        if seq is None:
            die_on_the_way(draft, key)
        else:
            self._doomed[seq].append(key)
            self._moments.add(seq)

    def _finish(self, draft: Draft, key: str) -> None:
        """Whoever had it has done with it."""
        token = draft.get(key)
        had = draft.edit(had_key(token["at"])) if token is not None and token["place"] == "consumer" else None
        if had is not None:
            had["count"] += 1
        self._forget(draft, key)

    def _forget(self, draft: Draft, key: str) -> None:
        self._done.pop(key, None)
        self._untold.pop(key, None)
        draft.drop(key)

    def label(self, message: int | None) -> str:
        """What is written on a message: its number; for a dead letter its first number, with a prime for
        each time it died.
        """
        return "·" if message is None else self._labels.get(message, str(message))


LEFT = ("CLOSE-WAIT", "LAST-ACK", "CLOSED")
"""How the server's TCP is when its client has gone."""

Handler = Callable[[Whereabouts, Draft, Record, Any], None]

HANDLERS: Mapping[type[e.Event], Handler] = {
    e.Published: Whereabouts._published,
    e.Routed: Whereabouts._routed,
    e.Enqueued: Whereabouts._placed,
    e.Discarded: Whereabouts._placed,
    e.DeadLettered: Whereabouts._dead_lettered,
    e.Returned: Whereabouts._returned,
    e.Delivered: Whereabouts._delivered,
    e.Replied: Whereabouts._replied,
    e.Acknowledged: Whereabouts._acknowledged,
    e.Rejected: Whereabouts._rejected,
    e.MessageHandled: Whereabouts._handled,
    e.CallMade: Whereabouts._program_goes_on,
    e.ProgramFinished: Whereabouts._program_goes_on,
    e.TcpStateChanged: Whereabouts._tcp_changed,
    e.Intervened: lambda self, draft, record, event: self._at_work.stopped(draft, event),
}
