"""PERM-01 … PERM-21: what a user may do, and what is said when he may not."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from threading import Thread
from time import monotonic

import pytest
from amqplab_server import AmqplabServer
from brokers import InMemoryBroker, RemoteBroker
from configuration_file import as_file
from rabbitmq_node import RabbitMQNode, definitions

from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue, Tx, decode_method

RIGHTS = ("configure", "write", "read")
COMBINATIONS = [tuple(right for right, has in zip(RIGHTS, flags, strict=True) if has)
                for flags in product((False, True), repeat=3)]  # fmt: skip
NOTHING = "^$"


def user_with(rights):
    return f"may-{'-'.join(rights)}" if rights else "may-nothing"


PERMISSIONS = {
    user_with(rights): tuple(".*" if right in rights else NOTHING for right in RIGHTS)
    for rights in COMBINATIONS
} | {
    "patterned": ("abc|^amq\\.gen", "^amq\\.default$", "abc"),
    "empty": ("", "", ""),
    "talker": (".*", ".*", ".*"),
    "pretender": (".*", ".*", ".*"),
}
TOPICS = {("talker", "amq.topic"): (r"^{username}\.", r"^news\.({vhost}|all)$")}
TAGS = {"guest": "administrator", "pretender": "impersonator"}


@pytest.fixture(scope="session")
def guarded_rabbitmq():
    """A RabbitMQ node with the users above."""
    everything = definitions(
        dict.fromkeys(PERMISSIONS, "secret") | {"guest": "guest"},
        {"/": {}, "other": {}},
        {(user, "/"): three for user, three in PERMISSIONS.items()}
        | {("guest", vhost): (".*",) * 3 for vhost in ("/", "other")},
        {},
        TAGS,
    )
    everything["topic_permissions"] = [
        {"user": user, "vhost": "/", "exchange": exchange, "write": write, "read": read}
        for (user, exchange), (write, read) in TOPICS.items()
    ]
    with RabbitMQNode(define=everything) as node:
        yield RemoteBroker("guarded rabbitmq", node)


def guarded_config():
    users = [
        User(
            name,
            "secret",
            tuple(TAGS.get(name, "").split()),
            permissions={"/": Permission(*three)},
            topics={("/", exchange): two for (user, exchange), two in TOPICS.items() if user == name},
        )
        for name, three in PERMISSIONS.items()
    ]
    everywhere = {vhost: Permission() for vhost in ("/", "other")}
    guest = User("guest", "guest", ("administrator",), permissions=everywhere)
    return BrokerConfig(users=(*users, guest), vhosts=("/", "other"))


@pytest.fixture(scope="session")
def guarded_amqplab(tmp_path_factory):
    """Our server process with the users above in its configuration file."""
    path = tmp_path_factory.mktemp("guarded") / "broker.toml"
    path.write_text(as_file(guarded_config()), encoding="utf-8")
    with AmqplabServer("--config", str(path)) as server:
        yield RemoteBroker("guarded amqplab", server)


@pytest.fixture(params=["rabbitmq", "amqplab", "in-memory"])
def guarded(request):
    """RabbitMQ, our server process or our broker object, with the users above."""
    if request.param == "in-memory":
        return InMemoryBroker(guarded_config())
    return request.getfixturevalue(f"guarded_{request.param}")


def refused(kind, name, user):
    return f"ACCESS_REFUSED - access to {kind} '{name}' in vhost '/' refused for user '{user}'"


def expect_refused(peer, method, kind, name, user):
    peer.expect_channel_error(403, refused(kind, name, user), method.ids)


QUEUE, EXCHANGE = ("queue", "q"), ("exchange", "x")
OPERATIONS = {
    "declare a queue": (Queue.Declare(queue="q", exclusive=True), [("configure", *QUEUE)]),
    "declare a queue with dead letters": (
        Queue.Declare(queue="q", exclusive=True, arguments={"x-dead-letter-exchange": "x"}),
        [("configure", *QUEUE), ("read", *QUEUE), ("write", *EXCHANGE)],
    ),
    "ask for a queue": (Queue.Declare(queue="q", passive=True), []),
    "purge": (Queue.Purge(queue="q"), [("read", *QUEUE)]),
    "delete a queue": (Queue.Delete(queue="q"), [("configure", *QUEUE)]),
    "bind": (Queue.Bind(queue="q", exchange="x"), [("write", *QUEUE), ("read", *EXCHANGE)]),
    "unbind": (Queue.Unbind(queue="q", exchange="x"), [("write", *QUEUE), ("read", *EXCHANGE)]),
    "declare an exchange": (
        Exchange.Declare(exchange="x", type="direct"),
        [("configure", *EXCHANGE)],
    ),
    "declare an exchange with an alternate": (
        Exchange.Declare(exchange="x", type="direct", arguments={"alternate-exchange": "y"}),
        [("configure", *EXCHANGE), ("read", *EXCHANGE), ("write", "exchange", "y")],
    ),
    "ask for an exchange": (Exchange.Declare(exchange="x", type="direct", passive=True), []),
    "delete an exchange": (Exchange.Delete(exchange="x"), [("configure", *EXCHANGE)]),
    "bind an exchange": (
        Exchange.Bind(destination="y", source="x"),
        [("write", "exchange", "y"), ("read", *EXCHANGE)],
    ),
    "unbind an exchange": (
        Exchange.Unbind(destination="y", source="x"),
        [("write", "exchange", "y"), ("read", *EXCHANGE)],
    ),
    "get": (Basic.Get(queue="q"), [("read", *QUEUE)]),
    "consume": (Basic.Consume(queue="q"), [("read", *QUEUE)]),
    "limit": (Basic.Qos(prefetch_count=1), []),
    "cancel": (Basic.Cancel(consumer_tag="t"), []),
    "acknowledge all": (Basic.Ack(multiple=True), []),
    "recover": (Basic.Recover(requeue=True), []),
    "confirm": (Confirm.Select(), []),
    "transact": (Tx.Select(), []),
    "flow": (Channel.Flow(active=True), []),
}


@pytest.mark.parametrize("rights", COMBINATIONS, ids=lambda rights: "-".join(rights) or "nothing")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_PERM_04_PERM_06_PERM_07_PERM_08_PERM_09_PERM_10_PERM_12_PERM_13_PERM_14_every_operation(
    guarded, operation, rights
):
    """With every set of rights: they are checked before existence, and in this order."""
    method, needed = OPERATIONS[operation]
    user = user_with(rights)
    with guarded.connect(user=user, password="secret") as peer:
        peer.send(method)
        missing = next((one for one in needed if one[0] not in rights), None)
        if missing is not None:
            expect_refused(peer, method, *missing[1:], user)
            return
        peer.send(Channel.Flow(active=True))
        kind, _, payload = peer.frame(1)
        answer = decode_method(payload)
        assert kind == 1
        assert "ACCESS_REFUSED" not in str(answer)
        if isinstance(answer, Channel.Close):
            peer.send(Channel.CloseOk(), channel=1)
        elif not isinstance(answer, Channel.FlowOk) or operation == "flow":
            peer.expect(Channel.FlowOk)
    with guarded.connect() as peer:
        for name in ("x", "y"):
            peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


@pytest.mark.parametrize("rights", COMBINATIONS, ids=lambda rights: "-".join(rights) or "nothing")
@pytest.mark.parametrize(("exchange", "shown"), [("x", "x"), ("", "amq.default"), ("amq.topic", "amq.topic")])
def test_PERM_03_PERM_11_publishing_takes_the_right_to_write(guarded, exchange, shown, rights):
    user = user_with(rights)
    with guarded.connect(user=user, password="secret") as peer:
        peer.publish("nobody", exchange=exchange)
        if "write" not in rights:
            expect_refused(peer, Basic.Publish, "exchange", shown, user)
        elif exchange == "x":
            peer.expect_channel_error(404, "NOT_FOUND - no exchange 'x' in vhost '/'", (60, 40))
        else:
            peer.sync()


def test_PERM_02_patterns_are_searched_for_and_empty_ones_match_nothing(guarded):
    with guarded.connect(user="patterned", password="secret") as peer:
        for name in ("abc", "xabcx"):
            peer.queue(name)
        peer.send(Queue.Declare(queue="ab"))
        expect_refused(peer, Queue.Declare, "queue", "ab", "patterned")
    with guarded.connect(user="empty", password="secret") as peer:
        peer.send(Queue.Declare(queue="abc"))
        expect_refused(peer, Queue.Declare, "queue", "abc", "empty")
        peer.publish("abc")
        expect_refused(peer, Basic.Publish, "exchange", "amq.default", "empty")


def test_PERM_05_declaring_what_is_there_takes_the_right_too(guarded):
    with guarded.connect() as owner, guarded.connect(user="may-write-read", password="secret") as peer:
        name = owner.queue(guarded.fresh("there"), exclusive=False)
        peer.send(Queue.Declare(queue=name))
        expect_refused(peer, Queue.Declare, "queue", name, "may-write-read")
        owner.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_PERM_06_PERM_07_of_what_is_there_the_other_end_is_not_looked_at(guarded):
    with guarded.connect() as owner, guarded.connect(user="may-configure", password="secret") as peer:
        name = guarded.fresh("there")
        letters, spare = {"x-dead-letter-exchange": "x"}, {"alternate-exchange": "y"}
        owner.queue(name, exclusive=False, arguments=letters)
        peer.call(Queue.Declare(queue=name, arguments=letters), Queue.DeclareOk(name, 0, 0))
        owner.exchange(name, arguments=spare)
        again = Exchange.Declare(exchange=name, type="direct", arguments=spare)
        peer.call(again, Exchange.DeclareOk())
        owner.call(Queue.Delete(queue=name), Queue.DeleteOk)
        owner.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_PERM_15_PERM_16_reserved_names_come_before_rights_but_not_for_exchanges(guarded):
    with guarded.connect(user="may-nothing", password="secret") as peer:
        peer.send(Queue.Declare(queue="amq.mine"))
        text = "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"
        peer.expect_channel_error(403, text, (50, 10))
        peer.send(Exchange.Declare(exchange="amq.mine", type="direct"))
        expect_refused(peer, Exchange.Declare, "exchange", "amq.mine", "may-nothing")
        peer.send(Exchange.Delete(exchange="amq.direct"))
        text = "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"
        peer.expect_channel_error(403, text, (40, 20))


def test_PERM_17_a_generated_name_has_to_be_permitted(guarded):
    with guarded.connect(user="patterned", password="secret") as peer:
        assert peer.queue().startswith("amq.gen-")
    with guarded.connect(user="may-write-read", password="secret") as peer:
        peer.send(Queue.Declare(exclusive=True))
        close = peer.expect(Channel.Close)
        assert close.reply_text.startswith("ACCESS_REFUSED - access to queue 'amq.gen-")
        peer.send(Channel.CloseOk(), channel=1)


def test_PERM_18_topics_are_checked_where_there_is_an_entry(guarded):
    with guarded.connect(user="talker", password="secret") as peer:
        name = peer.queue()
        peer.publish("talker.hello", exchange="amq.topic")
        peer.publish("anything", exchange="amq.direct")
        peer.sync()
        peer.publish("news.all", exchange="amq.topic")
        text = (
            "ACCESS_REFUSED - access to topic 'news.all' in exchange 'amq.topic' in vhost '/' refused for "
            "user 'talker'"
        )
        peer.expect_channel_error(403, text, (60, 40))
        for key in ("news.all", "news./"):
            peer.bind(name, "amq.topic", key)
        peer.bind(name, "amq.direct", "anything")
        peer.send(Queue.Bind(queue=name, exchange="amq.topic", routing_key="other"))
        text = text.replace("news.all", "other")
        peer.expect_channel_error(403, text, (50, 20))


def test_PERM_01_virtual_hosts_are_worlds_of_their_own(guarded):
    with guarded.connect() as here, guarded.connect("other") as there:
        name = here.queue(guarded.fresh("here"))
        there.send(Queue.Declare(queue=name, passive=True))
        there.expect_channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost 'other'", (50, 10))
        there.queue(name)
        there.publish(name)
        there.sync()
        there.await_counts(name, (1, 0))
        assert here.counts(name) == (0, 0)


BUSY_S = 0.5  # a channel of RabbitMQ's that hears nothing for a second goes to sleep


def withdraw_while_busy(operated, peer, channels):
    """Take the user's rights while these channels are talking; true when they never paused."""
    withdrawal = Thread(
        target=operated.operate,
        args=(
            ("clear_permissions", "impostor"),
            lambda broker, now: broker.set_permissions("impostor", "/", None, now),
        ),
    )
    withdrawal.start()
    last, longest = monotonic(), 0.0
    while withdrawal.is_alive():
        for channel in channels:
            peer.sync(channel)
        withdrawal.join(0.05)
        longest, last = max(longest, monotonic() - last), monotonic()
    return longest < BUSY_S


