# SPDX-License-Identifier: Apache-2.0
"""Issues the certificate of a host with the cloud's authority: a client's, whose names come from the database."""
from __future__ import annotations

import datetime
from pathlib import Path

from flock import tls
from flock.core.errors import InvalidInput, Unavailable
from sysinv.contract.records import IssuedCertificate


def issue_for_host(directory: Path, hostname: str, request_pem: str, now: datetime.datetime) -> IssuedCertificate:
    """The certificate for the key of ``request_pem``; BadRequest, Unavailable when the authority cannot be read.

    ``directory`` holds the authority's ca.crt and ca.key.
    """
    authority = signing_authority(directory)
    issued = authority.issue(request_pem, tls.Usage.CLIENT, hostname, [hostname], now.astimezone(datetime.UTC))
    return IssuedCertificate(issued.decode("ascii"), authority.trusted_pem.decode("ascii"))


def signing_authority(directory: Path) -> tls.Authority:
    """The authority that signs now, with all that are trusted; Unavailable when it cannot be read."""
    try:
        return tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    except (OSError, ValueError, InvalidInput) as error:
        raise Unavailable(service="certificate authority", reason=f"it cannot be read: {error}") from error


def wanted_trust(directory: Path) -> str:
    """``tls.trust_word`` of a host that trusts what it should, with a certificate of the authority that signs now."""
    authority = signing_authority(directory)
    return tls.trust_word(authority.trusted_pem, authority.certificate_pem)
