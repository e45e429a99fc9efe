# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of hosts 17 to 24, 31 and 33: actions, from the request to what host maintenance is told.

There is no VIM: a lock goes to host maintenance at once, as if the VIM had answered ``services-disabled``.
"""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.contract.records import ConfigurationResult
from sysinv.db.tables import METADATA
from sysinv.resources.host.table import I_HOST
from tests.functional.sysinv.simulated import IN_SERVICE, LOCKED, SimulatedHost, Site


def told(host: SimulatedHost) -> list[str]:
    """The actions of the host that host maintenance has got, in order."""
    return [action for action, uuid in host.sysinv.mtce.told if uuid == host.uuid]


@pytest.fixture
def standby(site: Site) -> SimulatedHost:
    """controller-1, in service."""
    host = site.add(None, personality="controller").in_service()
    boot(host)
    return host


@pytest.fixture
def manager(sysinv: Any) -> Iterator[Any]:
    """Service management, which permits everything again after the test."""
    yield sysinv.manager
    sysinv.manager.permit()


def test_scenario_17_lock_and_unlock(site: Site) -> None:
    host = site.add("s17-worker").inventoried()
    reply = host.patch(action="unlock")
    assert (reply.status, reply.body["ihost_action"], reply.body["task"], reply.body["action"],
            reply.body["administrative"]) == (200, "unlock", "Unlocking", "none", "locked")
    host.state(administrative="unlocked", operational="disabled", availability="offline")
    assert host.shown["invprovision"] == "provisioning"
    host.state(**IN_SERVICE)
    shown = host.shown
    assert [shown[name] for name in ("administrative", "operational", "availability", "invprovision", "task")] == [
        "unlocked", "enabled", "available", "provisioned", None]

    reply = host.patch(action="lock")
    assert (reply.status, reply.body["ihost_action"], reply.body["task"]) == (200, "lock", "Locking")
    host.state(**LOCKED)
    shown = host.shown
    assert [shown[name] for name in ("administrative", "operational", "availability", "task", "ihost_action")] == [
        "locked", "disabled", "online", None, None]
    assert told(host) == ["unlock", "lock"]
    assert host.patch(action="lock").fault == "Avoiding lock action on already 'locked' host s17-worker"


def test_scenario_18_a_lock_that_nobody_carries_out_ends(site: Site) -> None:
    host = site.add("s18-worker").in_service()
    assert host.patch(action="lock").status == 200
    host.aged("ihost_action_at", 599 - 60)
    assert host.shown["ihost_action"] == "lock"
    host.aged("ihost_action_at", 61)
    site.sysinv.wait(lambda: host.shown["ihost_action"] is None, "the lock to be given up")
    assert (host.shown["task"], host.shown["administrative"]) == (None, "unlocked")
    assert "lock was not answered in 60" in host.shown["last_error"]
    assert host.patch(action="lock").status == 200
    assert told(host) == ["unlock", "lock", "lock"]


def test_scenario_19_a_forced_lock(site: Site) -> None:
    host = site.add("s19-worker").in_service()
    reply = host.patch(action="force-lock")
    assert (reply.status, reply.body["task"]) == (200, "Force Locking")
    assert told(host) == ["unlock", "force-lock"]


def test_scenario_20_the_active_controller_stays(standby: SimulatedHost) -> None:
    patch = standby.sysinv.patch
    for action in ("lock", "force-lock"):
        reply = patch("/v1/ihosts/controller-0", action=action)
        assert (reply.status, reply.fault) == (
            400, "controller-0 : Rejected: Can not lock an active controller.")
    standby.state(**LOCKED)
    reply = standby.patch(action="swact")
    assert (reply.status, reply.fault) == (400, "Controller is Locked ; No services to Swact")
    reply = patch("/v1/ihosts/controller-0", action="force-swact")
    assert reply.status == 400 and reply.fault.startswith("controller-1 is not enabled")


def test_scenario_21_service_management_refuses_a_lock(standby: SimulatedHost, manager: Any) -> None:
    manager.refuse("-1003", "controller-1 is the sole provider", ["dns", "vim"])
    reply = standby.patch(action="lock")
    assert (reply.status, reply.fault) == (
        400, "Service(s) dns, vim is/are only running on controller-1, locking controller-1 will result service "
             'outage. If lock controller-1 is required, please use "force lock" command.')
    assert manager.asked == [("controller-1", "lock-pre-check")]
    assert standby.shown["ihost_action"] is None
    assert standby.patch(action="force-lock").status == 200
    assert told(standby) == ["unlock", "force-lock"]


def test_scenario_22_a_swact(standby: SimulatedHost, manager: Any) -> None:
    """That alarms of a degraded controller refuse it is tested with the alarms of a stand-in, in the unit tests."""
    sysinv = standby.sysinv
    standby.state(operational="disabled", availability="failed")
    reply = sysinv.patch("/v1/ihosts/controller-0", action="swact")
    assert (reply.status, reply.fault) == (
        400, "controller-1 is not enabled and has operational state disabled. Standby controller must be operational "
             "enabled.")
    assert manager.asked == []
    standby.state(**IN_SERVICE)
    reply = sysinv.patch("/v1/ihosts/controller-0", action="swact")
    assert (reply.status, reply.body["task"], reply.body["ihost_action"]) == (200, "Swacting", "swact")
    assert manager.asked == [("controller-0", "swact-pre-check")]
    active = sysinv.host("controller-0")["uuid"]
    assert ("swact", active) in sysinv.mtce.told
    sysinv.state("controller-0", action="swact")
    sysinv.state("controller-0", action="none", task="")
    assert sysinv.host("controller-0")["ihost_action"] is None


def test_scenario_23_a_reinstallation(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s23-worker")
    host.inventoried()
    sysinv.wait(sysinv.boot_file(host.mac).exists, "the boot file")
    token = [word for word in sysinv.boot_file(host.mac).read_text().split() if "install_token" in word]
    reply = host.patch(action="reinstall")
    assert (reply.status, reply.body["task"], reply.body["inv_state"]) == (200, "Reinstalling", "reinstalling")
    sysinv.wait(lambda: token[0] not in sysinv.boot_file(host.mac).read_text(), "a new boot file")
    assert told(host) == ["reinstall"]
    host.state(action="reinstall", **LOCKED)
    host.state(action="none")
    reply = host.patch(action="unlock")
    assert (reply.status, reply.fault) == (
        400, "Cannot unlock host s23-worker undergoing reinstall. Wait for completion, then 'unlock'")
    host.inventoried()
    assert host.shown["inv_state"] == "inventoried"
    assert host.patch(action="unlock").status == 200

    away = site.add("s23-away")
    reply = away.patch(action="reinstall")
    assert reply.status == 400
    assert reply.fault.startswith("Can not 'Reinstall' s23-away while it is 'offline' and a board management "
                                  "controller is not provisioned")


def children(host: SimulatedHost) -> dict[str, int]:
    """How many rows of each table belong to the host."""
    with host.sysinv.db.reader() as conn:
        own = conn.execute(sa.select(I_HOST.c.id).where(I_HOST.c.uuid == host.uuid)).scalar()
        counts = {table.name: conn.execute(sa.select(sa.func.count()).where(table.c[column] == number)).scalar_one()
                  for table, column, number in _owned(own)}
    return {name: count for name, count in counts.items() if count}


def _owned(host_id: int | None) -> Iterator[tuple[sa.Table, str, int | None]]:
    for table in METADATA.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table is I_HOST:
                yield table, key.parent.name, host_id


def test_scenario_24_a_provisioned_worker_is_deleted(site: Site) -> None:
    sysinv, host = site.sysinv, site.add("s24-worker").in_service()
    reply = sysinv.call("DELETE", host.path)
    assert reply.fault == ("Unable to complete the action delete because Host s24-worker is in administrative state = "
                           "unlocked.")
    assert {"i_icpu", "i_node", "i_imemory", "ports", "interfaces", "i_idisk"} <= children(host).keys()
    with sysinv.db.reader() as conn:
        number = conn.execute(sa.select(I_HOST.c.id).where(I_HOST.c.uuid == host.uuid)).scalar_one()
    host.state(**LOCKED)
    assert sysinv.call("DELETE", host.path).status == 204
    sysinv.wait(lambda: sysinv.get(host.path).status == 404, "the host to be gone")
    assert host.uuid not in sysinv.mtce.hosts
    with sysinv.db.reader() as conn:
        left = {table.name for table, column, _ in _owned(None)
                if conn.execute(sa.select(sa.func.count()).where(table.c[column] == number)).scalar_one()}
    assert left == set()


def test_scenario_33_a_change_that_needs_a_boot(site: Site) -> None:
    """Alarm 250.001 is raised by an audit, which the unit tests of the configuration have."""
    sysinv, host = site.sysinv, site.add("s33-worker").in_service()
    boot(host)
    assert host.shown["config_status"] is None
    host.patch(action="lock")
    host.state(**LOCKED)
    assert sysinv.call("PUT", f"{host.path}/state/host_cpus_modify", [
        {"function": "platform", "sockets": [{"0": 2}]}]).status == 200
    differences = {one["key"] for one in sysinv.get(f"{host.path}/config_diff").body["config_diff"]}
    assert any("cpu" in key for key in differences), differences
    with ThreadPoolExecutor() as pool:
        unlock = pool.submit(host.patch, action="unlock")
        # Host maintenance is told when the host has fetched its configuration.
        sysinv.wait(lambda: host.shown["ihost_action"] == "unlock", "the unlock to begin")
        fetch(host)
        assert unlock.result().status == 200
    assert host.shown["config_status"] == "Config out-of-date"
    assert int(host.shown["config_target"].split("-")[0], 16) >> 31 == 1
    boot(host)
    host.state(**IN_SERVICE)
    assert host.shown["config_status"] is None
    assert host.shown["config_applied"] == host.shown["config_target"]


def boot(host: SimulatedHost) -> None:
    """The host takes its whole configuration at a boot."""
    host.sysinv.configurations.configuration_applied(
        host_uuid=host.uuid, result=ConfigurationResult(fetch(host).boot_uuids, whole=True))


def fetch(host: SimulatedHost) -> Any:
    """What the host should have, fetched by its agent."""
    return host.sysinv.configurations.wanted_configuration(host_uuid=host.uuid, certificate_pem="", uptime_s=0)


def test_scenario_31_two_locks_do_not_wait_for_each_other(site: Site) -> None:
    """With the stand-in of host maintenance in the VIM's place. The rest of the scenario is a benchmark."""
    sysinv = site.sysinv
    hosts = [site.add(f"s31-{number}").in_service() for number in range(2)]
    sysinv.mtce.gate.clear()
    try:
        with ThreadPoolExecutor() as pool:
            locks = [pool.submit(host.patch, action="lock") for host in hosts]
            # Neither has an answer before both were asked for.
            sysinv.wait(lambda: all(told(host)[-1] == "lock" for host in hosts), "both locks to be asked for")
            sysinv.mtce.gate.set()
            assert [lock.result().status for lock in locks] == [200, 200]
    finally:
        sysinv.mtce.gate.set()
