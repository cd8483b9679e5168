"""Passwords: kept as something from which they cannot be read back.

Theory
------
Whoever reads a configuration file should not learn the passwords in it. So what is kept is not the password
but a *hash*, which is easy to compute from the password and not back. Two more things matter:

* A random **salt** in each hash, so that equal passwords look different and no table of hashes helps.
* A function that is slow and needs much **memory** (scrypt, RFC 7914), so that guessing millions of passwords
  costs somebody with much hardware something, too. Here 16 MiB and some 50 ms for each guess.

    scrypt$16384$8$1$<salt>$<hash>       cost, block size, parallelism; salt and hash in base64

Comparing takes the same time wherever the difference is, so that the time tells nothing. A password without
this form is plain text, which is handy in tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from amqplab.errors import UsageError

__all__ = ["check_hash", "hash_password", "is_hash", "matches", "takes_long"]

PREFIX = "scrypt$"
COST, BLOCK, PARALLEL = 16384, 8, 1
HASH_OCTETS = 32
MOST_MEMORY = 1 << 27  # octets: what one look at a password may take, whatever the file says

_known: dict[str, bytes] = {}
"""Hash → a digest of the password that matched it: clients come back, and each time costs 50 ms otherwise."""


def hash_password(password: str, salt: bytes) -> str:
    """The text to keep for a password; `salt` is 16 random octets."""
    parts = (str(COST), str(BLOCK), str(PARALLEL), _base64(salt), _base64(_scrypt(password, salt)))
    return PREFIX + "$".join(parts)


def is_hash(kept: str) -> bool:
    """Whether this is a hash, rather than a password in plain text."""
    return kept.startswith(PREFIX)


def check_hash(kept: str) -> None:
    """Raise UsageError for a hash that no password could match."""
    _parts(kept)


def takes_long(kept: str, password: str) -> bool:
    """Whether :func:`matches` has to compute a hash to tell."""
    return is_hash(kept) and not _is_known(kept, _digest(kept, password))


def matches(kept: str, password: str) -> bool:
    """Whether this is the password that `kept` stands for."""
    if not is_hash(kept):
        return hmac.compare_digest(kept.encode(), password.encode("utf-8", "surrogateescape"))
    digest = _digest(kept, password)
    if _is_known(kept, digest):
        return True
    cost, block, parallel, salt, wanted = _parts(kept)
    if not hmac.compare_digest(_scrypt(password, salt, cost, block, parallel), wanted):
        return False
    _known[kept] = digest
    return True


def _digest(kept: str, password: str) -> bytes:
    return hashlib.sha256(kept.encode() + password.encode("utf-8", "surrogateescape")).digest()


def _is_known(kept: str, digest: bytes) -> bool:
    known = _known.get(kept)
    return known is not None and hmac.compare_digest(known, digest)


def _scrypt(
    password: str, salt: bytes, cost: int = COST, block: int = BLOCK, parallel: int = PARALLEL
) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogateescape"),
        salt=salt,
        n=cost,
        r=block,
        p=parallel,
        maxmem=MOST_MEMORY,
        dklen=HASH_OCTETS,
    )


def _parts(kept: str) -> tuple[int, int, int, bytes, bytes]:
    try:
        _, cost, block, parallel, salt, wanted = kept.split("$")
        numbers = (int(cost), int(block), int(parallel))
        octets = (base64.b64decode(salt, validate=True), base64.b64decode(wanted, validate=True))
        hashlib.scrypt(b"", salt=octets[0], n=numbers[0], r=numbers[1], p=numbers[2], maxmem=MOST_MEMORY)
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(
            f"{kept[:20]!r}… is no password hash ({error}); `python -m amqplab passwd` makes one."
        ) from None
    return (*numbers, *octets)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
