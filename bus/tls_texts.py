"""The texts about a failed TLS handshake with Redis: what is wrong and what to do."""

import re
from typing import Final

#: How Python words a failed handshake: the reason and, of a refused certificate, its fault.
_FAILED: Final = re.compile(r"\[\w+: (\w+)\]([^\[\]]*?)(?: \(_ssl\.c:\d+\)|$)", re.MULTILINE)
#: Faults of a certificate, by a part of OpenSSL's words, and the remedy.
_FAULTS: Final = (
    ("has expired", "its certificate has expired: renew it on the server"),
    ("not yet valid", "its certificate is not valid yet: compare the clocks of both machines"),
    (
        "mismatch",
        (
            "its certificate is for another host: name a host in REDIS_URL that the certificate"
            " names, or issue one for this host"
        ),
    ),
)
_NOT_TRUSTED: Final = (
    "its certificate is not from a CA that is trusted here: name the file of its CA in"
    " REDIS_URL (?ssl_ca_certs=/path/ca.pem)"
)
#: The faults of a CA that is not known: also "self-signed", and "unable to verify the first".
_UNKNOWN_ISSUER: Final = ("issuer", "self-signed", "self signed", "first certificate")
NO_TLS: Final = (
    "its port does not speak TLS: name the port that does, or write redis:// in REDIS_URL"
)


def handshake_text(text: str) -> str | None:
    """Say why a handshake failed, from the text of an error; None if it is about none. Pure."""
    found = _FAILED.search(text)
    if found is None:
        return None
    reason, said = found[1], found[2].strip(" .").rpartition("verify failed: ")[2]
    if any(word in said for word in _UNKNOWN_ISSUER):
        return _NOT_TRUSTED
    for word, why in _FAULTS:
        if word in said:
            return why
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return NO_TLS
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return (
            "it refused our side of the TLS handshake: if it asks for a certificate, name yours in"
            " REDIS_URL (?ssl_certfile=/path/ours.pem&ssl_keyfile=/path/ours.key)"
        )
    return f"the TLS handshake failed: {said or reason.lower().replace('_', ' ')}"
