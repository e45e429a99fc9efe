# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of hosts 1 to 10: how a machine becomes a host that can be unlocked.

Scenario 6 names storage hosts, which need a storage backend. What the scenarios say of the VIM does not apply: there is
none, and a host joins without it.
"""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.resources.network.table import NETWORKS
from tests.functional.sysinv.simulated import IN_SERVICE, MACS, Site


def macs(sysinv: Any) -> list[str]:
    return [host["mgmt_mac"] for host in sysinv.get("/v1/ihosts").body["ihosts"]]


def appended(sysinv: Any, mac: str) -> dict[str, str]:
    """The words of the kernel's command line in a host's boot file."""
    (line,) = (line for line in sysinv.boot_file(mac).read_text().splitlines() if "APPEND" in line)
    return {name: value for name, _, value in (word.partition("=") for word in line.split()[1:])}


def test_scenario_01_a_lease_discovers_a_host(site: Site) -> None:
    sysinv, mac = site.sysinv, next(MACS)
    with site.deployed_as("All-in-one", "duplex"):
        before = len(macs(sysinv))
        assert sysinv.lease(mac).rc == 0
        sysinv.wait(lambda: mac in macs(sysinv), "the host to be discovered", 5)
        (found,) = (host for host in sysinv.get("/v1/ihosts").body["ihosts"] if host["mgmt_mac"] == mac)
        host = site.known(found["uuid"], mac)
        assert (found["hostname"], found["personality"]) == (None, None)
        assert [found[axis] for axis in ("administrative", "operational", "availability")] == [
            "locked", "disabled", "offline"]
        site.lease(mac)
        assert len(macs(sysinv)) == before + 1 and host.shown["uuid"] == found["uuid"]


def test_scenario_02_what_discovers_nobody(site: Site) -> None:
    sysinv, before = site.sysinv, len(macs(site.sysinv))
    with site.deployed_as("All-in-one", "simplex"):
        site.lease(next(MACS))
    of_pxeboot = NETWORKS.c.type == "pxeboot"
    with sysinv.db.writer() as conn:
        conn.execute(sa.update(NETWORKS).where(of_pxeboot).values(dynamic=False))
    try:
        site.lease(next(MACS))
    finally:
        with sysinv.db.writer() as conn:
            conn.execute(sa.update(NETWORKS).where(of_pxeboot).values(dynamic=True))
    assert len(macs(sysinv)) == before


def test_scenario_03_and_04_a_role_has_effects_and_is_final(site: Site) -> None:
    sysinv, host = site.sysinv, site.discover()
    reply = host.patch(personality="worker", hostname="s03-worker")
    assert (reply.status, reply.body["hostname"], reply.body["personality"]) == (200, "s03-worker", "worker")
    sysinv.wait(sysinv.boot_file(host.mac).exists, "the boot file")
    assert "MENU LABEL pxe-worker-install-" in sysinv.boot_file(host.mac).read_text()
    words = appended(sysinv, host.mac)
    assert (words["console"], words["rootfs_device"], words["flock.role"]) == ("ttyS0,115200", "/dev/sda", "worker")
    names = {one["name"] for one in sysinv.get("/v1/addresses").body["addresses"]}
    assert {"s03-worker-mgmt", "s03-worker-cluster-host"} <= names
    sysinv.wait(lambda: host.uuid in sysinv.mtce.hosts, "host maintenance to know the host")

    reply = host.patch(personality="controller")
    assert (reply.status, reply.fault) == (
        400, "Can not change personality of host s03-worker from 'worker' to 'controller'. Delete and re-add the host.")
    reply = host.patch(hostname="s04-other")
    assert (reply.status, reply.fault) == (
        400, "The hostname of host s03-worker can not be changed. Delete and re-add it.")
    assert host.shown["hostname"] == "s03-worker"


def test_scenario_05_the_second_controller_is_named(site: Site) -> None:
    host = site.discover()
    reply = host.patch(personality="controller")
    assert (reply.status, reply.body["hostname"]) == (200, "controller-1")


def test_scenario_07_a_host_is_added_once(site: Site) -> None:
    host = site.add("s07-worker")
    again = {"personality": "worker", "hostname": "s07-other", "mgmt_mac": host.mac.upper()}
    reply = site.sysinv.call("POST", "/v1/ihosts", again)
    assert (reply.status, reply.fault) == (
        400, f"Host-add Rejected: Host with mgmt_mac {host.mac} already exists")
    reply = site.sysinv.call("POST", "/v1/ihosts", again | {"hostname": "s07-worker", "mgmt_mac": next(MACS)})
    assert (reply.status, reply.fault) == (400, "Host-add Rejected: Hostname already exists")
    # A machine that was discovered and has no role yet becomes the host that is added.
    discovered = site.discover()
    reply = site.sysinv.call("POST", "/v1/ihosts", {"personality": "worker", "hostname": "s07-third",
                                                    "mgmt_mac": discovered.mac})
    assert (reply.status, reply.body["uuid"]) == (200, discovered.uuid)


def test_scenario_08_parameters_of_the_installation(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s08-worker")
    sysinv.wait(sysinv.boot_file(host.mac).exists, "the boot file")
    assert appended(sysinv, host.mac)["console"] == "ttyS0,115200"
    assert host.patch(console="").status == 200
    sysinv.wait(lambda: "console" not in appended(sysinv, host.mac), "a boot file without a console")
    host.state(**IN_SERVICE)
    reply = host.patch(console="ttyS1,115200")
    # 409 instead of StarlingX's 400: the state of the host is in the way, not the request.
    assert (reply.status, reply.fault) == (
        409, "Host must be locked before updating installation parameters.")
    assert host.shown["console"] == ""


def test_scenario_09_progress_of_an_installation(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s09-worker")
    sysinv.wait(sysinv.boot_file(host.mac).exists, "the boot file")
    token = {"X-Install-Token": appended(sysinv, host.mac)["flock.install_token"]}

    def progress(state: str, info: str, headers: dict[str, str]) -> int:
        return int(sysinv.call("POST", f"{host.path}/install_progress", {
            "install_state": state, "install_state_info": info}, role=None, headers=headers).status)

    assert progress("installing", "12/900", {}) == 403
    assert progress("installing", "12/900", token) == 200
    assert (host.shown["install_state"], host.shown["install_state_info"]) == ("installing", "12/900")
    host.aged("install_state_at", 899 - 60)
    assert host.shown["install_state"] == "installing"
    host.aged("install_state_at", 61)
    sysinv.wait(lambda: host.shown["install_state"] == "failed", "a silent installation to fail")
    assert progress("installing", "13/900", token) == 200
    assert progress("installed", "900/900", token) == 200
    assert host.shown["install_state"] == "booting"
    host.state(availability="online")
    assert host.shown["install_state"] == "completed"


def test_scenario_10_only_a_complete_inventory_is_unlocked(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s10-worker")
    records = host.machine.records(host.mac)
    assert len(records) == 10
    for kind in [*records][:-1]:
        host.tell(kind, records[kind])
    host.state(availability="online")
    reply = host.patch(action="unlock")
    assert (reply.status, reply.fault) == (
        400, "Cannot unlock host s10-worker that has not completed initial inventory. "
        "Wait for inventory completion, then 'unlock'")
    host.tell("pv", records["pv"])
    sysinv.reports.inventory_completed(host_uuid=host.uuid)
    assert (host.shown["inv_state"], host.shown["availability"]) == ("inventoried", "online")
    assert host.patch(action="unlock").status == 200


@pytest.mark.parametrize("availability", ["offline", "online"])
def test_scenario_10_an_unlock_also_waits_for_the_host(site: Site, availability: str) -> None:
    host = site.add("s10-other")
    host.state(availability=availability)
    reply = host.patch(action="unlock")
    assert reply.status == 400
    assert ("is not online" in reply.fault) == (availability == "offline")
