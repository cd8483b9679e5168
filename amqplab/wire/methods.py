"""The catalogue: all 69 methods of AMQP 0-9-1 with RabbitMQ's extensions, each declared once.

Theory
------
Read a declaration as the specification does: class id, method id, who sends it, what may answer it; then
the arguments in the order in which they cross the wire, each with its domain and the value it has when
nobody gives one. Everything else about a method (octets, text, dissection, test strategies) is derived from
this.

    @method(60, 40, "client", content=True)          basic.publish is 60/40, sent by the client, and
    class Publish(Method):                            a header and bodies follow
        ticket: Short = 0                             two octets
        exchange: ShortStr = ""                       a length octet, then the name
        routing_key: ShortStr = ""
        mandatory: Bit = False                        these two share an octet
        immediate: Bit = False

Names are the specification's, with ``_`` for ``-`` (and ``global_``, which Python keeps for itself). A
method that waits for an answer is called synchronous. ``nowait`` asks the peer not to answer.

Source: methods.json (RabbitMQ 3.10), compared with these declarations by a test.
"""

from __future__ import annotations

from amqplab.wire.domains import Arguments, Bit, Long, LongLong, LongStr, Octet, Short, ShortStr
from amqplab.wire.method import METHODS, Method, decode_method, method, method_name
from amqplab.wire.table import EMPTY_TABLE

__all__ = [
    "METHODS", "Access", "Basic", "Channel", "Confirm", "Connection", "Exchange", "Method", "Queue", "Tx",
    "decode_method", "method_name",
]  # fmt: skip

EXTENSION = "rabbitmq-extension"
LEGACY = "legacy"


class Connection:
    """Class 10: the life of a connection. On channel 0 only."""

    @method(10, 10, "server", replies=("connection.start-ok",))
    class Start(Method):
        """ "I am this broker and speak these mechanisms and locales": the answer to the protocol header."""

        version_major: Octet = 0
        version_minor: Octet = 9
        server_properties: Arguments = EMPTY_TABLE
        mechanisms: LongStr = b"PLAIN"
        locales: LongStr = b"en_US"

    @method(
        10,
        11,
        "client",
        replies=("connection.secure", "connection.tune", "connection.close"),
        synchronous=False,
    )
    class StartOk(Method):
        """The client introduces itself, chooses a mechanism and logs in."""

        client_properties: Arguments = EMPTY_TABLE
        mechanism: ShortStr = "PLAIN"
        response: LongStr = b""
        locale: ShortStr = "en_US"

    @method(10, 20, "server", replies=("connection.secure-ok",))
    class Secure(Method):
        """A challenge, for mechanisms that need more than one round."""

        challenge: LongStr = b""

    @method(
        10,
        21,
        "client",
        replies=("connection.secure", "connection.tune", "connection.close"),
        synchronous=False,
    )
    class SecureOk(Method):
        """The response to a challenge."""

        response: LongStr = b""

    @method(10, 30, "server", replies=("connection.tune-ok",))
    class Tune(Method):
        """The broker's limits: channels, octets in a frame, heartbeat seconds; 0 is no limit."""

        channel_max: Short = 0
        frame_max: Long = 0
        heartbeat: Short = 0

    @method(10, 31, "client")
    class TuneOk(Method):
        """The limits the client wants to live with."""

        channel_max: Short = 0
        frame_max: Long = 0
        heartbeat: Short = 0

    @method(10, 40, "client", replies=("connection.open-ok",))
    class Open(Method):
        """Enter a virtual host."""

        virtual_host: ShortStr = "/"
        capabilities: ShortStr = ""
        insist: Bit = False

    @method(10, 41, "server")
    class OpenOk(Method):
        """The virtual host is yours: the connection is ready."""

        known_hosts: ShortStr = ""

    @method(10, 50, "both", replies=("connection.close-ok",))
    class Close(Method):
        """Ends the connection; with an error code, because of the method it names."""

        reply_code: Short = 0
        reply_text: ShortStr = ""
        class_id: Short = 0
        method_id: Short = 0

    @method(10, 51, "both")
    class CloseOk(Method):
        """The last frame of a connection."""

    @method(10, 60, "server", origin=EXTENSION)
    class Blocked(Method):
        """The broker has stopped reading from publishers."""

        reason: ShortStr = ""

    @method(10, 61, "server", origin=EXTENSION)
    class Unblocked(Method):
        """The broker reads again."""

    @method(10, 70, "client", replies=("connection.update-secret-ok",), origin=EXTENSION)
    class UpdateSecret(Method):
        """A new credential for a session that is open."""

        new_secret: LongStr = b""
        reason: ShortStr = ""

    @method(10, 71, "server", origin=EXTENSION)
    class UpdateSecretOk(Method):
        """The credential was taken."""


