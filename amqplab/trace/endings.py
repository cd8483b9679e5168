"""How the way of a token ends when it does not end with its receiver.

Theory
------
A connection may end while something is on its link. Of a receiver that is gone its sender knows nothing: what it sent
is under way, arrives or is lost segment by segment, and is sent again. When the sender's end is over, too, then what
goes to the broker has come to nobody, and so has what was handed over for good: it is lost. A delivery that is to be
acknowledged is not: the broker counts on that until it learns of the end, and takes it back. Until then
the copy on the link stays where it is, as frames do that nobody will ever read. If a segment takes it to a host where
nobody is any more, it is thrown away, and nothing of it is left but what the broker believes.
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.trace.at_work import FOLLOWED
from amqplab.trace.draft import Draft, Entity, State
from amqplab.trace.keys import client_host

__all__ = ["die_on_the_way", "sent_by", "throw_away"]


def sent_by(tokens: State, connection: str, where: str) -> Iterator[tuple[str, Entity]]:
    """What is on a link, and was sent by the end at the host `where`; by any, without one. Loads end with their
    segments.
    """
    for key, token in list(tokens.items()):
        if token.get("place") != "link" or token["at"] != connection or key.startswith("load/"):
            continue
        if not where or token["up"] == (where == client_host(connection)):
            yield key, token


def die_on_the_way(draft: Draft, key: str) -> None:
    """Its connection has ended."""
    token = draft.edit(key)
    if token is None or token["place"] != "link":
        return
    is_taken_back = token.get("state") == FOLLOWED and not token["up"]
    if key.startswith("signal/") or is_taken_back:
        draft.drop(key)
    elif token["up"] or token["state"] in ("done", "returned"):
        token.update(place="lost", state="lost", up=None, command=None)
        token["reason"] = "its connection ended while it was on the way"


def throw_away(draft: Draft, key: str, command: int) -> None:
    """Whoever was to get it by this command is gone, and so is what was sent."""
    token = draft.get(key)
    if token is None or token["command"] != command:
        return
    die_on_the_way(draft, key)
    token = draft.edit(key)
    if token is not None and token["place"] == "link":
        token.update(place="gone", at="", up=None, command=None)
