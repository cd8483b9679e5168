"""The real world: the broker on an event loop (`server.py`) and on an address (`listening.py`), a tap
(`tapped.py`), captures (`capture.py`).

What is here decides nothing: it carries octets between asyncio's transports and machines that know AMQP.
"""
