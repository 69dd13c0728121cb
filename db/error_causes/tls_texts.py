"""The texts about TLS to Postgres: what is wrong and what to do."""

import re
from typing import Final

#: How Python words a failed handshake: the reason and, of a refused certificate, its fault.
_FAILED: Final = re.compile(r"\[\w+: (\w+)\]([^\[\]]*?)(?: \(_ssl\.c:\d+\)|$)", re.MULTILINE)
#: The words of OpenSSL for a certificate whose CA is not among ours.
_UNKNOWN_ISSUER: Final = ("issuer", "self-signed", "self signed", "first certificate")
_FAULTS: Final = (
    ("has expired", "its certificate has expired: renew it on the server"),
    ("not yet valid", "its certificate is not valid yet: compare the clocks of both machines"),
    (
        "mismatch",
        (
            "its certificate is for another host: name a host in its address that the certificate"
            " names, or issue one for this host"
        ),
    ),
)
_NOT_TRUSTED: Final = (
    "its certificate is not from a CA that is trusted here: name the file of its CA in its"
    " address (&sslrootcert=/path/ca.pem)"
)
#: asyncpg's words for a Postgres that answered "no" to the request for TLS.
_NO_TLS_SAID: Final = "rejected SSL upgrade"
NO_TLS: Final = (
    "it does not speak TLS: set ssl = on there, or leave sslmode out of its address where the"
    " network is trusted"
)
#: Postgres's words for a login that its pg_hba.conf admits by TLS only.
_TLS_ONLY_SAID: Final = "no encryption"
TLS_ONLY: Final = "; if it asks for TLS, write sslmode=verify-full in its address"
#: asyncpg's words for a mode that needs a file of the CA, which it did not find.
_NO_CA_SAID: Final = "root certificate file"
NO_CA: Final = (
    "sslmode=verify-full and verify-ca need the file of the CA: add &sslrootcert=/path/ca.pem"
)


def tls_text(text: str) -> str | None:
    """Say what an error about TLS means; None if it is about something else. Pure."""
    if _NO_TLS_SAID in text:
        return NO_TLS
    found = _FAILED.search(text)
    if found is None:
        return None
    reason, said = found[1], found[2].strip(" .").rpartition("verify failed: ")[2]
    if any(word in said for word in _UNKNOWN_ISSUER):
        return _NOT_TRUSTED
    for word, why in _FAULTS:
        if word in said:
            return why
    return f"the TLS handshake failed: {said or reason.lower().replace('_', ' ')}"


def with_tls_hint(text: str) -> str:
    """Complete Postgres's text about a login that it admits by TLS only. Pure."""
    return text + TLS_ONLY if _TLS_ONLY_SAID in text else text


def is_about_missing_ca(error: Exception) -> bool:
    """Tell whether asyncpg found no CA for a mode that verifies the server. Pure."""
    return _NO_CA_SAID in str(error)
