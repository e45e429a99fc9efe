# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import fcntl
import itertools
import json
import os
from pathlib import Path

import pytest

from flock.core.errors import InvalidInput, Refused
from sm.contract.messages import KeyOffer, KeyReport
from sm.core import rotation
from sm.core.rotation import Key, Ring
from sm.transport.keyring import EVERYBODY, KeyFile, Keyring, expand, sealed, unsealed, witness_secret

KEY, NEW = Key(1, "0a" * 8, b"o" * 32), Key(2, "0b" * 8, b"n" * 32)
RING = Ring((KEY,), KEY.tag)
NODES = ("controller-0", "controller-1")


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "sm.key")
    made.create(RING)
    return made


def ring_of(tmp_path: Path, node: str, ring: Ring = RING, witness: str = "") -> Keyring:
    file = KeyFile(tmp_path / f"{node}.key")
    file.create(ring, witness)
    return Keyring(file, node, ("arbiter",))


def test_a_file_is_private_and_holds_what_was_stored(file: KeyFile) -> None:
    assert file.path.stat().st_mode & 0o777 == 0o600 and file.load() == (RING, "")
    with pytest.raises(Refused, match="exists"):
        file.create(RING)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_can_read_or_write_is_refused(file: KeyFile, mode: int) -> None:
    os.chmod(file.path, mode)
    with pytest.raises(InvalidInput, match="readable for its owner only"):
        file.load()


@pytest.mark.parametrize(("document", "message"), [
    ("", "JSON"), ("{}", "required"), ('{"keys": [], "used": "a"}', "one or two"),
    ({"keys": [{"number": 1, "tag": "a", "secret": "00" * 32}], "used": "b"}, "one of them used"),
    ({"keys": [{"number": 1, "tag": "a", "secret": "00" * 31}], "used": "a"}, "32 bytes"),
    ({"keys": [{"number": 0, "tag": "a", "secret": "00" * 32}], "used": "a"}, "number from 1"),
    ({"keys": [{"number": 1, "tag": "a", "secret": "zz"}], "used": "a"}, "32 bytes"),
    ({"keys": [{"number": 1, "tag": tag, "secret": "00" * 32} for tag in "ab"], "used": "a"}, "differ")])
def test_a_damaged_file_is_refused_without_showing_it(file: KeyFile, document: object, message: str) -> None:
    file.path.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(InvalidInput, match=message) as caught:
        file.load()
    assert "0000" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="absent.key"):
        KeyFile(tmp_path / "absent.key").load()
    assert KeyFile(tmp_path / "absent.key").stamp() == (0, 0)


