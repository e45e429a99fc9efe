# SPDX-License-Identifier: Apache-2.0
"""Scenario 1: a signed patch is uploaded and listed."""
from __future__ import annotations

import pytest

from tests.functional.patching.conftest import MakeCloud


@pytest.mark.parametrize("make_cloud", ["sqlite", "postgresql"], indirect=True)
def test_case_01_a_signed_patch_is_uploaded(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    reply = cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    assert reply.status_code == 200 and reply.json() == {
        "info": "starlingx-10.0.1.patch is now uploaded\n", "warning": "", "error": "",
        "upload_info": [{"starlingx-10.0.1.patch": {"id": "starlingx-10.0.1", "sw_release": "10.0.1"}}]}
    shown = cloud.get("/v1/release/starlingx-10.0.1")
    assert shown == {
        "release_id": "starlingx-10.0.1", "state": "available", "sw_version": "10.0.1", "component": "starlingx",
        "status": "REL", "unremovable": False, "summary": "A fix", "description": "", "install_instructions": "",
        "warnings": "", "reboot_required": True, "prepatched_iso": False, "preinstalled_patches": [], "requires": [],
        "packages": ["tool_10.0.1.fake"], "activation_scripts": [], "metapackages": {}, "pre_upgrade_deploy": {}}
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "available"}
    assert [row["release_id"] for row in cloud.get("/v1/release?show=available")] == ["starlingx-10.0.1"]
    assert list((cloud.folder / "state/patching/staging").iterdir()) == []
