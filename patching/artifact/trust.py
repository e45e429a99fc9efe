# SPDX-License-Identifier: Apache-2.0
"""Whose signatures count: certificates of a directory, and one for development where that was allowed."""
from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from patching.artifact.errors import ArtifactRefused

KEY_BITS_MIN = 2048
CERTIFICATES_MAX = 100
SIGNATURE_BYTES_MAX = 4096
_SHA256 = Prehashed(hashes.SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate whose signatures count. ``name``: for people."""

    name: str
    key: rsa.RSAPublicKey
    not_before: datetime.datetime
    not_after: datetime.datetime
    is_development: bool = False


class Trust:
    """The signers of one moment."""

    def __init__(self, signers: Iterable[Signer], allow_development: bool = False) -> None:
        self._signers = [one for one in signers if allow_development or not one.is_development]

    def verify(self, digest: bytes, signature: bytes, now: datetime.datetime, *, pss: bool = True) -> Signer:
        """The signer of the SHA-256 ``digest``. ``pss``: also that padding; PKCS#1 v1.5 is always taken.

        ArtifactRefused: nobody whose signatures count has signed it, or only somebody whose certificate is not valid
        at ``now``.
        """
        if not self._signers:
            raise ArtifactRefused(detail="No certificate is trusted: put the signer's into the directory of trusted "
                                         "certificates.")
        expired = ""
        for one in self._signers:
            if not _is_signed(one.key, digest, signature, pss):
                continue
            if one.not_before <= now <= one.not_after:
                return one
            expired = f"{one.name} (valid from {one.not_before:%Y-%m-%d} to {one.not_after:%Y-%m-%d})"
        if expired:
            raise ArtifactRefused(detail=f"The certificate of the signature is not valid now: {expired}.")
        raise ArtifactRefused(detail="The signature is not that of a trusted certificate, or the file was changed "
                                     f"after it was signed. Trusted: {', '.join(one.name for one in self._signers)}.")


def load(directory: Path, development: Path | None = None, allow_development: bool = False) -> Trust:
    """The certificates ``*.pem`` and ``*.crt`` of a directory. ArtifactRefused names one that cannot be used."""
    files = sorted(path for path in directory.glob("*") if path.suffix in (".pem", ".crt"))
    if len(files) > CERTIFICATES_MAX:
        raise ArtifactRefused(detail=f"{directory} holds more than {CERTIFICATES_MAX} certificates.")
    found = [_signer(path, False) for path in files]
    if development is not None and allow_development and development.is_file():
        found.append(_signer(development, True))
    return Trust(found, allow_development)


def digest_of(files: Iterable[Path]) -> bytes:
    """SHA-256 of the bytes of all files, one after the other."""
    made = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                made.update(block)
    return made.digest()


def sign(digest: bytes, key: rsa.RSAPrivateKey, *, pss: bool = True) -> bytes:
    """Sign a SHA-256 digest."""
    chosen = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
    return key.sign(digest, chosen if pss else padding.PKCS1v15(), _SHA256)


def _signer(path: Path, is_development: bool) -> Signer:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactRefused(detail=f"{path} is no certificate in PEM form: {error}.") from error
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_BITS_MIN:
        raise ArtifactRefused(detail=f"{path}: the key must be an RSA key of at least {KEY_BITS_MIN} bits.")
    return Signer(f"{certificate.subject.rfc4514_string()} ({path.name})", key, certificate.not_valid_before_utc,
                  certificate.not_valid_after_utc, is_development)


def _is_signed(key: rsa.RSAPublicKey, digest: bytes, signature: bytes, pss: bool) -> bool:
    for form in ((_PSS, padding.PKCS1v15()) if pss else (padding.PKCS1v15(),)):
        try:
            key.verify(signature, digest, form, _SHA256)
        except InvalidSignature:
            continue
        return True
    return False
