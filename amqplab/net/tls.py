"""TLS: who the broker is to its clients, and who the clients are to the broker.

Theory
------
With TLS the octets of AMQP are the same; they only travel inside an encrypted connection. The broker shows a
certificate, so that a client knows whom it talks to. With an authority given, clients may (or must) show one,
too; a client that did can log in by it alone: that is the mechanism EXTERNAL (CONN-21). Its user's name is
the common name in the certificate, or the whole distinguished name, written the other way round (RFC 4514):

    C=XX, O=Example, CN=ann     common name: ann      distinguished name: CN=ann,O=Example,C=XX
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amqplab.errors import UsageError

__all__ = ["client_name", "server_context"]

SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
}


def server_context(
    certificate: Path, key: Path, authority: Path | None = None, *, require_client: bool = False
) -> ssl.SSLContext:
    """The broker's side of TLS, 1.2 or newer. Raises UsageError with one sentence for files that will not
    do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def ask() -> str:
        raise UsageError(f"{key} is encrypted; `openssl pkey` makes a key without a pass phrase of it.")

    try:
        context.load_cert_chain(certificate, key, password=ask)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"{certificate} and {key} are no certificate and key: {_reason(error)}.") from None
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(f"{authority} is no certificate authority: {_reason(error)}.") from None
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    return context


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def client_name(certificate: Mapping[str, Any] | None, login_from: str) -> str | None:
    """The user that a verified client certificate names; None if there is none."""
    if not certificate:
        return None
    parts = [pair for group in certificate.get("subject", ()) for pair in group]
    if login_from == "distinguished_name":
        return ",".join(f"{SHORT.get(kind, kind)}={value}" for kind, value in reversed(parts)) or None
    names = [value for kind, value in parts if kind == "commonName"]
    return names[-1] if names else None
