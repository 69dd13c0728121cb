"""SCRAM verifiers: what Postgres stores of a password, so that no statement holds the password."""

import base64
import hashlib
import hmac
import secrets

#: The default of Postgres, and the fewest that clients accept.
ITERATIONS = 4_096


def verifier(password: str) -> str:
    """Return the SCRAM verifier of a password: Postgres stores it, and never sees the password."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    keys = hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored, server = (base64.b64encode(one).decode() for one in (salt, *keys))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt_text}${stored}:{server}"
