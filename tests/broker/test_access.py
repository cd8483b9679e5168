"""Rights: what is searched for where, under which names, and what a refusal says (PERM-02, 03, 04, 18)."""

from __future__ import annotations

import pytest
from broker_peer import Peer, World

from amqplab.broker.access import Access, Users
from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.errors import AccessRefused, UsageError
from amqplab.wire.frames import PROTOCOL_HEADER
from amqplab.wire.methods import Connection

EVERYWHERE = {"/": Permission(), "other": Permission()}


def access(permission: Permission | None = None, **topics: tuple[str, str]) -> Access:
    """Alice's rights in the virtual host "/"; `topics` is by exchange."""
    permissions = {} if permission is None else {"/": permission}
    by_exchange = {("/", exchange): patterns for exchange, patterns in topics.items()}
    return Access(User("alice", "secret", permissions=permissions, topics=by_exchange), "/")


@pytest.mark.parametrize("right", ["configure", "write", "read"])
def test_each_right_has_a_pattern_of_its_own_that_is_searched_for(right: str) -> None:
    rights = access(Permission(**{"configure": "", "write": "", "read": "", right: "abc"}))
    for asked in ("configure", "write", "read"):
        check = getattr(rights, asked)
        if asked == right:
            check("queue", "xabcx")
        else:
            with pytest.raises(AccessRefused):
                check("queue", "xabcx")


def test_an_empty_pattern_permits_only_the_empty_name() -> None:
    rights = access(Permission("", "", ""))
    rights.read("queue", "")
    with pytest.raises(AccessRefused):
        rights.read("queue", "q")


def test_the_default_exchange_is_checked_and_told_under_its_other_name() -> None:
    access(Permission("", "^amq[.]default$", "")).write("exchange", "")
    with pytest.raises(AccessRefused) as refused:
        access(Permission("", "^$", "")).write("exchange", "")
    assert "access to exchange 'amq.default' in vhost '/' refused for user 'alice'" in str(refused.value)


def test_who_has_no_rights_in_a_virtual_host_is_refused_every_time() -> None:
    rights = access()
    for _ in range(2):
        with pytest.raises(AccessRefused, match="access to queue 'q' in vhost '/' refused for user 'alice'"):
            rights.configure("queue", "q")


def test_a_right_to_a_queue_is_not_remembered_as_one_to_read_or_to_an_exchange() -> None:
    rights = access(Permission("^$", "^q$", "^$"))
    rights.write("queue", "q")
    rights.write("queue", "q")
    with pytest.raises(AccessRefused):
        rights.read("queue", "q")


def test_topics_are_free_where_no_entry_is_and_know_the_user_and_the_virtual_host() -> None:
    rights = access(Permission(), t=("^{username}[.]", "^in:{vhost}$"))
    rights.topic("write", "elsewhere", "bob.news")
    rights.topic("write", "t", "alice.news")
    rights.topic("read", "t", "in:/")
    with pytest.raises(AccessRefused) as refused:
        rights.topic("write", "t", "bob.news")
    expected = "access to topic 'bob.news' in exchange 't' in vhost '/' refused for user 'alice'"
    assert expected in str(refused.value)


def test_a_user_bound_to_loopback_comes_from_nowhere_else() -> None:
    users = Users((User("guest", "guest", loopback_only=True),))
    assert users.authenticate("guest", "guest", loopback=True) is not None
    assert users.authenticate("guest", "guest", loopback=False) is None


def test_a_removed_user_no_longer_logs_in() -> None:
    users = Users((User("alice", "secret"),))
    users.remove("alice")
    assert users.named("alice") is None
    assert users.authenticate("alice", "secret", loopback=True) is None


def two_entered() -> tuple[World, Peer, Peer]:
    """Alice is in two virtual hosts, with a queue in each."""
    alice = User("alice", "a", permissions=EVERYWHERE)
    world = World(BrokerConfig(vhosts=("/", "other"), users=(alice,)))
    peers = []
    for number, vhost in enumerate(EVERYWHERE, 1):
        peer = world.connect(f"c{number}:1", user="alice", password="a", vhost=vhost)
        peer.channel()
        peer.declare("q")
        peers.append(peer)
    return world, peers[0], peers[1]


def test_changed_rights_hold_at_once_but_for_what_is_remembered() -> None:
    world, here, there = two_entered()
    world.apply(world.broker.set_permissions("alice", "/", Permission(configure="^p$"), world.now))
    assert here.declare("p").queue == "p"
    assert here.declare("q").queue == "q"
    assert there.declare("r").queue == "r", "nothing has changed there"
    assert here.declare("r").reply_code == 403


def test_twelve_grants_are_remembered_and_the_first_is_forgotten_first() -> None:
    world, peer, _ = two_entered()
    for number in range(12):
        peer.declare(f"q{number}")
    world.apply(world.broker.set_permissions("alice", "/", None, world.now))
    for number in range(12):
        assert peer.declare(f"q{number}").queue == f"q{number}"
    assert peer.declare("q").reply_code == 403


def test_grants_last_as_long_as_the_client_talks_and_are_gone_after_a_second_of_silence() -> None:
    world, peer, _ = two_entered()
    world.apply(world.broker.set_permissions("alice", "/", None, world.now))
    for _ in range(5):
        world.sleep(0.9)
        assert peer.declare("q").queue == "q"
    world.sleep(1)
    assert peer.declare("q").reply_code == 403


def test_who_was_silent_already_has_forgotten() -> None:
    world, peer, _ = two_entered()
    world.sleep(1)
    world.apply(world.broker.set_permissions("alice", "/", None, world.now))
    assert peer.declare("q").reply_code == 403


def test_the_fast_lane_fades_as_well() -> None:
    world, peer, _ = two_entered()
    for _ in range(3):
        peer.publish(key="q")
    world.apply(world.broker.set_permissions("alice", "/", None, world.now))
    peer.publish(key="q")
    peer.drain()
    world.sleep(1)
    peer.publish(key="q")
    (close,) = peer.on()
    assert (
        close.reply_text
        == "ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'alice'"
    )
    assert len(world.broker.vhosts["/"].queues["q"].ready) == 4


def test_rights_may_go_between_the_login_and_the_entry() -> None:
    world = World()
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.login()
    world.apply(world.broker.set_permissions("guest", "/", None, world.now))
    peer.send(0, Connection.TuneOk(2047, 131072, 0), Connection.Open("/"))
    _, close = peer.drain()[-1]
    assert close.reply_text == "NOT_ALLOWED - access to vhost '/' refused for user 'guest'"


def test_a_change_to_what_is_no_pattern_changes_nothing() -> None:
    users = Users((User("alice", "secret", permissions=EVERYWHERE),))
    with pytest.raises(UsageError):
        users.permit("alice", "/", Permission("("))
    alice = users.named("alice")
    assert alice is not None and alice.permissions == EVERYWHERE


@pytest.mark.parametrize(
    ("user", "place"),
    [
        (User("alice", "secret", permissions={"/": Permission(write="(")}), "write in vhost '/'"),
        (User("alice", "secret", topics={("/", "t"): ("", "(")}), "topics of exchange 't' in vhost '/'"),
    ],
)
def test_a_pattern_that_is_none_is_refused_before_anybody_logs_in(user: User, place: str) -> None:
    with pytest.raises(UsageError) as refused:
        Users((user,))
    assert f"User 'alice' has a wrong pattern for {place}, '('" in str(refused.value)
