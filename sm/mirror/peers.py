# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end: TLS 1.3 in which both nodes prove their names with the certificates of their hosts."""
from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from flock.tls.contexts import server_context

HANDSHAKE_S = 5.0


class NotTrusted(Exception):
    """The other end has not proved that it is a node of the list; the text says why."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Trust:
    """Certificate, key and authorities of this host (``host.crt``, ``host.key``, ``ca.crt``), read at each connection,
    so that a renewal needs no restart. ``peers``: the names of the other nodes.

    The certificate of a host proves a client, which is all that OpenSSL would accept it for. Therefore the end that
    has connected verifies the other one's certificate, as that of a client, after the handshake and before it sends or
    takes anything. The handshake itself proves that the other end has the key of its certificate.
    """

    def __init__(self, directory: Path, peers: frozenset[str], now: Callable[[], datetime.datetime] = _now) -> None:
        self._certificate, self._key = directory / "host.crt", directory / "host.key"
        self._authorities, self._peers, self._now = directory / "ca.crt", peers, now

    def accept(self, sock: socket.socket) -> tuple[ssl.SSLSocket, str]:
        """The encrypted connection that another node has made, and its name. NotTrusted, also for files of this host
        that cannot be used; the socket is closed then."""
        return self._handshake(sock, True)

    def connect(self, sock: socket.socket, peer: str) -> ssl.SSLSocket:
        """Encrypt a connection that this node has made to ``peer``. NotTrusted as above, or when it is another node."""
        talk, name = self._handshake(sock, False)
        if name != peer:
            talk.close()
            raise NotTrusted(f"{name} answers where {peer} should")
        return talk

    def _handshake(self, sock: socket.socket, as_server: bool) -> tuple[ssl.SSLSocket, str]:
        talk: socket.socket = sock
        try:
            sock.settimeout(HANDSHAKE_S)
            context = self._server() if as_server else self._client()
            encrypted = talk = context.wrap_socket(sock, server_side=as_server)
            return encrypted, self._name(encrypted.getpeercert(binary_form=True))
        except (OSError, ValueError) as error:
            talk.close()
            raise NotTrusted(str(error)) from error
        except NotTrusted:
            talk.close()
            raise

    def _server(self) -> ssl.SSLContext:
        context = server_context(self._certificate, self._key, self._authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        return context

    def _client(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # OpenSSL would demand a server's certificate; _name verifies it as a host's.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(str(self._certificate), str(self._key))
        return context

    def _name(self, der: bytes | None) -> str:
        if not der:
            raise NotTrusted("the other end has no certificate")
        store = Store(x509.load_pem_x509_certificates(self._authorities.read_bytes()))
        try:
            verifier = PolicyBuilder().store(store).time(self._now()).build_client_verifier()
            proved = verifier.verify(x509.load_der_x509_certificate(der), [])
        except (VerificationError, ValueError) as error:
            raise NotTrusted(f"its certificate proves no host of this cloud: {error}") from error
        found = {str(name.value) for name in proved.subjects or () if isinstance(name, x509.DNSName)}
        if len(found & self._peers) != 1:
            raise NotTrusted(f"its certificate is for {', '.join(sorted(found)) or 'nobody'}, "
                             f"not for {' or '.join(sorted(self._peers))}")
        return (found & self._peers).pop()
