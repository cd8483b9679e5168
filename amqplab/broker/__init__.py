"""The server's side of a conversation, as a machine of bytes and time: no socket, no clock, no file.

Read in this order: `effects` (what it asks the world to do), `states` (what is legal when, as tables),
`broker`, `session` (one per connection), `handshake`, `channel`, and then a handler of your choice:
`exchange_methods`, `queue_methods`, `publish`, `consume`, `settle`, `transaction`.
"""

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.broker.effects import Close, Effect, Persist, Reading, Room, Send, WakeAt

__all__ = [
    "Broker",
    "BrokerConfig",
    "Close",
    "Effect",
    "Permission",
    "Persist",
    "Reading",
    "Room",
    "Send",
    "User",
    "WakeAt",
]
