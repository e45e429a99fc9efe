# SPDX-License-Identifier: Apache-2.0
"""Data sealed for the holder of one private key (HPKE, RFC 9180: P-256, HKDF-SHA-256, AES-256-GCM), for one purpose."""
from __future__ import annotations

import base64
import binascii
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from flock.core.errors import Forbidden
from flock.tls.identity import private_key

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealBroken(Forbidden):
    """Sealed data is for another key or another purpose, or was changed."""

    code: ClassVar[str] = "flock.tls.seal_broken"
    text: ClassVar[str] = "The sealed data is not for this host, or it was changed on its way."


def seal_for(key: ec.EllipticCurvePublicKey, data: bytes, purpose: str) -> str:
    """``data`` as base64 text that only the holder of the private key opens, with the same ``purpose``."""
    return base64.b64encode(_SUITE.encrypt(data, key, purpose.encode())).decode("ascii")


def open_sealed(key_pem: bytes, sealed: str, purpose: str) -> bytes:
    """The data of ``sealed``; SealBroken when it was sealed for another key or purpose, or changed."""
    try:
        return _SUITE.decrypt(base64.b64decode(sealed, validate=True), private_key(key_pem), purpose.encode())
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise SealBroken() from error
