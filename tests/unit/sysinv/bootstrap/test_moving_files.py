# SPDX-License-Identifier: Apache-2.0
"""Files of an earlier release come to the directory that both controllers share, whenever the work is interrupted."""
from __future__ import annotations

import stat
from pathlib import Path

import pytest

from flock.conf import shared
from sysinv.bootstrap import moving


class Killed(Exception):
    """The power goes."""


def old_release(folder: Path) -> list[tuple[Path, Path]]:
    secrets, keys = folder / "etc/secrets.json", folder / "etc/fernet-keys"
    keys.mkdir(parents=True)
    for number in ("0", "1"):
        (keys / number).write_text(f"key {number}")
        (keys / number).chmod(0o600)
    secrets.write_text("secrets")
    secrets.chmod(0o640)
    return [(secrets, folder / "platform/flock/secrets.json"), (keys, folder / "platform/keystone/fernet-keys"),
            (folder / "etc/none", folder / "platform/none")]


def complete(folder: Path) -> None:
    assert (folder / "platform/flock/secrets.json").read_text() == "secrets"
    assert [(path.name, path.read_text()) for path in sorted((folder / "platform/keystone/fernet-keys").iterdir())] == [
        ("0", "key 0"), ("1", "key 1")]
    assert not list((folder / "etc").iterdir()) and not list(folder.rglob("*.moving"))


def test_contents_and_permission_bits_are_kept(tmp_path: Path) -> None:
    pairs = old_release(tmp_path)
    moving.move(pairs)
    complete(tmp_path)
    assert stat.S_IMODE((tmp_path / "platform/flock/secrets.json").stat().st_mode) == 0o640
    assert moving.outdated(pairs) == []
    moving.move(pairs)
    complete(tmp_path)


@pytest.mark.parametrize("moment", range(4))
def test_an_interruption_loses_nothing(tmp_path: Path, moment: int) -> None:
    pairs, syncs = old_release(tmp_path), iter(range(10))

    def sync() -> None:
        if next(syncs) == moment:
            raise Killed

    with pytest.raises(Killed):
        moving.move(pairs, sync)
    moving.move(pairs)
    complete(tmp_path)


def test_what_is_at_the_new_place_counts(tmp_path: Path) -> None:
    pairs = old_release(tmp_path)
    (tmp_path / "platform/flock").mkdir(parents=True)
    (tmp_path / "platform/flock/secrets.json").write_text("newer")
    moving.move(pairs)
    assert (tmp_path / "platform/flock/secrets.json").read_text() == "newer"
    assert not pairs[0][0].exists()


def test_every_new_place_is_below_the_shared_directory() -> None:
    assert all(new.is_relative_to(shared.DIRECTORY) and not old.is_relative_to(shared.DIRECTORY)
               for old, new in shared.MOVED)
