"""What a program still works on when the broker has taken it back.

Theory
------
A broker that closes a channel or a connection puts what was not acknowledged there back into its queue, or buries
it. The program is not asked. What it was given it has in its memory, and it works on until its code has finished;
then its acknowledgement has nowhere to go. For so long the message is in two places, with its program and wherever
the broker has it: that is how work is done twice.

A recording knows how long: clients tell when a program's code has finished with a delivery. Who iterates over
deliveries tells it when he asks for the next one, and never if he stops with an error before: then the last that he
does because of this one, such as to acknowledge it, tells that he was at work with it till then. Of who stands still
to the end of the recording it is plain, too, and of who dies with it. Where nothing tells, because the program is not
ours or had not yet begun, nothing is known of it after the broker has taken the message back. But a broker that loses
its power tells nobody: then what had come is where it was, until its client hears of it.

What is on its way when the broker takes it back, or loses its power, comes all the same, and its program works on it.

A program that is killed, stops with an error, or whose machine loses power, has nothing any more at once: what stands
in its hand is *gone*, though the broker believes it there until it notices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.draft import Draft, Entity, State
from amqplab.trace.recorder import Record
from amqplab.trace.tags import delivery_tag
from amqplab.trace.tokens import Delivery, connection_of, delivery_of, new_token, token_key
from amqplab.trace.traffic import Traffic

__all__ = ["GONE", "AtWork", "given_up", "is_unheard", "signs"]

STATE = "still at work"
GONE = "gone"
DEADLY = ("power off", "kill")
FOLLOWED = "under way"
"""How a delivery is that the broker has taken back while it was on its link: nobody waits for its acknowledgement."""
UNHARMED = ("returned", "cancelled")
"""How a program ends whose process stays, and keeps its connection; one with an error ends as its process does."""
BY_ITS_CLIENT = ("rejected", "recover")
POWER_LOST = "power lost"


class AtWork:
    """Tokens of deliveries that the broker has taken back; `told`: delivery -> seq at which its code has finished, or
    until when it is known to be at work (:func:`signs`).
    """

    def __init__(self, told: Mapping[Delivery, int]) -> None:
        self._told = told
        self._kept: dict[Delivery, str] = {}

    def keep(self, draft: Draft, seq: int, token: Entity, *, unheard: bool = False) -> None:
        """At record `seq` nobody but its program has what this `token` stood for: that may go on with it. `unheard`:
        it cannot know.
        """
        if token["place"] != "consumer" or token["state"] == "refused":
            return
        delivery = connection, channel, tag = delivery_of(token)
        if delivery not in self._told and not unheard:
            return
        if self._told.get(delivery, seq + 1) <= seq:
            return
        key = token_key(token["message"], f"{keys.escape(connection)}/{channel}/{tag}")
        kept = new_token(token["message"], token["label"], "client", keys.client_host(connection))
        kept.update(text=token["text"], redelivered=token["redelivered"], state=STATE)
        draft.put(key, kept)
        self._kept[delivery] = key

    def follow(self, draft: Draft, token: Entity) -> str:
        """The broker has it back, and it is on its way to its program, and will come there; returns its key."""
        delivery = connection, channel, tag = delivery_of({**token, "at": token["target"]})
        key = token_key(token["message"], f"{keys.escape(connection)}/{channel}/{tag}")
        draft.put(key, {**token, "queue": None, "state": FOLLOWED})
        self._kept[delivery] = key
        return key

    def comes(self, draft: Draft, key: str, state: State) -> bool:
        """Whether it is one of these that has come; or needs no answer, and its consumer is no more."""
        token = draft.edit(key)
        if token is None:
            return False
        delivery = delivery_of({**token, "at": token["target"]})
        if token["target"] in state and self._kept.get(delivery) != key:
            return False
        self._kept[delivery] = key
        host = keys.client_host(delivery[0])
        token.update(place="client", at=host, target="", state=STATE, up=None, command=None)
        return True

    def closed(self, draft: Draft, connection: str) -> None:
        """Its client has no connection any more: no more is known of what nobody will tell of."""
        for delivery in [one for one in self._kept if one[0] == connection and one not in self._told]:
            self.finished(draft, delivery)

    def goes_on(self, draft: Draft, seq: int) -> None:
        """The program calls something, or ends: with that it may have shown its last of a delivery."""
        for delivery in [one for one in self._kept if self._told.get(one) == seq]:
            self.finished(draft, delivery)

    def ended(self, draft: Draft, host: str, is_gone: bool = False) -> None:
        """The program there has ended, and works on nothing; or its process is gone, and with that its memory. The
        broker does not know yet: what it has handed out is still in that hand for it.
        """
        for delivery in [one for one in self._kept if keys.client_host(one[0]) == host]:
            self.finished(draft, delivery)
        for key in draft.keys("token/") if is_gone else ():
            token = draft.get(key)
            if token is None or token["place"] != "consumer" or host_of(token) != host:
                continue
            if token["state"] == "done":
                draft.drop(key)  # the broker has forgotten it, too
            else:
                draft.put(key, {**token, "state": GONE})

    def stopped(self, draft: Draft, event: e.Intervened) -> None:
        """Somebody has ended its process, or its machine's power."""
        if event.action in DEADLY:
            self.ended(draft, event.target, is_gone=True)

    def finished(self, draft: Draft, delivery: Delivery) -> None:
        """The program's code has finished with it. What is on its way still comes there."""
        key = self._kept.get(delivery)
        token = None if key is None else draft.get(key)
        if key is not None and (token is None or token["place"] == "client"):
            del self._kept[delivery]
            draft.drop(key)


