"""Every kind of thing that can happen, as a frozen dataclass, declared once.

Theory
------
This is the vocabulary of the whole laboratory. The link reports segments, the tap reports frames and
commands, the broker reports what it did with messages, the lab reports programs and interventions. Losses,
drops and non-matches are events too: a learner has to be able to see why nothing happened.

There is one file a chapter. With its fields stands all that any picture needs to know of an event
(:mod:`amqplab.trace.events.declaring`): how big a step it is, its short label, its mark on the time line, how
long a film stays with it. Only its sentence stands elsewhere, in :mod:`amqplab.trace.narrate`.

Conventions
* ``connection`` is the client's end of a TCP connection, ``"host:port"``; unique for the life of a run.
* ``message`` is the broker's own number for one published message, from 1; all its copies share it.
* times are integer nanoseconds, sizes are octets, names end in their unit where they have one.
* fields hold only values that print the same everywhere: str, int, bool, bytes, None and tuples of these.

Events are built lazily (see :mod:`amqplab.trace.recorder`): positional order of the fields is the contract.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import ABOUT as ABOUT
from amqplab.trace.events.declaring import CHAPTERS as CHAPTERS
from amqplab.trace.events.declaring import MARKS as MARKS
from amqplab.trace.events.declaring import About as About
from amqplab.trace.events.declaring import Event as Event
from amqplab.trace.events.declaring import as_json as as_json
from amqplab.trace.events.disk import *  # noqa: F403
from amqplab.trace.events.lab import *  # noqa: F403
from amqplab.trace.events.link import *  # noqa: F403
from amqplab.trace.events.message import *  # noqa: F403
from amqplab.trace.events.session import *  # noqa: F403
from amqplab.trace.events.topology import *  # noqa: F403
from amqplab.trace.events.wire import *  # noqa: F403
