# SPDX-License-Identifier: Apache-2.0
"""The file tree that OSTree gets of the base image, and what an interrupted run leaves."""
import os
from pathlib import Path

import pytest

from devstack.virtualcloud import ostreeimage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small root file system of an image."""
    made = tmp_path / "image/root"
    for folder in ("usr/bin", "usr/lib/python3", "etc", "var/lib/dpkg", "root"):
        (made / folder).mkdir(parents=True)
    (made / "bin").symlink_to("usr/bin")
    (made / "usr/bin/tool").write_text("tool")
    (made / "usr/lib/python3/one.py").write_text("A = 1\n")
    (made / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (made / "var/lib/dpkg/status").write_text("Package: tool\n")
    return made


def test_the_tree_is_the_image_with_etc_below_usr_and_links_into_var(root: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        ostreeimage._lay_tree(root, tree := tmp_path / "tree")
    finally:
        os.umask(before)
    assert (tree / "usr/etc/hosts").read_text() == "127.0.0.1 localhost\n" and not (tree / "etc").exists()
    assert (tree / "bin/tool").read_text() == "tool" and (tree / "home").readlink() == Path("var/home")
    assert (tree / "run").stat().st_mode & 0o777 == 0o755 and (tree / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert list((tree / "usr/lib/python3/__pycache__").glob("one.*.pyc"))
    # The image keeps its own files: others use it meanwhile.
    assert not (root / "usr/lib/python3/__pycache__").exists() and (root / "etc/hosts").exists()


def test_state_of_the_image_becomes_state_of_the_host(root: Path, tmp_path: Path) -> None:
    (state := tmp_path / "state").mkdir()
    ostreeimage._lay_state(root, state)
    assert (state / "lib/dpkg/status").read_text() == "Package: tool\n"
    assert all((state / name).is_dir() for name in ("roothome", *ostreeimage.STATE_FOLDERS))


def test_an_interrupted_run_leaves_nothing_that_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(tree: Path, disk: Path) -> None:
        disk.mkdir()
        raise RuntimeError("the power went")

    monkeypatch.setattr(ostreeimage, "_deploy", broken)
    steps: list[str] = []
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the power went"):
            ostreeimage.make(root, steps.append)
        assert sorted(path.name for path in root.parent.iterdir()) == ["root"]
    assert not ostreeimage.disk_of(root).exists() and len(steps) == 4
