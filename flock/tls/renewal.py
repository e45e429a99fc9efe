# SPDX-License-Identifier: Apache-2.0
"""Replaces a key and its certificate while other programs use them.

A new pair is complete in files of its own before it takes the place of the old one, so a renewal that was interrupted
goes on with the same pair.
"""
from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from flock.core.errors import InvalidInput
from flock.exec.atomic import NEXT, replace_file, replace_kept
from flock.tls.authority import Authority, Usage
from flock.tls.identity import new_key, new_request, private_key


def reissue(authority: Authority, certificate_pem: bytes, request_pem: bytes, now: datetime.datetime) -> bytes:
    """A certificate for the key of a request, with the subject, names and purpose of an older certificate.

    InvalidInput when the older one proves neither a server nor a client.
    """
    old = x509.load_pem_x509_certificate(certificate_pem)
    try:
        purposes = list(old.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        usage = Usage(purposes[0])
    except (x509.ExtensionNotFound, ValueError, IndexError) as error:
        raise InvalidInput(field="certificate", rule="must be one of a server or of a client") from error
    subject = old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return authority.issue(request_pem, usage, str(subject[0].value) if subject else "", _names(old), now)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def fits(certificate_pem: bytes, key_pem: bytes) -> bool:
    """Whether a certificate is for that private key; False for what is no certificate or no key."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        return certificate.public_key() == private_key(key_pem).public_key()
    except (ValueError, TypeError):
        return False


@dataclass(frozen=True, slots=True)
class Pair:
    """``<name>.key`` and ``<name>.crt`` in ``directory``; the next ones have the suffix ``.next``."""

    directory: Path
    name: str

    @property
    def key(self) -> Path:
        """The private key in use."""
        return self.directory / f"{self.name}.key"

    @property
    def certificate(self) -> Path:
        """The certificate in use."""
        return self.directory / f"{self.name}.crt"

    @property
    def next_certificate(self) -> Path:
        """The certificate that takes the place of the one in use."""
        return self.directory / f"{self.name}.crt{NEXT}"

    @property
    def _next_key(self) -> Path:
        return self.directory / f"{self.name}.key{NEXT}"

    @property
    def asked(self) -> bool:
        """Whether there is a next key, so that a renewal has begun and not ended."""
        return self._next_key.exists()

    def next_request(self, common_name: str) -> bytes:
        """The request (PEM) for the next key, which is made unless an interrupted renewal has left one."""
        try:
            return new_request(self._next_key.read_bytes(), common_name)
        except (FileNotFoundError, ValueError):
            key = new_key()
            replace_file(self._next_key, key, 0o600)
            return new_request(key, common_name)

    def stage(self, certificate_pem: bytes) -> None:
        """Store the certificate of the next key; InvalidInput when it is for another key."""
        if not self._next_key.exists() or not fits(certificate_pem, self._next_key.read_bytes()):
            raise InvalidInput(field="certificate", rule=f"must be for the key that {self.name} asks with")
        replace_file(self.next_certificate, certificate_pem, 0o644)

    def install(self) -> bool:
        """Put the next pair in the place of the one in use, which it resembles in owner, group and permission bits.

        False when there is no complete next pair. May be repeated after an interruption at any point.
        """
        try:
            certificate = self.next_certificate.read_bytes()
        except FileNotFoundError:
            return False
        try:
            key = self._next_key.read_bytes()
        except FileNotFoundError:
            # Interrupted after the last key was removed: the pair is in place already.
            key = self.key.read_bytes()
        if not fits(certificate, key):
            self.next_certificate.unlink()
            return False
        replace_kept(self.key, key, 0o600)
        replace_kept(self.certificate, certificate, 0o644)
        self._next_key.unlink(missing_ok=True)
        self.next_certificate.unlink()
        return True
