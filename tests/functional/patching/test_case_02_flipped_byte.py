# SPDX-License-Identifier: Apache-2.0
"""Scenario 2: one byte of a patch is flipped, and nothing of it stays."""
from __future__ import annotations

import gzip
from pathlib import Path

from tests.functional.patching.running import Cloud


def left_behind(cloud: Cloud) -> list[str]:
    """Files of releases on the controller."""
    places = [cloud.software, cloud.folder / "state/patching/staging"]
    return sorted(str(path.relative_to(cloud.folder)) for place in places for path in place.rglob("*")
                  if path.is_file())


def flipped(path: Path, member: bytes) -> Path:
    """The patch with one bit changed in the content of a member."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    # After the headers of the member and of the first file in it; the manifest also has its name.
    at = data.index(member + b"\0") + 512 * 2 + 20
    data[at] ^= 1
    path.write_bytes(gzip.compress(bytes(data)))
    return path


def test_case_02_a_patch_with_a_flipped_byte_is_refused(cloud: Cloud) -> None:
    reply = cloud.upload(flipped(cloud.patch("10.0.1"), b"software.tar"))
    assert reply.status_code == 406
    told = reply.json()
    assert "starlingx-10.0.1.patch was changed after it was signed: software.tar differ" in told["error"]
    assert told["upload_info"] == [] and told["code"] == "patching.artifact_refused"
    assert cloud.releases() == {"starlingx-10.0.0": "deployed"}
    assert left_behind(cloud) == []
