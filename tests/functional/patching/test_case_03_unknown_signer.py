# SPDX-License-Identifier: Apache-2.0
"""Scenario 3: nobody's signature, that of a stranger, and that of a developer."""
from __future__ import annotations

import tarfile
from pathlib import Path

from tests.functional.patching.conftest import MakeCloud
from tests.functional.patching.running import Cloud
from tests.functional.patching.test_case_02_flipped_byte import left_behind


def unsigned(path: Path) -> Path:
    with tarfile.open(path) as archive:
        members = [(item, archive.extractfile(item).read()) for item in archive  # type: ignore[union-attr]
                   if item.name not in ("manifest.sig", "signature.v2")]
    with tarfile.open(path, "w:gz") as archive:
        for item, data in members:
            place = path.parent / item.name
            place.write_bytes(data)
            archive.add(place, item.name)
    return path


def test_case_03_a_patch_of_nobody_or_a_stranger_is_refused(cloud: Cloud) -> None:
    reply = cloud.upload(unsigned(cloud.patch("10.0.1")))
    assert reply.status_code == 406 and "lacks manifest.sig (or signature.v2)" in reply.json()["error"]
    for signer in (cloud.stranger, cloud.developer):
        reply = cloud.upload(cloud.patch("10.0.1", signer))
        assert reply.status_code == 406 and "not that of a trusted certificate" in reply.json()["error"]
    assert cloud.releases() == {"starlingx-10.0.0": "deployed"} and left_behind(cloud) == []


def test_case_03_developers_are_trusted_where_that_was_allowed(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX", allow_development_cert=True)
    assert cloud.upload(cloud.patch("10.0.1", cloud.developer)).status_code == 200
    assert cloud.releases()["starlingx-10.0.1"] == "available"
    assert cloud.upload(cloud.patch("10.0.2", cloud.stranger)).status_code == 406
