# SPDX-License-Identifier: Apache-2.0
"""``ssl`` contexts of clients and servers: TLS 1.2 or newer, this cloud's authorities only, names always verified."""
from __future__ import annotations

import ssl
from pathlib import Path


def client_context(authorities: str | Path | None = None, *, authorities_pem: str | None = None,
                   certificate: str | Path | None = None, key: str | Path | None = None) -> ssl.SSLContext:
    """A context that trusts only ``authorities`` (a file) or ``authorities_pem``, and verifies the server's name.

    ``certificate`` and ``key`` (files) identify the client to servers that ask for it. Raises ValueError without
    authorities, OSError (ssl.SSLError) when a file cannot be used.
    """
    if authorities is None and not authorities_pem:
        raise ValueError("authorities must be given")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=None if authorities is None else str(authorities), cadata=authorities_pem)
    if certificate is not None:
        context.load_cert_chain(str(certificate), None if key is None else str(key))
    return context


def server_context(certificate: str | Path, key: str | Path,
                   client_authorities: str | Path | None = None) -> ssl.SSLContext:
    """A context of a server; with ``client_authorities`` (a file), clients must have a certificate of these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(certificate), str(key))
    if client_authorities is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=str(client_authorities))
    return context
