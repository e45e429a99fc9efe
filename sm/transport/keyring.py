# SPDX-License-Identifier: Apache-2.0
"""The keys of this system: the file that holds them, and the keys that follow from them for each direction and path.

The file is JSON, belongs to the user of the daemon and nobody else can read it. A witness holds a key that follows from
the system's: with it nobody can speak for a node to another node.
"""
from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput, Refused
from flock.exec.atomic import replace_file
from sm.contract.messages import KeyOffer, KeyReport
from sm.core import rotation
from sm.core.rotation import NUMBER_MAX, Key, Ring

SECRET_BYTES = 32
NONCE_BYTES = 16
TAG_BYTES = 8
PRIVATE_MODE = 0o600
EVERYBODY = ""
"""The receiver of what is sent by multicast."""


@dataclass(frozen=True, slots=True)
class _StoredKey:
    number: int
    tag: str
    secret: str


@dataclass(frozen=True, slots=True)
class _Stored:
    keys: tuple[_StoredKey, ...]
    used: str
    witness: str = ""


_STORE = codec_for(_Stored)


def expand(secret: bytes, *purpose: str) -> bytes:
    """The 64-byte key for a purpose: HKDF-Expand (RFC 5869) with SHA-512; ``secret`` is random and needs no extract.

    Each word has its length before it, so no two purposes give the same key.
    """
    info = b"".join(len(word.encode()).to_bytes(2) + word.encode() for word in ("sm", *purpose))
    return hmac.digest(secret, info + b"\x01", "sha512")


def witness_secret(secret: bytes, witness: str) -> bytes:
    """What a witness gets in place of the system's secret."""
    return expand(secret, "witness", witness)[:SECRET_BYTES]


def sealed(new: Key, base: bytes, sender: str, receiver: str) -> KeyOffer:
    """``new`` for one receiver, readable with the secret that both have; the datagram's digest protects it from change.

    The pad is used once, since its nonce is random.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return KeyOffer(new.number, new.tag, nonce.hex(), _padded(new.secret, base, nonce, sender, receiver).hex())


def unsealed(offer: KeyOffer, base: bytes, sender: str, receiver: str) -> Key | None:
    """The key in an offer; None when it has no such form."""
    try:
        nonce, secret, tag = bytes.fromhex(offer.nonce), bytes.fromhex(offer.sealed), bytes.fromhex(offer.tag)
    except ValueError:
        return None
    if (len(nonce), len(secret), len(tag)) != (NONCE_BYTES, SECRET_BYTES, TAG_BYTES) or not (
            1 <= offer.number <= NUMBER_MAX):
        return None
    return Key(offer.number, offer.tag, _padded(secret, base, nonce, sender, receiver))


def _padded(secret: bytes, base: bytes, nonce: bytes, sender: str, receiver: str) -> bytes:
    pad = hmac.digest(expand(base, "seal", sender, receiver), nonce, "sha512")
    return bytes(one ^ other for one, other in zip(secret, pad, strict=False))


class KeyFile:
    """The key file. A change is a function of the present ring; the file is locked meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> tuple[Ring, str]:
        """The ring, and the name of the witness that it is for, empty on a node; InvalidInput says what is wrong."""
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                data = stream.read(64 * 1024)
        except OSError as error:
            raise InvalidInput(field=str(self.path), rule=f"must be readable ({error.strerror})") from error
        if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (0, os.geteuid()):
            raise InvalidInput(field=str(self.path), rule="must be readable for its owner only, and belong to root")
        stored: _Stored = _STORE.decode(data, "keys")
        return _ring(stored), stored.witness

    def create(self, ring: Ring, witness: str = "") -> None:
        """Write the first ring; Refused where a file exists."""
        with self._locked():
            if self.path.exists():
                raise Refused(detail=f"{self.path} exists; 'sm-key rotate' replaces its key.")
            self._write(ring, witness)

    def change(self, to: Callable[[Ring], Ring]) -> Ring:
        """Store ``to`` of the ring in the file, and return that; it is on the disk when this returns."""
        with self._locked():
            old, witness = self.load()
            new = to(old)
            if new != old:
                self._write(new, witness)
        return new

    def stamp(self) -> tuple[int, int]:
        """Changes whenever the file was replaced."""
        try:
            status = self.path.stat()
        except OSError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)

    def _write(self, ring: Ring, witness: str) -> None:
        rows = tuple(_StoredKey(key.number, key.tag, key.secret.hex()) for key in ring.keys)
        replace_file(self.path, _STORE.encode(_Stored(rows, ring.used, witness), "keys"), PRIVATE_MODE)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_MODE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # A daemon must not wait for it; it tries again a second later.
                raise Refused(detail=f"Another process is changing {self.path}; try again.") from None
            yield
        finally:
            os.close(descriptor)


