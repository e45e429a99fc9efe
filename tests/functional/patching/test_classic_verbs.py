# SPDX-License-Identifier: Apache-2.0
"""The classic API: every verb, its refusals as 200 with ``error``, and both base paths."""
from __future__ import annotations

from typing import Any

from tests.functional.patching.running import Cloud

ONE, TWO = "starlingx-10.0.1", "starlingx-10.0.2"


def told(cloud: Cloud, verb: str, base: str = "/patch") -> dict[str, str]:
    """The three texts of a verb; sw-patch sends neither body nor content type."""
    reply = cloud.as_admin.post(f"{cloud.base}{base}/{verb}")
    assert reply.status_code == 200, reply.text
    found: dict[str, str] = reply.json()
    assert set(found) == {"info", "warning", "error"}
    assert all(text.endswith("\n") for text in found.values() if text)
    return found


def asked(cloud: Cloud, question: str, base: str = "/patch") -> Any:
    reply = cloud.as_admin.get(f"{cloud.base}{base}/{question}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_every_verb_of_the_classic_api(cloud: Cloud) -> None:
    paths = [cloud.patch("10.0.1"), cloud.patch("10.0.2", requires=(ONE,))]
    # Files of the controller; of a directory without any it says so.
    assert told(cloud, f"upload_dir?dir0={paths[0].parent}")["info"] == f"{ONE}.patch is now uploaded\n"
    assert "no files *.patch" in told(cloud, f"upload_dir?dir0={cloud.maker.file.parent}")["error"]
    assert "absolute path" in told(cloud, "upload_dir?dir0=relative")["error"]
    with paths[1].open("rb") as stream:
        reply = cloud.as_admin.post(f"{cloud.base}/v1/upload", files={"file": (f"{TWO}.patch", stream)})
    assert (reply.status_code, reply.json()["info"]) == (200, f"{TWO}.patch is now uploaded\n")
    assert cloud.as_admin.post(f"{cloud.base}/patch/upload").json()["error"].startswith("An upload is multipart")

    for base in ("/patch", "/v1"):
        assert list(asked(cloud, "query?show=available&release=10.0", base)["pd"]) == [ONE, TWO]
        assert asked(cloud, f"show/{ONE}/x", base)["error"] == "Patch x does not exist\n"
        assert asked(cloud, "query_hosts", base)["data"][0]["hostname"] == "controller-0"
    assert asked(cloud, f"show/{ONE}")["contents"] == {ONE: ["tool_10.0.1.fake"]}
    assert cloud.as_admin.post(f"{cloud.base}/patch/show/{ONE}").json()["metadata"][ONE]["repostate"] == "Available"
    assert asked(cloud, f"what_requires/{ONE}")["info"] == f"{ONE} is required by: {TWO}\n"
    assert asked(cloud, f"query_dependencies/{TWO}?recursive=yes") == {"patches": [ONE], "error": ""}

    assert told(cloud, f"apply/{TWO}")["error"] == f"{ONE} is required by: {TWO}\n"
    assert told(cloud, "apply/--all")["info"] == f"{ONE} is now in the repo\n{TWO} is now in the repo\n"
    assert told(cloud, "host_install/controller-0/force")["info"] == (
        "Patch installation was successful on controller-0.\n")
    cloud.reaches(None)
    assert cloud.as_admin.post(f"{cloud.base}/patch/is_applied/{ONE}/{TWO}").json() is True
    assert cloud.as_admin.post(f"{cloud.base}/patch/is_available/{ONE}").json() is False

    assert told(cloud, f"report_app_dependencies/{TWO}?app=openstack")["error"] == ""
    assert asked(cloud, "query_app_dependencies") == {"openstack": [TWO]}
    assert told(cloud, f"remove/{TWO}")["error"] == f"{TWO} is required by application: openstack\n"
    assert told(cloud, f"remove/{TWO}?skipappcheck=yes")["error"] == ""
    assert told(cloud, f"apply/{TWO}")["error"].startswith(f"{TWO} must wait")
    assert told(cloud, "host_install_async/controller-0")["info"] == (
        "Patch installation request sent to controller-0.\n")
    cloud.reaches(None)
    assert told(cloud, "report_app_dependencies?app=openstack")["error"] == ""
    assert asked(cloud, "query_app_dependencies") == {}
    assert "missing" in told(cloud, "report_app_dependencies")["error"]

    assert "Patches to be committed" in told(cloud, f"commit_dry_run/{ONE}")["info"]
    assert told(cloud, f"commit_dry_run/{TWO}")["error"].startswith("These releases cannot be committed")
    assert told(cloud, f"commit/{ONE}")["info"] == f"{ONE} has been committed\n"
    assert told(cloud, f"remove/{ONE}")["error"] == f"Patch {ONE} is committed and cannot be removed\n"
    assert asked(cloud, "query?show=committed")["pd"][ONE]["patchstate"] == "Committed"
    assert told(cloud, f"delete/{TWO}")["info"] == f"{TWO} has been deleted\n"

    assert told(cloud, "init_release/10.0")["error"] == "Rejected: 10.0 is the running release\n"
    assert told(cloud, "del_release/10.0")["error"] == "Rejected: 10.0 is the running release\n"
    assert told(cloud, "del_release/9.0")["info"] == "There is no repository of release 9.0\n"
    assert "is not known" in told(cloud, "drop_host/compute-9")["error"]
    cloud.agents["controller-0"].mood = "silent"
    assert told(cloud, "drop_host/controller-0")["info"] == "controller-0 has been dropped\n"
    assert asked(cloud, "query_hosts") == {"data": []}
