# SPDX-License-Identifier: Apache-2.0
"""Scenario 24 and the way to a major release and back: an image is uploaded, a host gets it and returns."""
from __future__ import annotations

from pathlib import Path

from patching.artifact import isofile
from patching.artifact.metadata import Metadata
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version
from tests.functional.patching.conftest import MakeCloud
from tests.functional.patching.running import Cloud
from tests.unit.patching.backends import packages


def image(cloud: Cloud, version: str, *supported: str) -> tuple[Path, Path]:
    folder = cloud.folder / f"image-{version}-{'-'.join(supported)}"
    folder.mkdir(parents=True)
    package = packages.fake(folder, "tool", version)
    metadata = Metadata(f"starlingx-{version}", Version.parse(version), "starlingx", status=ReleaseStatus.RELEASED,
                        packages=(package.name,))
    return isofile.build(metadata, supported, {package.name: package}, folder, cloud.maker.key)


def test_case_24_a_major_release_needs_a_path_and_room(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    reply = cloud.upload(*image(cloud, "11.0.0", "9.0"))
    assert reply.status_code == 406
    assert "There is no upgrade from the running 10.0 to starlingx-11.0.0" in reply.json()["error"]
    assert cloud.releases() == {"starlingx-10.0.0": "deployed"}
    reply = cloud.upload(*image(cloud, "11.0.0", "10.0"))
    assert reply.status_code == 200 and reply.json()["error"] == "", reply.text
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-11.0.0": "available"}
    reply = cloud.upload(*image(cloud, "12.0.0", "10.0"))
    assert reply.status_code == 406 and "no more than 2 may be" in reply.json()["error"]
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-11.0.0": "available"}
