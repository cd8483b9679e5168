"""How fast amqplab is, always beside a named peer, in the same run, in turn.

Absolute figures belong to a machine on a day; the ratio of two medians measured in turn belongs to the
code. Each module here has one function ``run() -> list[Row]``; ``python -m bench`` runs them all and prints
one table.
"""
