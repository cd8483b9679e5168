"""CONN-55 … CONN-66: every way in which a connection ends."""

from __future__ import annotations

import pytest
from amqplab_server import AmqplabServer
from brokers import RemoteBroker
from patterns import one_of

from amqplab.wire.methods import Basic, Channel, Connection, Queue, Tx

BYE = Connection.Close(200, "bye")


def leaving_much_behind(broker, shared):
    """A connection that holds a message, consumes, owns a queue, and has an open transaction."""
    peer = broker.connect(channels=2)
    peer.queue(shared + "-own")
    assert peer.get(shared, no_ack=False).body == b"one"
    peer.call(Tx.Select(), Tx.SelectOk(), channel=2)
    peer.publish(shared, b"never", channel=2)
    peer.sync(2)
    peer.consume(shared)
    assert peer.deliveries(1)[0].body == b"two"
    return peer


@pytest.mark.parametrize("how", ["close", "abort", "hang_up"])
def test_CONN_55_CONN_61_what_a_connection_leaves_behind(broker, how):
    with broker.connect() as observer:
        shared = observer.queue(broker.fresh("shared"), exclusive=False)
        for body in (b"one", b"two"):
            observer.publish(shared, body)
        peer = leaving_much_behind(broker, shared)
        assert observer.counts(shared) == (0, 1)
        getattr(peer, how)()
        observer.await_counts(shared, (2, 0))
        found = [observer.get(shared) for _ in range(2)]
        assert [(one.body, one.method.redelivered) for one in found] == [(b"one", True), (b"two", True)]
        observer.send(Queue.Declare(queue=shared + "-own", passive=True))
        text = f"NOT_FOUND - no queue '{shared}-own' in vhost '/'"
        observer.expect_channel_error(404, text, (50, 10))
        observer.call(Queue.Delete(queue=shared), Queue.DeleteOk(0))


@pytest.mark.parametrize("code", [200, 0, 320, 65535])
def test_CONN_55_any_reply_code_closes(broker, code):
    with broker.connect() as peer:
        peer.call(Connection.Close(code, "because"), Connection.CloseOk())
        peer.abort()


@pytest.mark.waits
@pytest.mark.parametrize(("heartbeat", "after_s"), [(1, 1), (2, 2), (0, 30), (30, 30)])
def test_CONN_56_a_client_that_does_not_leave_is_reset(broker, heartbeat, after_s):
    with broker.connect(tune=(2047, 131072, heartbeat)) as peer:
        peer.call(BYE, Connection.CloseOk())
        peer.expect_reset(after_s=after_s)


def test_CONN_57_after_the_client_s_close_only_another_close_is_answered(broker):
    with broker.connect() as peer:
        peer.call(BYE, Connection.CloseOk())
        peer.send(Queue.Declare(), Channel.Open(), Connection.Open("/"))
        peer.publish("q")
        peer.call(BYE, Connection.CloseOk())
        peer.abort()


def refused(broker, heartbeat=0):
    """A connection that the broker has just begun to close."""
    peer = broker.connect(tune=(2047, 131072, heartbeat))
    peer.send(Channel.Open())
    peer.expect(Connection.Close(504, "CHANNEL_ERROR - second 'channel.open' seen", 20, 10))
    return peer


def test_CONN_58_after_the_broker_s_close_only_close_ok_is_looked_at(broker):
    with refused(broker) as peer:
        peer.send(Queue.Declare(), Channel.Open(), Connection.Open("/"))
        peer.publish("q")
        peer.send(Connection.CloseOk())
        peer.expect_reset()


@pytest.mark.waits
@pytest.mark.parametrize(("heartbeat", "after_s"), [(1, 1), (2, 2), (0, 30)])
def test_CONN_58_a_client_that_does_not_answer_is_reset(broker, heartbeat, after_s):
    with refused(broker, heartbeat) as peer:
        peer.expect_reset(after_s=after_s)


