# SPDX-License-Identifier: Apache-2.0
"""Scenario 5: archives that want to write elsewhere."""
from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.functional.patching.running import Cloud
from tests.functional.patching.test_case_02_flipped_byte import left_behind


def member(name: str, **fields: object) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(item, field, value)
    return item


HOSTILE: dict[str, Callable[[Path], tarfile.TarInfo]] = {
    "outside of its directory": lambda _: member("../escaped", size=4),
    "outside of its directory ": lambda target: member(str(target / "escaped"), size=4),
    "no regular file": lambda target: member("link", type=tarfile.SYMTYPE, linkname=str(target)),
    "no regular file ": lambda _: member("device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
}


def test_case_05_what_leads_out_of_the_working_directory_is_refused(cloud: Cloud) -> None:
    target = cloud.folder / "elsewhere"
    target.mkdir()
    for words, make in HOSTILE.items():
        path = cloud.folder / "starlingx-10.0.1.patch"
        with tarfile.open(path, "w:gz") as archive:
            item = make(target)
            archive.addfile(item, io.BytesIO(b"evil") if item.size else None)
        reply = cloud.upload(path)
        assert reply.status_code == 406 and words.strip() in reply.json()["error"], reply.text
    assert list(target.iterdir()) == [] and left_behind(cloud) == []
    assert not list(cloud.folder.rglob("escaped"))
    assert cloud.releases() == {"starlingx-10.0.0": "deployed"}


def test_case_05_names_that_are_no_releases_are_refused(cloud: Cloud) -> None:
    path = cloud.folder / "notes.txt"
    path.write_text("hello")
    reply = cloud.upload(path)
    assert reply.status_code == 406 and "notes.txt is no file of a release" in reply.json()["error"]
    for body, words in ((b"[]", "JSON list of paths"), (b'["relative.patch"]', "not an absolute path"),
                        (b'["/nowhere/starlingx-10.0.1.patch"]', "cannot be read")):
        reply = cloud.as_admin.post(f"{cloud.base}/v1/release", data=body, headers={"Content-Type": "text/plain"})
        assert reply.status_code == 406 and words in reply.json()["error"], reply.text
    local = cloud.patch("10.0.1")
    reply = cloud.as_admin.post(f"{cloud.base}/v1/release", json=[str(local)], headers={"Content-Type": "text/plain"})
    assert reply.status_code == 200 and reply.json()["upload_info"][0]["starlingx-10.0.1.patch"]
    assert local.exists() and left_behind(cloud) != []
