"""A private certificate authority, and a front that speaks TLS for a server that does not.

The programs in the wheels are built without TLS, so a front ends it before them, as stunnel or a
cloud's load balancer does. For Postgres it answers the request for TLS that comes first.
"""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

#: How a client of Postgres asks for TLS before anything else: eight bytes, of length and code.
SSL_REQUEST: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
CHUNK_BYTES: Final = 65_536


class Certificate(NamedTuple):
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


class Authority:
    """A private CA in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.certificate = self.folder / "ca.pem"
        self._key = self.folder / "ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(self._key), "-out", str(self.certificate), "-days", "30"),
            *("-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE"),
        )

    def issue(self, *names: str, days: int = 30) -> Certificate:
        """Issue a certificate for these names or addresses; one of -1 days has expired."""
        stem = self.folder / f"{names[0]}{days}.any"
        made = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        kinds = ["IP" if name.replace(".", "").isdigit() else "DNS" for name in names]
        alternatives = ",".join(f"{kind}:{name}" for kind, name in zip(kinds, names, strict=True))
        extensions.write_text(f"subjectAltName={alternatives}\n")
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(made.key), "-out", str(request), "-subj", f"/CN={names[0]}"),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate)),
            *("-CAkey", str(self._key), "-CAcreateserial", "-out", str(made.certificate)),
            *("-days", str(days), "-extfile", str(extensions)),
        )
        return made


@contextlib.asynccontextmanager
async def tls_front(port: int, shown: Certificate, *, postgres: bool = False) -> AsyncIterator[int]:
    """Speak TLS for the server at this port of loopback. Yields the port of the front."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            if postgres:
                if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                    writer.close()  # no way in without TLS
                    return
                writer.write(b"S")
                await writer.start_tls(context)
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
            ways = [_pass(reader, behind_writer), _pass(behind_reader, writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            behind_writer.close()
        writer.close()

    front = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if postgres else context)
    try:
        yield int(front.sockets[0].getsockname()[1])
    finally:
        front.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
