"""The methods of channel 0: how a connection opens, and how it closes.

Theory
------
    client                                    broker
    AMQP 0 0 9 1  ─────────────────────────→
                  ←─────────────────────────  connection.start     what the broker is and can
    connection.start-ok  ──────────────────→                        who the client is (SASL)
                  ←─────────────────────────  connection.tune      the limits offered
    connection.tune-ok  ───────────────────→                        the limits agreed: the client has the last
    word
    connection.open  ──────────────────────→                        which virtual host
                  ←─────────────────────────  connection.open-ok

The client may only go down with channel-max and frame-max; its heartbeat is final, whatever it is (CONN-25 …
CONN-28). connection.close can come from either side, and is answered by close-ok; between the two the
connection's channels, exclusive queues and unacknowledged deliveries have already been dealt with (CONN-55).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from amqplab.broker.auth import CHALLENGE, DEMO, EXTERNAL, MECHANISMS, Credentials, Malformed, demo_answer
from amqplab.broker.heartbeat import Heartbeats
from amqplab.broker.registry import on_connection
from amqplab.errors import AccessRefused, InternalError, NotAllowed
from amqplab.trace import events
from amqplab.wire.frames import FRAME_MIN_SIZE, PROTOCOL_HEADER
from amqplab.wire.methods import Connection
from amqplab.wire.table import Table

if TYPE_CHECKING:
    from amqplab.broker.config import BrokerConfig, User
    from amqplab.broker.session import Session

__all__ = ["begin", "server_properties"]

PROTOCOLS = {
    PROTOCOL_HEADER: (0, 9),
    b"AMQP\x01\x01\x00\x09": (0, 9),
    b"AMQP\x01\x01\x08\x00": (8, 0),
    b"AMQP\x01\x01\x09\x01": (8, 0),
}
"""Protocol headers that are answered with connection.start, and the version it states (CONN-01 … CONN-03)."""

CAPABILITIES = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
)
"""What the broker says it can (CONN-10, CONN-11)."""

MIN_CHANNEL_MAX = 1


def server_properties(config: BrokerConfig, version: tuple[int, int]) -> Table:
    """What connection.start tells about the broker, sorted by name (CONN-09)."""
    able = Table([(name, True) for name in CAPABILITIES] if version == (0, 9) else [])
    return Table(
        [
            ("capabilities", able),
            ("cluster_name", config.cluster_name),
            ("copyright", "Copyright (c) 2007-2022 VMware, Inc. or its affiliates."),
            ("information", "Licensed under the MPL 2.0. Website: https://rabbitmq.com"),
            ("platform", config.platform),
            ("product", "RabbitMQ"),
            ("version", config.version),
        ]
    )


def begin(session: Session, header: bytes) -> None:
    """The protocol header arrived: start, or say which protocol is spoken here and reset (CONN-04)."""
    version = PROTOCOLS.get(header)
    if version is None:
        session.write(PROTOCOL_HEADER)
        session.abort("unknown protocol")
        return
    config = session.broker.config
    session.state = "starting"
    session.send(
        Connection.Start(
            version_major=version[0],
            version_minor=version[1],
            server_properties=server_properties(config, version),
            mechanisms=" ".join(_offered(session)).encode(),
            locales=b"en_US",
        )
    )


def _offered(session: Session) -> tuple[str, ...]:
    """The mechanisms of this connection: EXTERNAL only for who showed a certificate (CONN-21)."""
    configured = session.broker.config.mechanisms
    return (*configured, EXTERNAL) if session.certified is not None else configured


@on_connection(Connection.StartOk)
def start_ok(session: Session, method: Connection.StartOk) -> None:
    """Who the client is. Malformed: silence. Wrong: a polite refusal if it understands one (CONN-15 …
    CONN-18).
    """
    session.capabilities = _capabilities(method.client_properties)
    name = method.client_properties.get("connection_name")
    session.client_name = name if isinstance(name, str) else ""
    mechanism = method.mechanism
    if mechanism not in _offered(session) or mechanism not in (*MECHANISMS, DEMO, EXTERNAL):
        session.silence("unknown mechanism")
    elif mechanism == EXTERNAL:
        _admit(session, mechanism, session.broker.users.named(session.certified or ""))
    elif mechanism == DEMO:
        session.user_claimed = method.response.decode("utf-8", "surrogateescape")
        session.state = "securing"
        session.send(Connection.Secure(CHALLENGE))
    else:
        try:
            _authenticate(session, mechanism, MECHANISMS[mechanism](method.response))
        except Malformed as error:
            session.silence(str(error))


@on_connection(Connection.SecureOk)
def secure_ok(session: Session, method: Connection.SecureOk) -> None:
    """The answer to the challenge. If it is wrong, RabbitMQ says so and looks at nothing more (CONN-20)."""
    try:
        _authenticate(session, DEMO, demo_answer(session.user_claimed, method.response))
    except Malformed as error:
        session.silence(str(error))


def _authenticate(session: Session, mechanism: str, claimed: Credentials) -> None:
    """See who it is, at once or in turn."""
    broker = session.broker
    look = partial(_look, session, mechanism, claimed)
    if not broker.users.takes_long(*claimed):
        look()
    elif not broker.guesses.add(look, broker.now):
        session.pause()


def _look(session: Session, mechanism: str, claimed: Credentials) -> bool | None:
    """Whether the password was right; None if the session has ended while it waited."""
    if session.state not in ("starting", "securing"):
        return None
    user = session.broker.users.authenticate(claimed.user, claimed.password, session.loopback)
    _admit(session, mechanism, user)
    session.go_on()
    return user is not None


def _admit(session: Session, mechanism: str, user: User | None) -> None:
    """Let the user in and offer the limits, or refuse."""
    config = session.broker.config
    if user is None:
        refusal = AccessRefused(
            f"Login was refused using authentication mechanism {mechanism}. "
            "For details see the broker logfile."
        )
        session.refuse_login(refusal, "authentication_failure_close" in session.capabilities)
        if mechanism == DEMO:
            session.silence("login refused")
        return
    session.user = user
    session.state = "tuning"
    if session.report is not None:
        session.report(events.ConnectionAuthenticated, session.connection, user.name, mechanism)
    session.send(
        Connection.Tune(
            channel_max=config.channel_max, frame_max=config.frame_max, heartbeat=config.heartbeat_s
        )
    )


def _capabilities(properties: Mapping[str, object]) -> frozenset[str]:
    """The client capabilities that are literally true (CONN-12)."""
    stated = properties.get("capabilities")
    if not isinstance(stated, Mapping):
        return frozenset()
    return frozenset(name for name in stated if stated[name] is True)


@on_connection(Connection.TuneOk)
def tune_ok(session: Session, method: Connection.TuneOk) -> None:
    """The limits agreed; values out of bounds end in silence, not in a close (CONN-25 … CONN-28)."""
    config = session.broker.config
    if not _acceptable(method.frame_max, FRAME_MIN_SIZE, config.frame_max) or not _acceptable(
        method.channel_max, MIN_CHANNEL_MAX, config.channel_max
    ):
        session.silence("limits out of bounds")
        return
    session.state = "opening"
    session.channel_max = method.channel_max
    session.frame_max = method.frame_max
    session.parser.max_payload = method.frame_max
    session.close_timeout_s = method.heartbeat
    session.heartbeats = Heartbeats(session, method.heartbeat, session.broker.now)
    if session.report is not None:
        session.report(
            events.ConnectionTuned,
            session.connection,
            method.channel_max,
            method.frame_max,
            method.heartbeat,
        )


def _acceptable(value: int, least: int, most: int) -> bool:
    """A negotiated limit: 0 is "none", allowed only where the broker offered none."""
    if value != 0 and value < least:
        return False
    return most == 0 or 0 < value <= most


@on_connection(Connection.Open)
def open_(session: Session, method: Connection.Open) -> None:
    """Enter a virtual host (CONN-30 … CONN-34)."""
    broker, user, name = session.broker, session.user, method.virtual_host
    vhost = broker.vhosts.get(name)
    if vhost is None:
        raise NotAllowed(f"vhost {name} not found")
    refused = f"access to vhost '{name}' refused for user '{user.name}'"
    limit = broker.config.vhost_max_connections.get(name)
    if limit is not None and broker.connections(vhost=name) >= limit:
        raise NotAllowed(f"{refused}: connection limit ({limit}) is reached")
    if user.max_connections is not None and broker.connections(user=user.name) >= user.max_connections:
        raise NotAllowed(
            f"connection refused for user '{user.name}': user connection limit ({user.max_connections}) "
            "is reached"
        )
    rights = broker.users.named(user.name)  # as they are now, not as they were at the login
    if rights is None or name not in rights.permissions:
        raise NotAllowed(refused)
    if name in broker.stopped:
        raise InternalError(f"{refused}: vhost '{name}' is down")
    session.user = user = rights
    session.vhost = vhost
    session.opened = True
    session.state = "running"
    session.handshake_done()
    if session.report is not None:
        session.report(events.ConnectionOpened, session.connection, user.name, name, session.client_name)
    session.send(Connection.OpenOk())


@on_connection(Connection.UpdateSecret)
def update_secret(session: Session, method: Connection.UpdateSecret) -> None:
    """With a built-in user database there is nothing to renew (CONN-23)."""
    session.send(Connection.UpdateSecretOk())


@on_connection(Connection.Close)
def close(session: Session, method: Connection.Close) -> None:
    """The client says goodbye, or says it again (CONN-55, CONN-57, CONN-59)."""
    if session.state == "closed":
        session.send(Connection.CloseOk())
    else:
        session.close_by_client(method.reply_code, method.reply_text)


@on_connection(Connection.CloseOk)
def close_ok(session: Session, method: Connection.CloseOk) -> None:
    """The answer to the broker's close: the connection ends now (CONN-58)."""
    session.finish()
