"""An address of this machine that is not loopback."""

from __future__ import annotations

import socket

from needs import missing

__all__ = ["own_address"]

ANYWHERE = ("192.0.2.1", 9)  # nobody has it (RFC 5737)


def own_address() -> str:
    """What a connection to elsewhere would come from; nothing is sent to find that out. Skips the test when
    there is none. Talk between this machine and its own address does not leave it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ANYWHERE)
        except OSError:
            missing("this machine has no address besides loopback; guest is refused only from elsewhere")
        return str(probe.getsockname()[0])
