"""Octets and values of AMQP 0-9-1, as RabbitMQ speaks it. Nothing here knows what a method *means*.

Read in this order: `domains`, `table`, `methods`, `properties`, `frames`, `parser`, `content`, `dissect`.
"""
