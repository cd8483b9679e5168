"""LIMIT-10, LIMIT-11, BASIC-34: who reads slowly slows down what he reads, and nobody is told."""

from __future__ import annotations

from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic, Queue

COUNT = 6000
SIZE = 4096
BATCH = 200


def numbered(number):
    """A message's body: its number, and filling."""
    return number.to_bytes(4, "big") * (SIZE // 4)


def publish_all(peer, queue):
    """As fast as it goes."""
    method = Basic.Publish(routing_key=queue)
    for start in range(0, COUNT, BATCH):
        messages = (
            encode_content(1, method, b"\0\0", numbered(number), peer.frame_max)
            for number in range(start, start + BATCH)
        )
        peer.send_octets(b"".join(messages))


def resting(peer, queue):
    """How many messages are ready once that does not change any more."""
    before, now = -1, peer.counts(queue)[0]
    while now != before:
        peer.expect_silence(0.2)
        before, now = now, peer.counts(queue)[0]
    return now


def test_BASIC_34_LIMIT_10_LIMIT_11_most_waits_in_the_queue_while_the_consumer_does_not_read(broker):
    """How much the sockets hold differs, but it is little. Once he reads, all of it comes."""
    with broker.connect() as publisher, broker.connect() as slow, broker.connect() as observer:
        queue = publisher.queue(broker.fresh("slow"), exclusive=False)
        slow.consume(queue, "t", no_ack=True)
        publish_all(publisher, queue)
        publisher.sync()
        assert COUNT / 2 < resting(observer, queue) < COUNT
        for number, message in enumerate(slow.deliveries(COUNT)):
            assert message.body == numbered(number)
        slow.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk("t"))
        observer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))