def test_CONN_59_two_closes_that_cross(broker):
    with refused(broker) as peer:
        peer.call(BYE, Connection.CloseOk())
        peer.send(Connection.CloseOk())
        peer.expect_reset()


def test_CONN_60_exclusive_queues_are_gone_before_close_ok(broker):
    name = broker.fresh("mine")
    with broker.connect() as heir:
        owner = broker.connect()
        owner.queue(name)
        owner.call(BYE, Connection.CloseOk())
        assert heir.queue(name) == name
        owner.abort()


def forced(peer, text):
    peer.expect_connection_error(320, f"CONNECTION_FORCED - {text}", (0, 0))


SHUTDOWN = "broker forced connection closure with reason 'shutdown'"


def test_CONN_62_a_broker_that_stops_says_so(unlimited):
    """Also to those that have no channel; who has not opened yet is reset."""
    idle, busy, early = unlimited.connect(channels=0), unlimited.connect(), unlimited.dial()
    busy.consume(busy.queue())
    early.greet()
    unlimited.begin_to_stop()
    forced(idle, SHUTDOWN)
    forced(busy, SHUTDOWN)
    early.expect_reset(timeout_s=30)
    unlimited.come_back()


def test_CONN_62_our_server_does_on_ctrl_c():
    with AmqplabServer() as server, RemoteBroker("amqplab", server).connect(channels=0) as peer:
        server.process.send_signal(2)
        forced(peer, SHUTDOWN)
        assert server.stop() == 0
        assert "Traceback" not in server.errors


def test_CONN_63_an_operator_closes_a_connection(operated):
    with operated.connect(user="impostor", password="secret") as peer:
        peer.sync()
        text = "time to go"
        operated.operate(
            ("close_all_user_connections", "impostor", text),
            lambda broker, now: broker.close_connection(*broker.sessions, text, now),
        )
        forced(peer, text)


def test_CONN_64_the_virtual_host_is_deleted(operated):
    """Two parts of RabbitMQ hear of it, and the one that is first gives the reason."""
    with operated.connect("doomed") as peer:
        peer.queue()
        operated.operate(("delete_vhost", "doomed"), lambda broker, now: broker.delete_vhost("doomed", now))
        texts = [f"CONNECTION_FORCED - vhost 'doomed' is {state}" for state in ("down", "deleted")]
        expected = one_of(*texts) if "rabbitmq" in operated.name else texts[0]
        peer.expect_connection_error(320, expected, (0, 0))


def test_CONN_34_a_virtual_host_that_is_down(operated):
    """It fails under the clients it has, and lets nobody else in; its neighbours go on."""
    stop = 'rabbit_vhost_sup_sup:stop_and_delete_vhost(<<"down">>).'
    with operated.connect() as neighbour, operated.connect("down") as peer:
        peer.queue()
        operated.operate(("eval", stop), lambda broker, now: broker.stop_vhost("down", now))
        forced(peer, "vhost 'down' is down")
        with operated.dial() as late:
            late.log_in()
            late.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("down"))
            text = "INTERNAL_ERROR - access to vhost 'down' refused for user 'guest': vhost 'down' is down"
            late.expect_connection_error(541, text, (10, 40))
        neighbour.sync()


def test_CONN_65_the_user_is_deleted(operated):
    with operated.connect(user="doomed", password="secret") as peer:
        peer.sync()
        operated.operate(("delete_user", "doomed"), lambda broker, now: broker.delete_user("doomed", now))
        forced(peer, "user 'doomed' is deleted")


def test_CONN_66_a_killed_broker_says_nothing(mortal):
    with mortal.connect() as peer:
        mortal.end("killed")
        peer.expect_reset()
    mortal.start()


def test_acknowledging_twice_is_the_channel_s_affair_and_not_the_connection_s(broker):
    """The smallest proof that a connection outlives the error of a channel."""
    with broker.connect(channels=2) as peer:
        peer.send(Basic.Ack(1))
        text = "PRECONDITION_FAILED - unknown delivery tag 1"
        peer.expect_channel_error(406, text, (60, 80))
        peer.sync(2)
