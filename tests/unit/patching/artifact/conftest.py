# SPDX-License-Identifier: Apache-2.0
"""Signers, and patches that they have made."""
from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from patching.artifact import build, trust
from patching.artifact.metadata import Metadata
from patching.artifact.trust import Trust
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """A signer with a key, and the file of its certificate."""

    def __init__(self, name: str, folder: Path, days: int = 365) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                       .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                       .not_valid_before(NOW - 30 * DAY).not_valid_after(NOW + days * DAY)
                       .sign(self.key, hashes.SHA256()))
        folder.mkdir(exist_ok=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority("maker", tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority("stranger", tmp_path_factory.mktemp("strange"))


@pytest.fixture(scope="session")
def trusted(maker: Authority) -> Trust:
    return trust.load(maker.file.parent)


def described(text: str = "10.0.1", **fields: Any) -> Metadata:
    return Metadata(f"starlingx-{text}", Version.parse(text), "starlingx", **{
        "summary": "Fix for fm-api", "status": ReleaseStatus.RELEASED, "reboot_required": False,
        "packages": ("fm-api_1.0-2_all.deb",), **fields})


def a_patch(folder: Path, key: rsa.RSAPrivateKey, metadata: Metadata | None = None, **more: Any) -> Path:
    (folder / "content").mkdir(exist_ok=True)
    package = folder / "content" / "fm-api_1.0-2_all.deb"
    package.write_bytes(b"!<arch>\nnot really\n" * 100)
    hook = folder / "content" / "hook.sh"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    if metadata is None:
        metadata = described(hooks={"post_install": "post-install.sh"})
        more.setdefault("hooks", {"post_install": hook})
    return build.build(metadata, {package.name: package}, folder, key, **more)
