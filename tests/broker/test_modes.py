"""Publisher confirms and transactions (CONF, TX)."""

from __future__ import annotations

import pytest
from broker_peer import Message, Peer, World
from hypothesis import given
from hypothesis import strategies as st

from amqplab.broker.confirms import Confirms
from amqplab.wire import methods as m
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.properties import Properties


def names(got: list[object]) -> list[str]:
    return [one.method.name if isinstance(one, Message) else one.name for one in got]  # type: ignore[attr-defined]


def several(count: int, key: str = "q", mandatory: bool = False) -> bytes:
    method = m.Basic.Publish(routing_key=key, mandatory=mandatory)
    return encode_content(1, method, Properties(), b"x", 4096) * count


@pytest.fixture
def confirming(peer: Peer) -> Peer:
    """A peer in confirm mode, with a queue q."""
    peer.declare("q")
    assert peer.call(1, m.Confirm.Select()) == m.Confirm.SelectOk()
    assert peer.call(1, m.Confirm.Select()) == m.Confirm.SelectOk()
    return peer


def test_publishes_are_numbered_from_one_after_select(peer: Peer) -> None:
    peer.publish(key="q")
    peer.call(1, m.Confirm.Select())
    for number in (1, 2, 3):
        peer.publish(key="q")
        assert peer.on() == [m.Basic.Ack(delivery_tag=number)]


def test_one_batch_of_publishes_is_confirmed_together(confirming: Peer) -> None:
    confirming.octets(several(5))
    assert confirming.on() == [m.Basic.Ack(delivery_tag=5, multiple=True)]


def test_unroutable_messages_are_confirmed_at_once_one_by_one(confirming: Peer) -> None:
    confirming.octets(several(2, key="nowhere"))
    assert confirming.on() == [m.Basic.Ack(delivery_tag=1), m.Basic.Ack(delivery_tag=2)]


def test_a_return_comes_before_its_confirm(confirming: Peer) -> None:
    confirming.octets(several(2, key="nowhere", mandatory=True))
    assert names(confirming.on()) == ["basic.return", "basic.ack", "basic.return", "basic.ack"]


def test_confirms_come_before_the_next_reply(confirming: Peer) -> None:
    confirming.octets(several(2) + encode_method(1, m.Queue.Declare(queue="q")))
    assert names(confirming.on()) == ["basic.ack", "queue.declare-ok"]


def test_a_publish_that_fails_is_not_confirmed(confirming: Peer) -> None:
    bad = encode_content(1, m.Basic.Publish(exchange="gone"), Properties(), b"x", 4096)
    confirming.octets(several(2) + bad + several(1))
    assert confirming.on()[0] == m.Basic.Ack(delivery_tag=2, multiple=True)
    assert confirming.drain() == []


@given(st.data())
def test_whatever_is_sent_every_publish_is_confirmed_exactly_once(data: st.DataObject) -> None:
    confirms = Confirms()
    open_numbers: list[int] = []
    seen: dict[int, bool] = {}
    settled: dict[int, bool] = {}
    for _ in range(data.draw(st.integers(1, 12))):
        for _ in range(data.draw(st.integers(0, 4))):
            open_numbers.append(confirms.next())
        chosen = data.draw(st.lists(st.sampled_from(open_numbers), unique=True)) if open_numbers else []
        for number in chosen:
            positive = data.draw(st.booleans())
            open_numbers.remove(number)
            settled[number] = positive
            (confirms.accept if positive else confirms.refuse)(number)
        for number in open_numbers:
            confirms.wait(number)
        sent = list(confirms.flush())
        for sequence, multiple, positive in sent:
            covered = [n for n in settled if n not in seen and (n == sequence or (multiple and n < sequence))]
            assert sequence in covered
            for number in covered:
                assert settled[number] is positive
                seen[number] = positive
            if multiple:
                assert all(number > sequence for number in open_numbers), "covers one that still waits"
        assert seen == settled


