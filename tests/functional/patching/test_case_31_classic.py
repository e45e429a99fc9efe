# SPDX-License-Identifier: Apache-2.0
"""Scenario 31: an in-service patch comes and goes with sw-patch alone."""
from __future__ import annotations

from patching.artifact import build
from patching.artifact.metadata import Metadata
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version
from tests.functional.patching.classic import host, patch_state, sw_patch
from tests.functional.patching.conftest import MakeCloud

PATCH = "starlingx-10.0.1"


def test_case_31_a_patch_comes_and_goes_with_sw_patch(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("DX")
    assert sw_patch(cloud, "upload", str(cloud.patch("10.0.1", scripts={"10-mark": "touch $0.ran"}))) == (
        f"{PATCH}.patch is now uploaded\n")
    assert patch_state(cloud, PATCH) == "Available"
    assert sw_patch(cloud, "is-available", PATCH) == "True\n"

    assert sw_patch(cloud, "apply", PATCH) == f"{PATCH} is now in the repo\n"
    assert patch_state(cloud, PATCH) == "Partial-Apply"
    assert [host(cloud, name)["patch_current"] for name in ("controller-0", "controller-1")] == [False, False]
    titles, _, first, _ = sw_patch(cloud, "query-hosts").splitlines()
    assert titles.split()[0] == "Hostname" and first.split()[-4:] == ["No", "No", "10.0", "idle"]
    assert sw_patch(cloud, "delete", PATCH, rc=1) == (
        f"Error:\nPatch {PATCH} is not in the Available state: it is Partial-Apply. Remove it first\n")

    sw_patch(cloud, "host-install", "controller-0")
    assert host(cloud, "controller-0")["patch_current"] and patch_state(cloud, PATCH) == "Partial-Apply"
    sw_patch(cloud, "host-install", "controller-1")
    assert patch_state(cloud, PATCH) == "Applied"
    # Nobody activates, completes or ends anything with sw-patch.
    cloud.reaches(None)
    assert cloud.releases()[PATCH] == "deployed"
    assert (cloud.software / "releases").exists() and sw_patch(cloud, "is-applied", PATCH) == "True\n"
    assert sw_patch(cloud, "host-install-async", "controller-0").startswith("controller-0 runs what it should")

    assert sw_patch(cloud, "remove", PATCH) == f"{PATCH} has been removed from the repo\n"
    assert patch_state(cloud, PATCH) == "Partial-Remove"
    for name in ("controller-0", "controller-1"):
        sw_patch(cloud, "host-install", name)
    assert patch_state(cloud, PATCH) == "Available"
    cloud.reaches(None)
    assert cloud.agents["controller-1"].facts.version == "10.0.0"
    assert sw_patch(cloud, "delete", PATCH) == f"{PATCH} has been deleted\n"
    assert PATCH not in cloud.releases()


def test_a_patch_is_taken_back_before_all_hosts_have_it(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("DX")
    for text in ("10.0.1", "10.0.2"):
        sw_patch(cloud, "upload", str(cloud.patch(text)))
    sw_patch(cloud, "apply", "--all")
    cloud.agents["controller-1"].mood = "fails"
    sw_patch(cloud, "host-install", "controller-0")
    sw_patch(cloud, "host-install", "controller-1", rc=1)
    assert host(cloud, "controller-1")["patch_failed"]
    sw_patch(cloud, "remove", "starlingx-10.0.2", "starlingx-10.0.1")
    assert patch_state(cloud, "starlingx-10.0.2") == "Partial-Remove"
    cloud.agents["controller-1"].mood = "works"
    for name in ("controller-0", "controller-1"):
        sw_patch(cloud, "host-install", name)
    cloud.reaches(None)
    assert [patch_state(cloud, f"starlingx-{text}") for text in ("10.0.1", "10.0.2")] == ["Available", "Available"]


def test_a_program_of_the_patch_may_refuse(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    judge, software = cloud.folder / "judge", cloud.folder / "tool.fake"
    judge.write_text("#!/bin/sh\necho no \"$@\" >&2\nexit 1\n")
    judge.chmod(0o755)
    software.write_text('{"name": "tool", "version": "1"}')
    metadata = Metadata(PATCH, Version.parse("10.0.1"), "starlingx", reboot_required=False,
                        status=ReleaseStatus.RELEASED, packages=("tool.fake",), semantics=("pre-apply",))
    cloud.upload(build.build(metadata, {"tool.fake": software}, cloud.folder, cloud.maker.key,
                             semantics={f"pre-apply/{PATCH}": judge}))
    told = sw_patch(cloud, "apply", PATCH, rc=1)
    assert f"no -p {PATCH}=" in told and patch_state(cloud, PATCH) == "Available"
    sw_patch(cloud, "apply", PATCH, "--skip-semantic")
    assert patch_state(cloud, PATCH) == "Partial-Apply"
