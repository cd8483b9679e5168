"""Virtual time: the clock, an asyncio event loop on it, and a network of simulated TCP links. Knows no AMQP.

Read in this order: `clock`, `loop`, `deadlock`, `segment`, `tcp` with its parts (`outgoing`,
`reassembly`, `congestion`, `round_trip`, `delayed_ack`), `transport`, `link`, `listener`, `network`.
"""
