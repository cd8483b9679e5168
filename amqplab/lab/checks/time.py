"""Time: it never runs backwards, and a cause is always earlier than its effect.

Theory
------
The recorder stamps each record with the moment and the record that caused it. Records are numbered as they
come, so both rules need no more than the record before and two numbers.
"""

from __future__ import annotations

from amqplab.lab.checks.check import Check, Complaint

__all__ = ["Time"]


class Time(Check):
    """Asked about every record that any other check reads."""

    name = "time"
    sentence = "Time never runs backwards, and a cause is always earlier than its effect."

    def __init__(self) -> None:
        super().__init__()
        self._latest = 0

    def read(self, seq: int, at: int, cause: int | None) -> Complaint:
        """One record's place in time; None if all is well."""
        latest, self._latest = self._latest, at
        if at < latest:
            return f"record {seq} is at {at} ns, the one before it at {latest} ns"
        if cause is not None and cause >= seq:
            return f"record {seq} names the later record {cause} as its cause"
        return None