class TestTransactions:
    """TX-01 … TX-13."""

    @pytest.fixture
    def tx(self, peer: Peer) -> Peer:
        peer.declare("q")
        assert peer.call(1, m.Tx.Select()) == m.Tx.SelectOk()
        assert peer.call(1, m.Tx.Select()) == m.Tx.SelectOk()
        return peer

    @pytest.mark.parametrize("method", [m.Tx.Commit(), m.Tx.Rollback()])
    def test_need_tx_select(self, peer: Peer, method: m.Method) -> None:
        close = peer.call(1, method)
        assert close.reply_text == "PRECONDITION_FAILED - channel is not transactional"
        assert (close.class_id, close.method_id) == method.ids

    @pytest.mark.parametrize(
        ("first", "second", "text"),
        [
            (m.Tx.Select(), m.Confirm.Select(), "cannot switch from tx to confirm mode"),
            (m.Confirm.Select(), m.Tx.Select(), "cannot switch from confirm to tx mode"),
        ],
    )
    def test_one_mode_per_channel(self, peer: Peer, first: m.Method, second: m.Method, text: str) -> None:
        peer.call(1, first)
        assert peer.call(1, second).reply_text == f"PRECONDITION_FAILED - {text}"

    def test_publishes_count_at_commit(self, tx: Peer) -> None:
        tx.octets(several(3))
        assert tx.declare("q").message_count == 0
        assert tx.call(1, m.Tx.Commit()) == m.Tx.CommitOk()
        assert tx.declare("q").message_count == 3
        assert tx.call(1, m.Tx.Commit()) == m.Tx.CommitOk()
        assert tx.declare("q").message_count == 3

    def test_but_are_checked_and_routed_at_once(self, tx: Peer) -> None:
        tx.publish(key="later")
        tx.declare("later")
        tx.send(1, m.Tx.Commit())
        tx.drain()
        assert tx.declare("later").message_count == 0
        tx.publish(exchange="gone")
        assert tx.on()[0].reply_code == 404

    def test_returns_come_before_commit_ok(self, tx: Peer) -> None:
        tx.octets(several(1, key="nowhere", mandatory=True))
        assert tx.drain() == []
        tx.send(1, m.Tx.Commit())
        assert names(tx.on()) == ["basic.return", "tx.commit-ok"]

    def test_acks_count_at_commit_and_free_the_window_then(self, world: World, tx: Peer) -> None:
        tx.octets(several(2))
        tx.send(1, m.Tx.Commit(), m.Basic.Qos(prefetch_count=1))
        tx.consume()
        tx.send(1, m.Basic.Ack(delivery_tag=1))
        assert tx.drain() == []
        q = world.broker.vhosts["/"].queues["q"]
        assert q.unacked == 1
        tx.send(1, m.Tx.Commit())
        assert names(tx.on()) == ["tx.commit-ok", "basic.deliver"]
        assert q.unacked == 1

    def test_a_tag_can_be_settled_once_in_a_transaction(self, tx: Peer) -> None:
        tx.octets(several(1))
        tx.send(1, m.Tx.Commit())
        tx.consume()
        tx.send(1, m.Basic.Ack(delivery_tag=1), m.Basic.Ack(delivery_tag=1))
        assert tx.on()[0].reply_text == "PRECONDITION_FAILED - unknown delivery tag 1"

    def test_rollback_forgets_publishes_and_makes_tags_outstanding_again(self, tx: Peer) -> None:
        tx.octets(several(2))
        tx.send(1, m.Tx.Commit())
        tx.consume()
        tx.octets(several(1))
        tx.send(1, m.Basic.Ack(delivery_tag=2), m.Basic.Nack(delivery_tag=1))
        assert tx.call(1, m.Tx.Rollback()) == m.Tx.RollbackOk()
        assert tx.declare("q").message_count == 0
        tx.send(1, m.Basic.Ack(delivery_tag=2, multiple=True), m.Tx.Commit())
        assert names(tx.on()) == ["tx.commit-ok"]

    @pytest.mark.parametrize("word", ["reject", "requeue"])
    def test_rejections_count_at_commit(self, tx: Peer, word: str) -> None:
        tx.octets(several(1))
        tx.send(1, m.Tx.Commit(), m.Basic.Get(queue="q"))
        tx.send(1, m.Basic.Nack(delivery_tag=1, requeue=word == "requeue"))
        tx.drain()
        assert tx.declare("q").message_count == 0
        tx.send(1, m.Tx.Commit())
        tx.drain()
        assert tx.declare("q").message_count == (1 if word == "requeue" else 0)

    def test_the_end_of_the_channel_is_a_rollback(self, tx: Peer) -> None:
        tx.octets(several(1))
        tx.send(1, m.Tx.Commit(), m.Basic.Get(queue="q"))
        tx.octets(several(5))
        tx.send(1, m.Basic.Ack(delivery_tag=1), m.Channel.Close())
        tx.drain()
        tx.channel(1)
        assert tx.declare("q").message_count == 1