def _ring(stored: _Stored) -> Ring:
    if not 1 <= len(stored.keys) <= 2 or stored.used not in [row.tag for row in stored.keys]:
        raise InvalidInput(field="keys", rule="must be one or two, one of them used")
    keys = []
    for row in stored.keys:
        try:
            secret = bytes.fromhex(row.secret)
        except ValueError:
            secret = b""
        if len(secret) != SECRET_BYTES or not 1 <= row.number <= NUMBER_MAX:
            raise InvalidInput(field="keys", rule=f"must have {SECRET_BYTES} bytes and a number from 1 to {NUMBER_MAX}")
        keys.append(Key(row.number, row.tag, secret))
    if len({key.number for key in keys}) < len(keys):
        raise InvalidInput(field="keys", rule="must differ in their numbers")
    return Ring(tuple(keys), stored.used)


def fresh_secret() -> tuple[str, bytes]:
    """Tag and secret of a new random key."""
    return secrets.token_hex(TAG_BYTES), secrets.token_bytes(SECRET_BYTES)


class Keyring:
    """The keys as the transport uses them. Follows the file, which ``sm-key`` may change at any time."""

    def __init__(self, file: KeyFile, node: str, witnesses: Iterable[str] = ()) -> None:
        self._file = file
        self._node = node
        self._witnesses = frozenset(witnesses)
        self._stamp = file.stamp()
        self.ring, self._witness = file.load()
        if self._witness not in ("", node):
            raise InvalidInput(field=str(file.path), rule=f"must be for {node}, not for witness {self._witness}")
        self._derived: dict[tuple[str, str, str], dict[int, bytes]] = {}

    def verifying(self, path: str, sender: str, receiver: str) -> Mapping[int, bytes]:
        """By number, the keys with which ``sender`` may sign for ``receiver`` on a path."""
        found = self._derived.get((path, sender, receiver))
        if found is None:
            found = {key.number: expand(self._base(key.secret, sender, receiver), "datagram", path, sender, receiver)
                     for key in self.ring.keys}
            self._derived[path, sender, receiver] = found
        return found

    def signing(self, path: str, receiver: str) -> tuple[int, bytes]:
        """Number and key with which this node signs for ``receiver`` on a path."""
        number = self.ring.signing.number
        return number, self.verifying(path, self._node, receiver)[number]

    def offers(self, others: Iterable[str], reports: Mapping[str, KeyReport]) -> dict[str, KeyOffer]:
        """The new key for each node that does not say that it accepts it."""
        new, used = self.ring.new, self.ring.signing
        if new is None or used.tag == new.tag or self._witness:
            return {}
        told = {}
        for node in rotation.lacking(self.ring, others, reports):
            secret = witness_secret(new.secret, node) if node in self._witnesses else new.secret
            told[node] = sealed(Key(new.number, new.tag, secret), self._base(used.secret, self._node, node),
                                self._node, node)
        return told

    def take(self, sender: str, offer: KeyOffer) -> None:
        """Accept the key that an authentic beat offers this node."""
        key = unsealed(offer, self._base(self.ring.keys[0].secret, sender, self._node), sender, self._node)
        if key is not None and rotation.accept(self.ring, key) != self.ring:
            self._store(lambda ring: rotation.accept(ring, key))

    def advance(self, others: Iterable[str], reports: Mapping[str, KeyReport]) -> None:
        """Take the next steps of a rotation that what others told permits; also notices a change of the file."""
        stamp = self._file.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._replace(self._file.load()[0])
        names = tuple(others)
        if rotation.advance(self.ring, names, reports) != self.ring:
            self._store(lambda ring: rotation.advance(ring, names, reports))

    def _base(self, secret: bytes, sender: str, receiver: str) -> bytes:
        """The secret that both ends have: a witness's own where one of them is a witness."""
        if self._witness:
            return secret
        for name in (sender, receiver):
            if name in self._witnesses:
                return witness_secret(secret, name)
        return secret

    def _store(self, to: Callable[[Ring], Ring]) -> None:
        self._replace(self._file.change(to))
        self._stamp = self._file.stamp()

    def _replace(self, ring: Ring) -> None:
        self.ring = ring
        self._derived.clear()
