# SPDX-License-Identifier: Apache-2.0
"""The tool with which patches are made: what it builds is read, unpacked and installed like any other patch."""
from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from patching.artifact import patchfile, trust
from patching.cmd import build
from patching.content.repository import Repository
from tests.unit.patching.backends import packages


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``maker.key``, and ``trusted/maker.crt``."""
    place = tmp_path_factory.mktemp("signer")
    (place / "trusted").mkdir()
    assert build.run(["key", "maker", "--target", str(place)]) == 0
    (place / "maker.crt").rename(place / "trusted/maker.crt")
    return place


def script(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


def made(folder: Path, signer: Path, *more: str) -> Path:
    """A patch of fake packages with everything that a patch may have."""
    assert build.run(["patch", "--id", "starlingx-10.0.1", "--key", str(signer / "maker.key"), "--target", str(folder),
                      "--summary", "Fix", "--status", "REL", "--no-reboot", "--requires", "starlingx-10.0.0",
                      "--post-install", str(script(folder, "hook")), "--restart-script",
                      str(script(folder, "restart-tool")), "--activation-script", str(script(folder, "20-migrate")),
                      "--previous", str(packages.fake(folder, "tool", "1.0")), *more,
                      str(packages.fake(folder, "tool", "1.1"))]) == 0
    return folder / "starlingx-10.0.1.patch"


def test_a_patch_that_was_built_becomes_content(tmp_path: Path, signer: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path, signer)
    assert capsys.readouterr().out == f"{path}\n"
    patch = patchfile.read(path, path.name, tmp_path / "into", trust.load(signer / "trusted"),
                           datetime.datetime.now(datetime.UTC))
    assert patch.metadata.activation_scripts == ("20-migrate",)
    repository = Repository(tmp_path / "software")
    assert repository.take(patch).backend == "fake"
    assert (repository.release("starlingx-10.0.1") / "extra/20-migrate").exists()
    assert (repository.feed / "starlingx-10.0.1/scripts/restart-tool").exists()
    assert (repository.feed / "starlingx-10.0.1/hooks/post-install.sh").exists()


def test_a_patch_shows_what_it_is(tmp_path: Path, signer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path, signer)
    capsys.readouterr()
    assert build.run(["inspect", "--json", "--trusted", str(signer / "trusted"), str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], found["status"], found["reboot_required"], found["backend"]) == (
        "starlingx-10.0.1", "REL", False, "fake")
    assert found["packages"] == [{"name": "tool", "version": "1.1", "file": "tool_1.1.fake"}]
    assert found["previous"] == [{"name": "tool", "version": "1.0", "file": "tool_1.0.fake"}]
    assert (found["hooks"], found["restart_scripts"]) == (["post-install.sh"], ["restart-tool"])
    assert "maker.crt" in found["signed_by"]
    assert build.run(["inspect", "--trusted", str(signer / "trusted"), str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "reboot_required      no" in lines and "packages             tool  1.1  tool_1.1.fake" in lines


def test_a_patch_that_was_changed_is_signed_anew(tmp_path: Path, signer: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path, signer)
    (tmp_path / "new").mkdir()
    trusted = ["--trusted", str(signer / "trusted")]
    assert build.run(["modify", *trusted, "--key", str(signer / "maker.key"), "--target", str(tmp_path / "new"),
                      "--status", "OBS", "--reboot", "--unremovable", str(path)]) == 0
    capsys.readouterr()
    assert build.run(["inspect", "--json", *trusted, str(tmp_path / "new" / path.name)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["reboot_required"], found["unremovable"], found["summary"]) == (
        "OBS", True, True, "Fix")
    assert (found["restart_scripts"], found["activation_scripts"]) == (["restart-tool"], ["20-migrate"])


def test_whoever_says_nothing_of_a_reboot_needs_one(tmp_path: Path, signer: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    assert build.run(["patch", "--id", "starlingx-10.0.1", "--key", str(signer / "maker.key"), "--target",
                      str(tmp_path), str(packages.fake(tmp_path, "tool", "1"))]) == 0
    capsys.readouterr()
    assert build.run(["inspect", "--json", "--trusted", str(signer / "trusted"),
                      str(tmp_path / "starlingx-10.0.1.patch")]) == 0
    assert json.loads(capsys.readouterr().out)["reboot_required"] is True


@pytest.mark.parametrize(("arguments", "words"), [
    (["--id", "10.0.1", "{tool}"], "must be a component and a version"),
    (["--id", "starlingx-10.0.1", "{hook}"], "must hold package files of one kind"),
    (["--id", "starlingx-10.0.1", "{tool}", "{tool}"], "must not have the same name twice"),
    (["--id", "starlingx-10.0.1", "{tool}", "{old}"], "must not hold several versions of tool"),
    (["--id", "starlingx-10.0.1", "--activation-script", "{hook}", "{tool}"], "activation_scripts/script"),
    (["--id", "starlingx-10.0.1", "{missing}"], "No such file"),
])
def test_refusals_name_their_reason_and_leave_nothing(tmp_path: Path, signer: Path, arguments: list[str], words: str,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    files = {"tool": packages.fake(tmp_path, "tool", "1.1"), "old": packages.fake(tmp_path, "tool", "1.0"),
             "hook": script(tmp_path, "hook"), "missing": tmp_path / "missing.fake"}
    assert build.run(["patch", "--key", str(signer / "maker.key"), "--target", str(tmp_path),
                      *(part.format(**files) for part in arguments)]) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("*.patch"))


def test_a_stranger_s_patch_is_neither_shown_nor_signed(tmp_path: Path, signer: Path,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path, signer)
    (tmp_path / "others").mkdir()
    assert build.run(["key", "stranger", "--target", str(tmp_path)]) == 0
    (tmp_path / "stranger.crt").rename(tmp_path / "others/stranger.crt")
    assert (tmp_path / "stranger.key").stat().st_mode & 0o777 == 0o600
    for arguments in (["inspect"], ["modify", "--key", str(tmp_path / "stranger.key"), "--target", str(tmp_path)]):
        assert build.run([*arguments, "--trusted", str(tmp_path / "others"), str(path)]) == 1
        assert "The signature is not that of a trusted certificate" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["no key", None])
def test_a_key_that_cannot_sign_is_named(tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "my.key"
    if text is not None:
        key.write_text(text)
    assert build.run(["patch", "--id", "starlingx-10.0.1", "--key", str(key),
                      str(packages.fake(tmp_path, "tool", "1"))]) == 1
    assert f"Invalid input for key: {key} must be a private key" in capsys.readouterr().err


def test_patches_of_real_packages_are_built(tmp_path: Path, signer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_root("dpkg-deb", "rpmbuild", "ostree")
    trees = packages.Trees(tmp_path)
    commits = [trees.commit(version) for version in ("1", "2")]
    assert build.run(["delta", "--repo", str(trees.repo), "--base", commits[0], "--target", str(tmp_path),
                      commits[1]]) == 0
    for path, backend in ((packages.deb(tmp_path, "tool", "1.1"), "deb"),
                          (packages.rpm(tmp_path, "tool", "1.1"), "rpm"),
                          (tmp_path / f"{commits[1]}.delta", "ostree")):
        assert build.run(["patch", "--id", "starlingx-10.0.1", "--key", str(signer / "maker.key"), "--target",
                          str(tmp_path), str(path)]) == 0
        capsys.readouterr()
        assert build.run(["inspect", "--json", "--trusted", str(signer / "trusted"),
                          str(tmp_path / "starlingx-10.0.1.patch")]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["backend"], len(found["packages"])) == (backend, 1)
    assert found["packages"][0]["base"] == commits[0]


def test_a_major_release_is_built_and_shown(tmp_path: Path, signer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "--id", "starlingx-11.0.0", "--key", str(signer / "maker.key"), "--target", str(tmp_path),
                 "--from", "10.0", "--pre-install", str(script(tmp_path, "hook")),
                 str(packages.fake(tmp_path, "tool", "11.0"))]
    assert build.run(arguments) == 0
    image = tmp_path / "starlingx-11.0.0.iso"
    assert capsys.readouterr().out == f"{image}\n{image.with_suffix('.sig')}\n"
    assert build.run(["inspect", "--json", "--trusted", str(signer / "trusted"), str(image)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["supported_from"], found["hooks"], found["restart_scripts"]) == (["10.0"], ["pre-install.sh"], [])
    assert build.run([*arguments[:7], "--from", "10.0.1", *arguments[9:]]) == 1
    assert "is no version such as 10.0" in capsys.readouterr().err
