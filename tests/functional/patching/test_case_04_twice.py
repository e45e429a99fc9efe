# SPDX-License-Identifier: Apache-2.0
"""Scenario 4: the same patch twice, and another one under its name."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_04_a_second_upload_refreshes_the_description_only(cloud: Cloud) -> None:
    path = cloud.patch("10.0.1")
    assert cloud.upload(path).status_code == 200
    again = cloud.upload(path)
    assert again.status_code == 200
    assert again.json()["info"] == (
        "starlingx-10.0.1.patch: starlingx-10.0.1 is uploaded already; its description was refreshed\n")
    assert again.json()["upload_info"][0]["starlingx-10.0.1.patch"]["id"] == "starlingx-10.0.1"
    assert cloud.releases() == {"starlingx-10.0.0": "deployed", "starlingx-10.0.1": "available"}
    assert cloud.upload(cloud.patch("10.0.1", summary="Better words")).status_code == 200
    assert cloud.get("/v1/release/starlingx-10.0.1")["summary"] == "Better words"
    other = cloud.upload(cloud.patch("10.0.1", software={"other.fake": b'{"name": "other", "version": "1"}'}))
    assert other.status_code == 406 and "holds other content than starlingx-10.0.1" in other.json()["error"]
    feed = cloud.software / "feed/starlingx-10.0.1"
    assert [path.name for path in (feed / "packages").iterdir()] == ["tool_10.0.1.fake"]
