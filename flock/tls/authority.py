# SPDX-License-Identifier: Apache-2.0
"""The cloud's certificate authority: makes itself, and issues certificates for keys that it never sees."""
from __future__ import annotations

import datetime
import enum
import ipaddress
import re
from collections.abc import Iterable
from typing import ClassVar, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from flock.core.errors import InvalidInput
from flock.tls.identity import new_key, private_key, subject
from flock.tls.trust import split

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 730
# Clocks of new hosts may be slow; a certificate from the future would be refused there.
BACKDATED = datetime.timedelta(days=1)
REQUEST_BYTES_MAX = 8192
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,8}")


class BadRequest(InvalidInput):
    """A certificate request that cannot be used."""

    code: ClassVar[str] = "flock.tls.bad_request"


class Usage(enum.Enum):
    """What a certificate proves: the name of a server, or the identity of a client. No certificate does both."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


def request_key(request_pem: bytes | str) -> ec.EllipticCurvePublicKey:
    """The public key of a certificate request, whose sender has proved that it holds the private key.

    Raises BadRequest for text that is too long, no request, not signed with its own key, or not a P-256 key.
    """
    data = request_pem.encode() if isinstance(request_pem, str) else request_pem
    if len(data) > REQUEST_BYTES_MAX:
        raise BadRequest(field="csr", rule=f"must not be longer than {REQUEST_BYTES_MAX} bytes")
    try:
        request = x509.load_pem_x509_csr(data)
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature) as error:
        raise BadRequest(field="csr", rule="must be a certificate request in PEM form") from error
    except UnsupportedAlgorithm as error:
        raise BadRequest(field="csr", rule="must use an algorithm that is known here") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRequest(field="csr", rule="must hold a P-256 key")
    if not signed:
        raise BadRequest(field="csr", rule="must be signed with the key that it holds")
    return key


class Authority:
    """Certificate and private key of one authority, out of the certificates of all authorities that are trusted.

    ``certificate_pem`` is its own certificate, ``trusted_pem`` all of them. InvalidInput when none is for the key,
    ValueError for what is no certificate or no key.
    """

    def __init__(self, trusted_pem: bytes, key_pem: bytes) -> None:
        self._key = private_key(key_pem)
        own = self._key.public_key()
        # The key alone says which one signs, so replacing one file changes the authority that signs.
        found = [pem for pem in split(trusted_pem) if x509.load_pem_x509_certificate(pem).public_key() == own]
        if not found:
            raise InvalidInput(field="ca.key", rule="must be the key of ca.crt")
        self._certificate = x509.load_pem_x509_certificate(found[0])
        self.certificate_pem = found[0]
        self.trusted_pem = trusted_pem
        self.key_pem = key_pem

    @property
    def name(self) -> str:
        """The common name of its subject."""
        found = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""

    @classmethod
    def create(cls, name: str, now: datetime.datetime) -> Self:
        """A new authority with a new key, valid for ``AUTHORITY_DAYS``. ``now`` is aware."""
        key_pem = new_key()
        key = private_key(key_pem)
        usage = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                              data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                              encipher_only=False, decipher_only=False)
        certificate = (
            x509.CertificateBuilder().subject_name(subject(name)).issuer_name(subject(name))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED).not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256()))
        return cls(certificate.public_bytes(serialization.Encoding.PEM), key_pem)

    def issue(self, request_pem: bytes | str, usage: Usage, common_name: str, alternatives: Iterable[str],
              now: datetime.datetime, days: int = CERTIFICATE_DAYS) -> bytes:
        """A certificate (PEM) for the key of a request.

        ``alternatives`` are host names and addresses (SAN). They and ``common_name`` come from the caller, who knows
        them from its records; what the request says about names is ignored. ``now`` is aware. The certificate ends
        with the authority's at the latest.
        """
        key = request_key(request_pem)
        signing = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                                data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
                                encipher_only=False, decipher_only=False)
        own_id = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        end = min(now + datetime.timedelta(days=days), self._certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject(common_name)).issuer_name(self._certificate.subject)
            .public_key(key).serial_number(x509.random_serial_number())
            .not_valid_before(max(now - BACKDATED, self._certificate.not_valid_before_utc)).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(signing, critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage.value]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False))
        names = [_general_name(each) for each in dict.fromkeys(alternatives)]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise InvalidInput(field="alternatives", rule=f"{text[:64]!a} must be an address or a host name")
    return x509.DNSName(text)
