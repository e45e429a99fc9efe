# SPDX-License-Identifier: Apache-2.0
"""Role profiles that a file of hosts names: what they supply, and their application at the first inventory."""
from __future__ import annotations

from typing import Any

import pytest

from sysinv.resources.host.report import PlatformReport
from sysinv.resources.profile import service
from tests.unit.sysinv.resources.files import bulk_add, document, host, mac_of
from tests.unit.sysinv.resources.test_profiles import (  # noqa: F401  # the fixture source
    NOTHING,
    apply,
    functions,
    memory,
    report,
    source,
    take,
    worker,
)


def plain(number: int, more: str = "") -> str:
    """A host of which the file has only what identifies it."""
    return f"<host><hostname>worker-{number}</hostname><mgmt_mac>{mac_of(number)}</mgmt_mac>{more}</host>"


def applications(cloud: Any) -> list[tuple[str, str, str | None]]:
    cloud.settle()
    return [(one["hostname"], one["state"], one["error"]) for one in cloud.get("/v1/operations").body["operations"]
            if one["kind"] == "profile"]


def inventoried(cloud: Any, number: int, cores: int = 4) -> str:
    uuid = str(cloud.host(f"worker-{number}")["uuid"])
    cloud.settle()
    cloud.inventory.store(host_uuid=uuid, kind="platform", records=[PlatformReport(
        boot_id="b1", uptime_s=30, kernel_release="6.1", kernel_running="standard", after_install=True,
        first_report=True)])
    report(cloud, uuid, mac_of(number), cores)
    cloud.inventory.inventory_completed(host_uuid=uuid)
    return uuid


@pytest.fixture
def profile(cloud: Any, source: str) -> str:  # noqa: F811
    """The role profile ``large`` of worker-0."""
    cloud.patch(f"/v1/ihosts/{source}", console="ttyS1,115200", rootfs_device="/dev/nvme0n1")
    made = take(cloud, "large", "role")
    assert made.status == 200
    return str(made.body["uuid"])


def test_a_profile_supplies_what_the_file_leaves_out(cloud: Any, profile: str) -> None:
    reply = bulk_add(cloud, document(plain(5, "<profile>large</profile>"),
                                     plain(6, "<profile>large</profile><console>ttyS2,9600</console>")))
    assert reply["success"] == "\n worker-5\n worker-6" and reply["error"] == ""
    found = cloud.host("worker-5")
    assert (found["personality"], found["subfunctions"], found["console"], found["rootfs_device"]) == (
        "worker", "worker", "ttyS1,115200", "/dev/nvme0n1")
    assert cloud.host("worker-6")["console"] == "ttyS2,9600"


def test_the_profile_is_applied_when_the_host_first_is_inventoried(cloud: Any, profile: str) -> None:
    bulk_add(cloud, document(plain(5, "<profile>large</profile>")))
    assert applications(cloud) == []
    uuid = inventoried(cloud, 5)
    assert applications(cloud) == [("worker-5", "done", None)]
    assert functions(cloud, "worker-5") == functions(cloud, "worker-0")
    assert memory(cloud, "worker-5")[1] == (5000, None)
    assert ("200.021", "host=worker-5.command=provision") in cloud.events.logged
    # A later inventory applies nothing again: the operator may have changed it.
    cloud.call("PUT", f"/v1/ihosts/{uuid}/state/host_cpus_modify", [{"function": "platform", "sockets": [{"1": 0}]}])
    changed = functions(cloud, "worker-5")
    cloud.inventory.inventory_completed(host_uuid=uuid)
    assert functions(cloud, "worker-5") == changed and len(applications(cloud)) == 1


def test_a_profile_that_does_not_fit_changes_nothing_and_the_operation_says_why(cloud: Any, profile: str) -> None:
    bulk_add(cloud, document(plain(5, "<profile>large</profile>")))
    inventoried(cloud, 5, cores=6)
    before = functions(cloud, "worker-5"), memory(cloud, "worker-5")
    assert applications(cloud) == [
        ("worker-5", "undone", "Profile large is for hosts with 8 logical cores; host worker-5 has 12.")]
    assert (functions(cloud, "worker-5"), memory(cloud, "worker-5")) == before
    assert cloud.host("worker-5")["inv_state"] == "inventoried"
    assert ("200.021", "host=worker-5.command=provision") in cloud.events.logged


@pytest.mark.parametrize(("more", "text"), [
    ("<profile>small</profile>", "profile: There is no role profile small."),
    ("<profile>cores</profile>", "profile: There is no role profile cores."),
    ("<profile>a b</profile>", "profile"),
    ("<profile>large</profile><subfunctions>worker,lowlatency</subfunctions>",
     "Profile large is for hosts with personality worker and subfunctions worker, not worker and worker,lowlatency.")])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_profile_that_cannot_be_meant_makes_the_host_invalid(
        cloud: Any, profile: str, more: str, text: str, dry_run: bool) -> None:
    take(cloud, "cores", "cpu")
    reply = bulk_add(cloud, document(plain(5, more), host(6)), dry_run=dry_run)
    assert [one["status"] for one in reply["hosts"]] == ["invalid", "failed"]
    assert text in reply["hosts"][0]["message"] and cloud.get("/v1/ihosts/worker-6").status == 404


def test_a_dry_run_adds_no_host_and_leaves_the_profile_free(cloud: Any, profile: str) -> None:
    reply = bulk_add(cloud, document(plain(5, "<profile>large</profile>")), dry_run=True)
    assert [one["status"] for one in reply["hosts"]] == ["added"]
    assert cloud.get("/v1/ihosts/worker-5").status == 404
    assert cloud.delete(f"/v1/iprofile/{profile}").status == 204


def test_a_profile_for_which_hosts_wait_stays(cloud: Any, profile: str) -> None:
    bulk_add(cloud, document(plain(5, "<profile>large</profile>"), plain(6, "<profile>large</profile>")))
    reply = cloud.delete(f"/v1/iprofile/{profile}")
    assert (reply.status, reply.fault) == (
        409, "Profile large can not be deleted while hosts wait for it: worker-5, worker-6.")
    inventoried(cloud, 5)
    cloud.delete("/v1/ihosts/worker-6")
    cloud.settle()
    assert applications(cloud) == [("worker-5", "done", None)]
    assert cloud.delete(f"/v1/iprofile/{profile}").status == 204


def test_a_profile_that_goes_before_the_host_is_added_stops_only_that_host(
        cloud: Any, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = service.store.found

    def gone(conn: Any, uuid: str, *, lock: bool = False) -> Any:
        return None if uuid == profile else found(conn, uuid, lock=lock)

    monkeypatch.setattr(service.store, "found", gone)
    reply = bulk_add(cloud, document(plain(5, "<profile>large</profile>"), host(6)))
    assert [one["status"] for one in reply["hosts"]] == ["failed", "added"]
    assert "Profile" in reply["hosts"][0]["message"] and cloud.get("/v1/ihosts/worker-5").status == 404


def test_an_operation_that_is_called_twice_applies_once(cloud: Any, profile: str) -> None:
    worker(cloud, 1)
    assert apply(cloud, "worker-1", profile).body["profile_plan"]["cpus"]
    assert apply(cloud, "worker-1", profile).body["profile_plan"] == NOTHING