def give_back(operated):
    operated.operate(
        ("set_permissions", "impostor", ".*", ".*", ".*"),
        lambda broker, now: broker.set_permissions("impostor", "/", Permission(), now),
    )


@contextmanager
def deprived(operated, declared):
    """A connection that declared these queues on channel 1 and the first of them on channel 2, and whose
    rights were then withdrawn while it was busy; again where the machine was too slow for that.
    """
    while True:
        with operated.connect(user="impostor", password="secret", channels=2) as peer:
            for name in declared:
                peer.queue(name)
            peer.queue(declared[0], channel=2)
            try:
                if withdraw_while_busy(operated, peer, (1, 2)):
                    yield peer
                    return
            finally:
                give_back(operated)


def test_PERM_19_a_channel_remembers_twelve_grants_until_it_sleeps(operated):
    names = [operated.fresh("granted") for _ in range(14)]
    with deprived(operated, names) as peer:
        for name in names[2:]:
            peer.queue(name)
        peer.send(Queue.Declare(queue=names[1], exclusive=True))
        peer.expect(Channel.Close(403, refused("queue", names[1], "impostor"), 50, 10))
        peer.send(Channel.CloseOk(), channel=1)
        peer.queue(names[0], channel=2)
        peer.expect_silence(2.5)
        peer.send(Queue.Declare(queue=names[0], exclusive=True), channel=2)
        text = refused("queue", names[0], "impostor")
        peer.expect_channel_error(403, text, (50, 10), channel=2, reopen=False)
        peer.send(Channel.CloseOk(), channel=2)