class Channel:
    """Class 20: many conversations on one connection."""

    @method(20, 10, "client", replies=("channel.open-ok",))
    class Open(Method):
        """Begin to use the channel number of this frame."""

        out_of_band: ShortStr = ""

    @method(20, 11, "server")
    class OpenOk(Method):
        """The channel is ready."""

        channel_id: LongStr = b""

    @method(20, 20, "client", replies=("channel.flow-ok",))
    class Flow(Method):
        """Ask the peer to stop or to go on sending content."""

        active: Bit = False

    @method(20, 21, "server")
    class FlowOk(Method):
        """What the peer does now."""

        active: Bit = False

    @method(20, 40, "both", replies=("channel.close-ok",))
    class Close(Method):
        """Ends one channel; with an error code, because of the method it names."""

        reply_code: Short = 0
        reply_text: ShortStr = ""
        class_id: Short = 0
        method_id: Short = 0

    @method(20, 41, "both")
    class CloseOk(Method):
        """The number may be used again."""


class Access:
    """Class 30, from AMQP 0-8: old clients still send it."""

    @method(30, 10, "client", replies=("access.request-ok",), origin=LEGACY)
    class Request(Method):
        """From AMQP 0-8: ask for a ticket. Tickets mean nothing any more."""

        realm: ShortStr = "/data"
        exclusive: Bit = False
        passive: Bit = True
        active: Bit = True
        write: Bit = True
        read: Bit = True

    @method(30, 11, "server", origin=LEGACY)
    class RequestOk(Method):
        """A ticket, ignored ever after."""

        ticket: Short = 1


class Exchange:
    """Class 40: where messages go in."""

    @method(40, 10, "client", replies=("exchange.declare-ok",))
    class Declare(Method):
        """Make an exchange unless it exists; `passive` only asks whether it does."""

        ticket: Short = 0
        exchange: ShortStr = ""
        type: ShortStr = "direct"
        passive: Bit = False
        durable: Bit = False
        auto_delete: Bit = False
        internal: Bit = False
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(40, 11, "server")
    class DeclareOk(Method):
        """The exchange exists."""

    @method(40, 20, "client", replies=("exchange.delete-ok",))
    class Delete(Method):
        """Remove an exchange and its bindings."""

        ticket: Short = 0
        exchange: ShortStr = ""
        if_unused: Bit = False
        nowait: Bit = False

    @method(40, 21, "server")
    class DeleteOk(Method):
        """The exchange is gone."""

    @method(40, 30, "client", replies=("exchange.bind-ok",), origin=EXTENSION)
    class Bind(Method):
        """Let messages flow from one exchange to another."""

        ticket: Short = 0
        destination: ShortStr = ""
        source: ShortStr = ""
        routing_key: ShortStr = ""
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(40, 31, "server", origin=EXTENSION)
    class BindOk(Method):
        """The binding exists."""

    @method(40, 40, "client", replies=("exchange.unbind-ok",), origin=EXTENSION)
    class Unbind(Method):
        """Remove a binding between exchanges."""

        ticket: Short = 0
        destination: ShortStr = ""
        source: ShortStr = ""
        routing_key: ShortStr = ""
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(40, 51, "server", origin=EXTENSION)
    class UnbindOk(Method):
        """The binding is gone (51, not 41: an accident of history)."""


