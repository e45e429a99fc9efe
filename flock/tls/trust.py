# SPDX-License-Identifier: Apache-2.0
"""The authorities that a host trusts: one file with one or, while the authority is replaced, two certificates. Pure."""
from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from flock.core.errors import InvalidInput
from flock.tls.identity import fingerprint, subject

TRUSTED_BYTES_MAX = 65536


def split(trusted_pem: bytes) -> list[bytes]:
    """Each certificate in ``trusted_pem`` (PEM), in order; ValueError when there is none or one is damaged."""
    return [each.public_bytes(Encoding.PEM) for each in x509.load_pem_x509_certificates(trusted_pem)]


def joined(*certificates_pem: bytes) -> bytes:
    """One file of these certificates, each once."""
    return b"".join(dict.fromkeys(each for pem in certificates_pem for each in split(pem)))


def issuer_of(certificate_pem: bytes, trusted_pem: bytes) -> bytes | None:
    """The certificate of the authority in ``trusted_pem`` that signed a certificate; None when none of them did.

    Does not look at times. ValueError for what is no certificate.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    for pem in split(trusted_pem):
        try:
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(pem))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return pem
    return None


def certified_key(certificate_pem: bytes, trusted_pem: bytes, common_name: str) -> ec.EllipticCurvePublicKey:
    """The public key of ``common_name``'s certificate, which one of the trusted authorities signed.

    Does not look at times. InvalidInput for the certificate of another, of another authority, or with another kind of
    key.
    """
    try:
        if len(certificate_pem) > TRUSTED_BYTES_MAX or issuer_of(certificate_pem, trusted_pem) is None:
            raise ValueError("not signed by the authority of this system")
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        if certificate.subject != subject(common_name):
            raise ValueError("of another host")
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("with another kind of key")
    except ValueError as error:
        rule = f"must be the certificate of {common_name}: {error}"
        raise InvalidInput(field="certificate_pem", rule=rule) from error
    return key


def trust_word(trusted_pem: bytes, signer_pem: bytes | None) -> str:
    """64 hex digits, equal for the same trusted authorities (in any order) and the same one of them that signs."""
    known = sorted(fingerprint(pem) for pem in split(trusted_pem))
    signer = "none" if signer_pem is None else fingerprint(signer_pem)
    return hashlib.sha256(" ".join([signer, *known]).encode()).hexdigest()


def word_of(trusted_pem: str, certificate_pem: str) -> str:
    """``trust_word`` of a host: from the authorities that it trusts, and its certificate. InvalidInput for others."""
    if len(trusted_pem) > TRUSTED_BYTES_MAX or len(certificate_pem) > TRUSTED_BYTES_MAX:
        raise InvalidInput(field="authorities", rule=f"must not be longer than {TRUSTED_BYTES_MAX} bytes")
    try:
        trusted = trusted_pem.encode()
        return trust_word(trusted, issuer_of(certificate_pem.encode(), trusted))
    except ValueError as error:
        raise InvalidInput(field="authorities", rule="must be certificates in PEM form") from error
