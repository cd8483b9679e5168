"""amqplab: a complete AMQP 0-9-1 broker and client, in virtual time and on real sockets.

The house has floors; each may import the floors above it in this list and never one below:

    wire    bytes <-> values: frames, methods, field tables, the dissector
    trace   what happened: typed events, the recorder, and pure readers of the record
    model   the AMQ model: messages, exchanges, bindings, queues, prefetch windows
    broker  the server's side of a conversation (no sockets, no clocks)
    client  the client's side: one protocol machine, an async face and a blocking face
    sim     virtual time: the clock, an asyncio event loop on it, simulated TCP links
    net     the real world: asyncio adapters, TLS, a recording tap
    stage   the view of a recording: texts and tables, the widget, static pictures, plots
    lab     what a lesson touches: Lab, programs, faults, checks

`errors`, one class per reply code, is open to all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amqplab.lab import Lab
    from amqplab.stage.recording import Recording

__all__ = ["Lab", "Recording", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`from amqplab import Lab` opens the lab's floor only when asked, so the core stays light."""
    if name == "Recording":
        from amqplab.stage.recording import Recording

        return Recording
    if name == "Lab":
        from amqplab.lab import Lab

        return Lab
    raise AttributeError(f"module 'amqplab' has no attribute {name!r}")