def test_PERM_20_who_is_in_stays_in(operated):
    """Without rights nothing new is permitted, but the connection goes on, and so does its consumer."""
    user = "impostor"
    with operated.connect(user=user, password="secret") as peer, operated.connect() as other:
        there = peer.queue(operated.fresh("there"), exclusive=False)
        peer.consume(there, "t", no_ack=True)
        operated.operate(
            ("clear_permissions", user), lambda broker, now: broker.set_permissions(user, "/", None, now)
        )
        peer.sync()
        peer.send(Queue.Declare(queue="new"))
        peer.expect(Channel.Close(403, refused("queue", "new", user), 50, 10))
        peer.send(Channel.CloseOk(), Channel.Open(), channel=1)
        peer.expect(Channel.OpenOk())
        peer.send(Basic.Consume(queue=there))
        expect_refused(peer, Basic.Consume, "queue", there, user)
        with operated.dial() as late:
            late.log_in(user, "secret")
            late.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("/"))
            text = f"NOT_ALLOWED - access to vhost '/' refused for user '{user}'"
            late.expect_connection_error(530, text, (10, 40))
        give_back(operated)
        peer.queue()
        other.call(Queue.Delete(queue=there), Queue.DeleteOk)


def test_PERM_21_a_tag_means_nothing_but_for_impersonators(guarded):
    with guarded.connect() as peer:
        peer.publish("nobody", user_id="somebody")
        text = "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'"
        peer.expect_channel_error(406, text, (60, 40))
    with guarded.connect(user="pretender", password="secret") as peer:
        peer.publish("nobody", user_id="somebody")
        peer.sync()