class Queue:
    """Class 50: where messages wait."""

    @method(50, 10, "client", replies=("queue.declare-ok",))
    class Declare(Method):
        """Make a queue unless it exists; an empty name asks the broker for one."""

        ticket: Short = 0
        queue: ShortStr = ""
        passive: Bit = False
        durable: Bit = False
        exclusive: Bit = False
        auto_delete: Bit = False
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(50, 11, "server")
    class DeclareOk(Method):
        """The queue exists, holds so many ready messages and has so many consumers."""

        queue: ShortStr = ""
        message_count: Long = 0
        consumer_count: Long = 0

    @method(50, 20, "client", replies=("queue.bind-ok",))
    class Bind(Method):
        """Let an exchange put messages into a queue."""

        ticket: Short = 0
        queue: ShortStr = ""
        exchange: ShortStr = ""
        routing_key: ShortStr = ""
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(50, 21, "server")
    class BindOk(Method):
        """The binding exists."""

    @method(50, 30, "client", replies=("queue.purge-ok",))
    class Purge(Method):
        """Throw away all ready messages."""

        ticket: Short = 0
        queue: ShortStr = ""
        nowait: Bit = False

    @method(50, 31, "server")
    class PurgeOk(Method):
        """So many were thrown away."""

        message_count: Long = 0

    @method(50, 40, "client", replies=("queue.delete-ok",))
    class Delete(Method):
        """Remove a queue, its bindings and its messages."""

        ticket: Short = 0
        queue: ShortStr = ""
        if_unused: Bit = False
        if_empty: Bit = False
        nowait: Bit = False

    @method(50, 41, "server")
    class DeleteOk(Method):
        """The queue is gone with so many messages."""

        message_count: Long = 0

    @method(50, 50, "client", replies=("queue.unbind-ok",))
    class Unbind(Method):
        """Remove a binding of a queue. It has no `nowait`."""

        ticket: Short = 0
        queue: ShortStr = ""
        exchange: ShortStr = ""
        routing_key: ShortStr = ""
        arguments: Arguments = EMPTY_TABLE

    @method(50, 51, "server")
    class UnbindOk(Method):
        """The binding is gone."""


