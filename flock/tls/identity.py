# SPDX-License-Identifier: Apache-2.0
"""Keys and certificate requests: made on the host that uses the key, which never leaves it."""
from __future__ import annotations

import base64
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

COMMON_NAME_MAX = 64


def new_key() -> bytes:
    """A new P-256 private key as PKCS #8 PEM, not encrypted."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def private_key(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    """The private key of ``key_pem``; ValueError when it is not a P-256 key."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the private key must be a P-256 key")
    return key


def new_request(key_pem: bytes, common_name: str) -> bytes:
    """A certificate request (PEM) signed with ``key_pem``. The authority takes only the public key from it."""
    request = x509.CertificateSigningRequestBuilder().subject_name(subject(common_name))
    return request.sign(private_key(key_pem), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def subject(common_name: str) -> x509.Name:
    """The subject of a certificate; its common name is cut to what X.509 allows."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:COMMON_NAME_MAX])])


def public_fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 (hex) of a public key's SubjectPublicKeyInfo."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def as_word(certificate_pem: bytes) -> str:
    """The first certificate as one word (base64 of its DER form), for a kernel command line."""
    der = x509.load_pem_x509_certificate(certificate_pem).public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode("ascii")


def from_word(word: str) -> str:
    """The certificate (PEM text) of ``as_word``; ValueError when the word is no certificate."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(word, validate=True))
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 (hex) of the first certificate in ``certificate_pem``."""
    return x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256()).hex()
