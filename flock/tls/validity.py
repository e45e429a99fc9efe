# SPDX-License-Identifier: Apache-2.0
"""When certificates end, and when they are due to be replaced. Pure."""
from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509

# Replaced when less than this part of their life is left.
DUE_PART = 4


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Begin and end of a certificate, both aware."""

    begin: datetime.datetime
    end: datetime.datetime


def lifetime(certificate_pem: bytes) -> Lifetime:
    """The lifetime of the first certificate in ``certificate_pem``; ValueError when there is none."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return Lifetime(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def due(life: Lifetime, now: datetime.datetime) -> bool:
    """Whether a certificate should be replaced: less than a quarter of its life is left, or it is not valid yet."""
    return now < life.begin or life.end - now < (life.end - life.begin) / DUE_PART
