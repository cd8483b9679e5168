"""The AMQ model: messages, exchanges, bindings, queues, and the rules between them.

It knows nothing of frames, channels, sockets or clocks. Read in this order: `message` (a message and its
copies), `exchange` with `topic` and `headers` (which bindings match), `routing` (from an address to queues),
`queue` with `consumer` (order, turns, windows), `ledger` (what a client holds), `vhost` (the world they live
in).
"""
