"""A TLS server on this machine that counts what it was sent, and names that lead to it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ANSWER = b'{"status":"ok","products":[]}'


def certificate(folder: Path, *names: str, days: tuple[int, int] = (-1, 1)) -> Path:
    """A certificate for the names that vouches for itself, and its key, in one file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)  # old TLS knows no newer kind
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{'-'.join(names)}.pem"
    pem.write_bytes(
        built.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem


@dataclass
class TlsServer:
    """`heard` is what came through after a handshake; `tried` counts connections."""

    port: int = 0
    tried: int = 0
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def serving(pem: Path, most: ssl.TLSVersion | None = None) -> Iterator[TlsServer]:
    """Answers every request like an empty shop; `most` is the newest protocol it speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if most is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = most
    server = TlsServer()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            while True:
                try:
                    raw, _ = listening.accept()
                except OSError:
                    return
                server.tried += 1
                raw.settimeout(10)
                with closing(raw):
                    try:
                        with context.wrap_socket(raw, server_side=True) as secured:
                            server.heard.append(secured.recv(65536))
                            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ANSWER)}\r\nConnection: close\r\n\r\n"
                            secured.sendall(head.encode() + ANSWER)
                    except OSError:
                        continue

        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def named(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Has the names lead to this machine, as a name service would."""
    real = socket.getaddrinfo

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host in names else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