def test_a_file_that_another_process_changes_is_not_waited_for(file: KeyFile) -> None:
    with file.path.with_name(".sm.key.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="Another process is changing"):
            file.change(lambda ring: Ring((*ring.keys, NEW), ring.used))
    assert file.load() == (RING, "")


def test_every_direction_path_and_receiver_has_a_key_of_its_own(tmp_path: Path) -> None:
    ring = ring_of(tmp_path, "controller-0")
    keys = {ring.verifying(path, sender, receiver)[1] for path in ("mgmt", "oam") for sender, receiver in
            [*itertools.permutations((*NODES, "arbiter"), 2), *((node, EVERYBODY) for node in NODES)]}
    assert len(keys) == 2 * (6 + 2)
    number, key = ring.signing("mgmt", EVERYBODY)
    assert (number, key) == (1, ring.verifying("mgmt", "controller-0", EVERYBODY)[1]) and len(key) == 64
    assert expand(b"s", "ab", "c") != expand(b"s", "a", "bc") != expand(b"s", "a", "b", "c")


def test_a_witness_has_keys_for_its_own_talk_only(tmp_path: Path) -> None:
    node = ring_of(tmp_path, "controller-0")
    theirs = Ring((Key(1, KEY.tag, witness_secret(KEY.secret, "arbiter")),), KEY.tag)
    witness = ring_of(tmp_path, "arbiter", theirs, "arbiter")
    for pair in (("controller-0", "arbiter"), ("arbiter", "controller-0")):
        assert witness.verifying("oam", *pair) == node.verifying("oam", *pair)
    for pair in (("controller-0", "controller-1"), ("controller-0", EVERYBODY), ("controller-1", "other-witness")):
        assert witness.verifying("oam", *pair) != node.verifying("oam", *pair)
    with pytest.raises(InvalidInput, match="must be for controller-1, not for witness arbiter"):
        Keyring(KeyFile(tmp_path / "arbiter.key"), "controller-1")


def test_a_sealed_key_opens_for_its_receiver_only() -> None:
    offer = sealed(NEW, KEY.secret, "controller-0", "controller-1")
    assert unsealed(offer, KEY.secret, "controller-0", "controller-1") == NEW and NEW.secret.hex() not in repr(offer)
    assert sealed(NEW, KEY.secret, "controller-0", "controller-1") != offer
    for wrong in (("controller-1", "controller-0"), ("controller-0", "arbiter")):
        assert unsealed(offer, KEY.secret, *wrong) != NEW
    assert unsealed(offer, b"x" * 32, "controller-0", "controller-1") != NEW


@pytest.mark.parametrize("offer", [
    KeyOffer(2, "0b" * 8, "00" * 16, "zz"), KeyOffer(2, "0b" * 8, "00" * 16, "00" * 31),
    KeyOffer(2, "0b", "00" * 16, "00" * 32), KeyOffer(0, "0b" * 8, "00" * 16, "00" * 32),
    KeyOffer(256, "0b" * 8, "00" * 16, "00" * 32), KeyOffer(2, "0b" * 8, "", "00" * 32)])
def test_an_offer_without_form_is_none(offer: KeyOffer) -> None:
    assert unsealed(offer, KEY.secret, "controller-0", "controller-1") is None


def test_a_rotation_goes_through_files_and_beats(tmp_path: Path) -> None:
    """Two nodes and a witness; each time only what a beat tells is passed on."""
    names = (*NODES, "arbiter")
    rings = {node: ring_of(tmp_path, node) for node in NODES}
    theirs = Ring((Key(1, KEY.tag, witness_secret(KEY.secret, "arbiter")),), KEY.tag)
    rings["arbiter"] = ring_of(tmp_path, "arbiter", theirs, "arbiter")
    KeyFile(tmp_path / "controller-0.key").change(lambda ring: rotation.begin(ring, NEW.tag, NEW.secret))
    reports: dict[str, KeyReport] = {}
    seen = set()
    for _ in range(10):
        for node, ring in rings.items():
            others = [name for name in names if name != node]
            ring.advance(others, reports)
            reports[node] = ring.ring.report
            for target, offer in ring.offers(others, reports).items():
                rings[target].take(node, offer)
                seen.add((node, target))
            for other in others:
                number, key = ring.signing("oam", other)
                assert rings[other].verifying("oam", node, other)[number] == key
    assert {ring.ring.used for ring in rings.values()} == {NEW.tag}
    assert all(len(ring.ring.keys) == 1 for ring in rings.values())
    assert KeyFile(tmp_path / "controller-1.key").load()[0] == Ring((NEW,), NEW.tag)
    assert rings["arbiter"].ring.keys[0].secret == witness_secret(NEW.secret, "arbiter")
    assert {("controller-0", "controller-1"), ("controller-0", "arbiter")} <= seen
    assert not any(sender == "arbiter" for sender, _ in seen)


def test_an_offer_that_cannot_be_stored_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ring_of(tmp_path, "controller-1")
    monkeypatch.setattr("sm.transport.keyring.replace_file", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        ring.take("controller-0", sealed(NEW, KEY.secret, "controller-0", "controller-1"))
    assert ring.ring == RING
