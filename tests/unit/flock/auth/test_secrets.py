# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flock.auth.secrets import KEYS_MAX, KeyFileUnsafe, SecretBox, SecretUnreadable


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


def test_created_file_is_private_and_reused(key_file: Path) -> None:
    box = SecretBox.create(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert SecretBox.create(key_file).unseal(box.seal("s", "o"), "o") == "s"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=st.text(), owner=st.text())
def test_what_was_sealed_comes_back(key_file: Path, secret: str, owner: str) -> None:
    box = SecretBox.create(key_file)
    sealed = box.seal(secret, owner)
    assert box.unseal(sealed, owner) == secret
    assert len(secret) < 4 or secret not in sealed


def test_sealing_twice_looks_different(key_file: Path) -> None:
    box = SecretBox.create(key_file)
    assert box.seal("s", "o") != box.seal("s", "o")


def test_a_secret_opens_only_for_its_owner(key_file: Path) -> None:
    box = SecretBox.create(key_file)
    sealed = box.seal("geheim", "bmc:1")
    with pytest.raises(SecretUnreadable, match="another owner") as caught:
        box.unseal(sealed, "bmc:2")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("change", [lambda s: s[:-2], lambda s: s[:20] + ("A" if s[20] != "A" else "B") + s[21:],
                                    lambda s: "", lambda s: "\u00e4", lambda s: "x" * 100])
def test_altered_text_does_not_open(key_file: Path, change: object) -> None:
    box = SecretBox.create(key_file)
    with pytest.raises(SecretUnreadable, match="damaged"):
        box.unseal(change(box.seal("s", "o")), "o")  # type: ignore[operator]


def test_rotation_keeps_old_secrets_and_reseal_frees_them_from_the_old_key(key_file: Path, tmp_path: Path) -> None:
    box = SecretBox.create(key_file)
    old_key = key_file.read_bytes().strip()
    sealed = box.seal("s", "o")
    box.rotate()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert box.unseal(sealed, "o") == "s"
    resealed = box.reseal(sealed)
    assert SecretBox(key_file).unseal(resealed, "o") == "s"
    key_file.write_bytes(b"\n".join(line for line in key_file.read_bytes().split() if line != old_key))
    newest_only = SecretBox(key_file)
    assert newest_only.unseal(resealed, "o") == "s"
    with pytest.raises(SecretUnreadable):
        newest_only.unseal(sealed, "o")


def test_rotation_drops_the_oldest_of_too_many_keys(key_file: Path) -> None:
    box = SecretBox.create(key_file)
    for _ in range(KEYS_MAX + 3):
        box.rotate()
    assert len(key_file.read_bytes().split()) == KEYS_MAX


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o700])
def test_a_file_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    SecretBox.create(key_file)
    key_file.chmod(mode)
    with pytest.raises(KeyFileUnsafe, match="mode 0600"):
        SecretBox(key_file)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_group_may_read_a_file_of_root_only_and_keeps_it_over_a_rotation(key_file: Path) -> None:
    box = SecretBox.create(key_file)
    key_file.chmod(0o640)
    os.chown(key_file, 0, 64_001)
    box.rotate()
    assert (key_file.stat().st_gid, stat.S_IMODE(key_file.stat().st_mode)) == (64_001, 0o640)
    SecretBox(key_file)
    os.chown(key_file, 64_001, 64_001)
    with pytest.raises(KeyFileUnsafe, match="mode 0600"):
        SecretBox(key_file)


def test_links_directories_missing_empty_and_damaged_files_are_refused(key_file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnsafe, match="No such file"):
        SecretBox(key_file)
    SecretBox.create(key_file)
    link = tmp_path / "link"
    link.symlink_to(key_file)
    with pytest.raises(KeyFileUnsafe):
        SecretBox(link)
    with pytest.raises(KeyFileUnsafe):
        SecretBox.create(link)
    os.mkdir(tmp_path / "dir", 0o600)
    with pytest.raises(KeyFileUnsafe, match="regular file"):
        SecretBox(tmp_path / "dir")
    key_file.write_bytes(b"\n")
    with pytest.raises(KeyFileUnsafe, match="at least one key"):
        SecretBox(key_file)
    key_file.write_bytes(b"not a key\n")
    with pytest.raises(KeyFileUnsafe, match="no key"):
        SecretBox(key_file)
