# SPDX-License-Identifier: Apache-2.0
"""What makers of patches do: build, inspect and change them, and make keys for development."""
from __future__ import annotations

import datetime
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from flock.core.errors import InvalidInput
from flock.core.records import replace
from flock.exec.atomic import replace_file
from patching.artifact import build, isofile, patchfile, trust
from patching.artifact.metadata import Metadata
from patching.artifact.patchfile import EXTRA, HOOK_FILES, MANIFEST, MANIFEST_SIGNATURE, SEMANTICS, PatchFile
from patching.artifact.trust import Trust
from patching.backends import ostree
from patching.backends.formats import FORMATS, of_files
from patching.backends.interface import Item

KEY_BITS = 3072
PREVIOUS = "previous"
_MADE = frozenset({"metadata.tar", "software.tar", EXTRA, SEMANTICS, *HOOK_FILES.values(), MANIFEST, MANIFEST_SIGNATURE,
                   patchfile.SIGNATURE_V2, patchfile.CHECKSUM})


@dataclass(frozen=True, slots=True)
class Parts:
    """Files of a patch. ``previous``: what hosts return to without the patch. ``hooks``: by ``pre_start`` and so on.
    ``activation``: scripts ``NN-name``. ``restart``: scripts that restart services."""

    packages: Sequence[Path]
    previous: Sequence[Path] = ()
    hooks: Mapping[str, Path] = field(default_factory=dict)
    activation: Sequence[Path] = ()
    restart: Sequence[Path] = ()


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """The RSA key of a PEM file. InvalidInput: it holds none, or one with a password."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(field="key", rule=f"{path} must be a private key in PEM form without a password: "
                                             f"{error}") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < trust.KEY_BITS_MIN:
        raise InvalidInput(field="key", rule=f"{path} must be an RSA key of at least {trust.KEY_BITS_MIN} bits")
    return key


def make(metadata: Metadata, parts: Parts, key: rsa.RSAPrivateKey, target: Path) -> Path:
    """Write the patch into the directory ``target`` and return its path. The names of packages, hooks and scripts in
    ``metadata`` are replaced by those of ``parts``.

    BackendFailed: a file is no package, or several kinds are mixed; InvalidInput, ArtifactRefused: a rule of patches.
    """
    software = _named("", parts.packages) | _named(f"{PREVIOUS}/", parts.previous)
    return build.build(_described(metadata, parts), software, target, key, hooks=parts.hooks,
                       extra=_named("", parts.activation) or None, others=_named("", parts.restart))


def make_release(metadata: Metadata, parts: Parts, supported_from: Sequence[str], key: rsa.RSAPrivateKey,
                 target: Path) -> tuple[Path, Path]:
    """Write a major release and its signature into the directory ``target`` and return both paths; see ``make``.

    ``supported_from``: versions ``MM.mm`` of which a system can come to it.
    """
    if parts.restart:
        raise InvalidInput(field="files", rule="of a major release must not be restart scripts; hosts boot into it")
    software = _named("", parts.packages) | _named(f"{PREVIOUS}/", parts.previous)
    return isofile.build(_described(metadata, parts), tuple(supported_from), software, target, key,
                         hooks=parts.hooks, extra=_named("", parts.activation))


def _described(metadata: Metadata, parts: Parts) -> Metadata:
    """With the names of the files, all of which must be packages of one kind, and different ones."""
    form = FORMATS[of_files([path.name for path in (*parts.packages, *parts.previous)], metadata.id)]
    for files in (parts.packages, parts.previous):
        names = Counter(form.describe(path).name for path in files)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise InvalidInput(field="files", rule=f"must not hold several versions of {', '.join(twice[:10])}")
    return replace(metadata, packages=tuple(path.name for path in parts.packages),
                   hooks={hook: HOOK_FILES[hook] for hook in parts.hooks},
                   activation_scripts=tuple(sorted(path.name for path in parts.activation)))


def make_delta(repo: Path, commit: str, base: str, target: Path) -> Path:
    """Write the package file of an OSTree commit; ``base``: the commit that hosts have, or empty."""
    return ostree.make_delta(repo, commit, base, target)


def opened(path: Path, into: Path, trusted: Trust) -> PatchFile:
    """Unpack a patch below the empty directory ``into``. ArtifactRefused: its signature does not count."""
    return patchfile.read(path, path.name, into, trusted, datetime.datetime.now(datetime.UTC))


def inspect(path: Path, trusted: Trust) -> dict[str, Any]:
    """What a patch or a major release says of itself, who has signed it, and what is in it. The signature of
    ``x.iso`` is ``x.sig`` beside it."""
    with tempfile.TemporaryDirectory() as folder:
        supported: tuple[str, ...] = ()
        into = Path(folder, "patch")
        if path.suffix == isofile.ISO:
            release = isofile.read(path, path.name, path.with_suffix(isofile.SIGNATURE), into, trusted,
                                   datetime.datetime.now(datetime.UTC))
            patch, supported = release.file, release.supported_from
        else:
            patch = opened(path, into, trusted)
        told = patch.metadata
        backend = of_files(patch.software, told.id)
        items = {name: FORMATS[backend].describe(patch.directory / "software" / name) for name in patch.software}
        return {
            "id": told.id, "sw_version": told.version.text, "component": told.component, "summary": told.summary,
            "description": told.description, "install_instructions": told.install_instructions,
            "warnings": told.warnings, "status": told.status.value, "unremovable": told.unremovable,
            "reboot_required": told.reboot_required, "requires": list(told.requires), "backend": backend,
            "packages": [_shown(item) for name, item in items.items() if not name.startswith(f"{PREVIOUS}/")],
            "previous": [_shown(item) for name, item in items.items() if name.startswith(f"{PREVIOUS}/")],
            "hooks": sorted(told.hooks.values()), "activation_scripts": list(told.activation_scripts),
            "restart_scripts": sorted(name for name in patch.digests.keys() - _MADE if "/" not in name),
            "supported_from": list(supported), "signed_by": patch.signer.name,
            "members": dict(sorted(patch.digests.items())),
        }


def modify(path: Path, trusted: Trust, key: rsa.RSAPrivateKey, target: Path, changes: Mapping[str, Any]) -> Path:
    """Write the patch again with other values in fields of its metadata, signed anew."""
    with tempfile.TemporaryDirectory() as folder:
        patch = opened(path, Path(folder, "patch"), trusted)
        place = patch.directory
        hooks = {hook: place / HOOK_FILES[hook] for hook in patch.metadata.hooks}
        others = {name: place / name for name in patch.digests.keys() - _MADE}
        extra = build.folder(place / "extra") if EXTRA in patch.digests else None
        if SEMANTICS in patch.digests:
            raise InvalidInput(field="patch", rule=f"{path.name} has {SEMANTICS}, which is made only by StarlingX's "
                                                   "tools; use these")
        software = {name: place / "software" / name for name in patch.software}
        return build.build(replace(patch.metadata, **changes), software, target, key, hooks=hooks, extra=extra,
                           others=others)


def make_signer(name: str, days: int, target: Path) -> tuple[Path, Path]:
    """Make a key and its certificate ``<name>.key`` (0600) and ``<name>.crt``, valid for ``days``; return both."""
    key = rsa.generate_private_key(65537, KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=days)).sign(key, hashes.SHA256()))
    secret, public = target / f"{name}.key", target / f"{name}.crt"
    replace_file(secret, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()), 0o600)
    replace_file(public, certificate.public_bytes(serialization.Encoding.PEM))
    return secret, public


def _named(folder: str, files: Sequence[Path]) -> dict[str, Path]:
    found = {f"{folder}{path.name}": path for path in files}
    if len(found) < len(files):
        raise InvalidInput(field="files", rule="must not have the same name twice")
    return found


def _shown(item: Item) -> dict[str, str]:
    return {"name": item.name, "version": item.version, "file": item.path.name,
            **({"base": item.base} if item.base else {})}
