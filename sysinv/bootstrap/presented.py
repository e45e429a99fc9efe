# SPDX-License-Identifier: Apache-2.0
"""Asks a running server which certificate it shows, and whether it takes the certificate of a client."""
from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from flock import tls
from flock.core.errors import DeadlineExceeded

CONNECT_S = 5.0
# A broker that takes a client sends nothing until the client has spoken.
REFUSAL_S = 0.5
# PostgreSQL's SSLRequest: length and code; the server replies with one byte.
_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"


def presented(port: int, authorities: str, certificate: str, key: str, *, postgresql: bool = False,
              address: str = "127.0.0.1", name: str = "localhost") -> bytes:
    """The certificate (PEM) of a server; OSError (also ssl.SSLError) when it shows no valid one for ``name``.

    ``certificate`` and ``key`` (files) are shown to servers that ask for them.
    """
    context = tls.client_context(authorities, certificate=certificate, key=key)
    with socket.create_connection((address, port), timeout=CONNECT_S) as plain:
        if postgresql:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                raise ConnectionError("PostgreSQL refuses TLS")
        with context.wrap_socket(plain, server_hostname=name) as secure:
            shown = secure.getpeercert(binary_form=True)
    if shown is None:
        raise ConnectionError("the server shows no certificate")
    return x509.load_der_x509_certificate(shown).public_bytes(serialization.Encoding.PEM)


def wait_presented(name: str, wanted: bytes, port: int, authorities: str, certificate: str, key: str, *,
                   postgresql: bool = False, timeout_s: float = 30.0) -> None:
    """Wait until the server shows the certificate ``wanted`` (PEM); DeadlineExceeded names the server."""
    deadline, expected = time.monotonic() + timeout_s, tls.fingerprint(wanted)
    while True:
        try:
            if tls.fingerprint(presented(port, authorities, certificate, key, postgresql=postgresql)) == expected:
                return
        except OSError:
            # It may be reloading.
            pass
        if time.monotonic() > deadline:
            raise DeadlineExceeded(what=f"the new certificate of {name} on port {port}", timeout_s=timeout_s)
        time.sleep(0.2)


def shown_by(address: str, name: str, port: int, authorities: str, certificate: str, key: str) -> str:
    """The fingerprint of the certificate that PostgreSQL on another controller shows; empty when it shows none that is
    valid here."""
    try:
        return tls.fingerprint(presented(port, authorities, certificate, key, postgresql=True, address=address,
                                         name=name))
    except OSError:
        return ""


def admits(port: int, authorities: str, certificate: str, key: str) -> bool | None:
    """Whether RabbitMQ at 127.0.0.1 takes this certificate of a client; None when it gives no clear reply."""
    context = tls.client_context(authorities, certificate=certificate, key=key)
    try:
        with (socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S) as plain,
              context.wrap_socket(plain, server_hostname="localhost") as secure):
            # With TLS 1.3 a client learns only from what it reads next whether it was let in. It must not send before:
            # the reset that answers data after a refusal would hide the refusal.
            secure.settimeout(REFUSAL_S)
            with contextlib.suppress(TimeoutError):
                secure.recv(1)
                return None
            secure.settimeout(CONNECT_S)
            secure.sendall(_AMQP_HEADER)
            return True if secure.recv(1) else None
    except ssl.SSLCertVerificationError:
        # That is this side's refusal.
        return None
    except ssl.SSLError as error:
        return False if "ALERT" in (error.reason or "") else None
    except OSError:
        return None


def wait_admits(wanted: bool, port: int, authorities: str, certificate: str, key: str, *,
                timeout_s: float = 30.0) -> None:
    """Wait until RabbitMQ takes (refuses, if not ``wanted``) a client's certificate; DeadlineExceeded."""
    deadline = time.monotonic() + timeout_s
    while admits(port, authorities, certificate, key) is not wanted:
        if time.monotonic() > deadline:
            what = "acceptance" if wanted else "refusal"
            raise DeadlineExceeded(what=f"{what} of a client's certificate by rabbitmq on port {port}",
                                   timeout_s=timeout_s)
        time.sleep(0.2)