TURNS = {e.CallMade, e.ProgramFinished}


def signs(records: Sequence[Record], traffic: Traffic, told: Mapping[Delivery, int]) -> dict[Delivery, int]:
    """Of deliveries of which nobody tells when they are finished with: until which record somebody is seen at work
    with them.
    """
    arrived = arrivals(traffic)
    found: dict[Delivery, int] = {}
    still: dict[str, int] = {}  # host -> since when it stands still
    died: defaultdict[str, list[int]] = defaultdict(list)
    callers = set()
    for record in records:
        event = record.event
        if type(event) in TURNS:
            callers.add(record.where)
            if record.cause in arrived:
                found[arrived[record.cause]] = record.seq
        elif type(event) is e.Intervened:
            if event.action == "freeze":
                still[event.target] = record.seq
            elif event.action in ("thaw", *DEADLY):
                still.pop(event.target, None)
                if event.action in DEADLY:
                    died[event.target].append(record.seq)
    for seq, delivery in arrived.items():
        host = keys.client_host(delivery[0])
        ends = [records[-1].seq + 1] if seq < still.get(host, 0) else [at for at in died[host] if at > seq]
        if ends and host in callers and is_next(delivery, told):
            found[delivery] = ends[0]
    return {delivery: seq for delivery, seq in found.items() if delivery not in told}


def arrivals(traffic: Traffic) -> dict[int, Delivery]:
    """Where each delivery to a consumer has come to its client."""
    return {
        one.received: (
            one.connection,
            one.channel,
            delivery_tag(one.name, traffic.frames[one.frames[0]].data),
        )
        for one in traffic.commands
        if one.name == "basic.deliver" and one.received is not None
    }


def is_next(delivery: Delivery, told: Mapping[Delivery, int]) -> bool:
    """Whether it is this one that its program has in hand: it has finished with the one before, and with no later."""
    connection, channel, tag = delivery
    done = [other for at, number, other in told if (at, number) == (connection, channel)]
    return tag == max(done, default=0) + 1


def host_of(token: Entity) -> str:
    """The host of the consumer or channel that has it."""
    return keys.client_host(connection_of(token["at"]))


def is_unheard(event: e.Event) -> bool:
    """Whether the broker has lost a message with its power, of which it tells nobody."""
    return getattr(event, "reason", "") == POWER_LOST


def given_up(event: e.Event) -> bool:
    """Whether it was the client that wanted it back in its queue."""
    return isinstance(event, e.Requeued) and event.reason in BY_ITS_CLIENT