class Basic:
    """Class 60: messages themselves."""

    @method(60, 10, "client", replies=("basic.qos-ok",))
    class Qos(Method):
        """How many unacknowledged messages a consumer may hold."""

        prefetch_size: Long = 0
        prefetch_count: Short = 0
        global_: Bit = False

    @method(60, 11, "server")
    class QosOk(Method):
        """The limit is in force."""

    @method(60, 20, "client", replies=("basic.consume-ok",))
    class Consume(Method):
        """Ask for messages of a queue as they come; an empty tag asks the broker for one."""

        ticket: Short = 0
        queue: ShortStr = ""
        consumer_tag: ShortStr = ""
        no_local: Bit = False
        no_ack: Bit = False
        exclusive: Bit = False
        nowait: Bit = False
        arguments: Arguments = EMPTY_TABLE

    @method(60, 21, "server")
    class ConsumeOk(Method):
        """The consumer exists under this tag."""

        consumer_tag: ShortStr = ""

    @method(60, 30, "both", replies=("basic.cancel-ok",))
    class Cancel(Method):
        """End a consumer. The broker sends it when the queue has gone."""

        consumer_tag: ShortStr = ""
        nowait: Bit = False

    @method(60, 31, "client")
    class CancelOk(Method):
        """The consumer is gone."""

        consumer_tag: ShortStr = ""

    @method(60, 40, "client", content=True)
    class Publish(Method):
        """A message for an exchange; its header and body follow."""

        ticket: Short = 0
        exchange: ShortStr = ""
        routing_key: ShortStr = ""
        mandatory: Bit = False
        immediate: Bit = False

    @method(60, 50, "server", content=True)
    class Return(Method):
        """A mandatory message that went nowhere, sent back."""

        reply_code: Short = 0
        reply_text: ShortStr = ""
        exchange: ShortStr = ""
        routing_key: ShortStr = ""

    @method(60, 60, "server", content=True)
    class Deliver(Method):
        """A message for a consumer; its header and body follow."""

        consumer_tag: ShortStr = ""
        delivery_tag: LongLong = 0
        redelivered: Bit = False
        exchange: ShortStr = ""
        routing_key: ShortStr = ""

    @method(60, 70, "client", replies=("basic.get-ok", "basic.get-empty"))
    class Get(Method):
        """Ask for one message now."""

        ticket: Short = 0
        queue: ShortStr = ""
        no_ack: Bit = False

    @method(60, 71, "server", content=True)
    class GetOk(Method):
        """Here it is; its header and body follow."""

        delivery_tag: LongLong = 0
        redelivered: Bit = False
        exchange: ShortStr = ""
        routing_key: ShortStr = ""
        message_count: Long = 0

    @method(60, 72, "server")
    class GetEmpty(Method):
        """The queue has none."""

        cluster_id: ShortStr = ""

    @method(60, 80, "both")
    class Ack(Method):
        """Client: the delivery is done with. Broker: the publish is safe."""

        delivery_tag: LongLong = 0
        multiple: Bit = False

    @method(60, 90, "client")
    class Reject(Method):
        """The delivery is refused: put back into the queue, or dead."""

        delivery_tag: LongLong = 0
        requeue: Bit = True

    @method(60, 100, "client", origin=LEGACY)
    class RecoverAsync(Method):
        """Like recover, without a reply."""

        requeue: Bit = False

    @method(60, 110, "client", replies=("basic.recover-ok",))
    class Recover(Method):
        """Put back everything this channel has not acknowledged."""

        requeue: Bit = False

    @method(60, 111, "server")
    class RecoverOk(Method):
        """Done."""

    @method(60, 120, "both", origin=EXTENSION)
    class Nack(Method):
        """Client: like reject, for many. Broker: the publish is lost."""

        delivery_tag: LongLong = 0
        multiple: Bit = False
        requeue: Bit = True

    @method(60, 200, "client", replies=("basic.credit-ok",), origin=EXTENSION)
    class Credit(Method):
        """RabbitMQ-internal: grant a consumer so many messages."""

        consumer_tag: ShortStr = ""
        credit: Long = 0
        drain: Bit = False

    @method(60, 201, "server", origin=EXTENSION)
    class CreditOk(Method):
        """RabbitMQ-internal: so many messages are available."""

        available: Long = 0

    @method(60, 202, "server", origin=EXTENSION)
    class CreditDrained(Method):
        """RabbitMQ-internal: the queue is empty, the credit is used up."""

        consumer_tag: ShortStr = ""
        credit_drained: Long = 0


class Confirm:
    """Class 85: publisher confirms, RabbitMQ only."""

    @method(85, 10, "client", replies=("confirm.select-ok",), origin=EXTENSION)
    class Select(Method):
        """Number my publishes from now on, and confirm each."""

        nowait: Bit = False

    @method(85, 11, "server", origin=EXTENSION)
    class SelectOk(Method):
        """Publisher confirms are on."""


class Tx:
    """Class 90: transactions."""

    @method(90, 10, "client", replies=("tx.select-ok",))
    class Select(Method):
        """Publishes and acks of this channel wait for a commit from now on."""

    @method(90, 11, "server")
    class SelectOk(Method):
        """The channel is transactional."""

    @method(90, 20, "client", replies=("tx.commit-ok",))
    class Commit(Method):
        """Let everything since the last commit take effect."""

    @method(90, 21, "server")
    class CommitOk(Method):
        """It has."""

    @method(90, 30, "client", replies=("tx.rollback-ok",))
    class Rollback(Method):
        """Forget everything since the last commit."""

    @method(90, 31, "server")
    class RollbackOk(Method):
        """Forgotten."""
