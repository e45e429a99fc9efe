# SPDX-License-Identifier: Apache-2.0
"""sm-api with real tokens in front of the daemons of two controllers: who may do what, checks, a swact, a lock."""
from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from oslo_config import cfg

from flock import conf as flock_conf
from flock.auth.session import OwnSession
from flock.core.records import replace
from flock.testing.daemons import BIN
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import wait_for
from flock.testing.subsystem import RunningSubsystem
from mtce.conductor.manager import ManagerAudit, answer
from mtce.core.actions import AskManager, Swact
from mtce.core.view import first_view
from sm.client.rest import SmApi
from sm.contract.nodecommand import NodeAction
from sysinv.contract.enums import Administrative, Availability, Operational
from tests.functional.sm.daemon.conftest import Builder, Machine, Yard
from tests.functional.sm.daemon.conftest import yards as _yards
from tests.rbac.role_cases import role_cases
from tests.unit.mtce.core.conftest import host_record

yards = _yards
CASES = role_cases("sm")
NO_BUS = "rabbit://127.0.0.1:1/"
SWACT = {"origin": "mtce", "action": "swact", "admin": "unlocked", "oper": "enabled", "avail": "available"}


class Served:
    """sm-api of one controller."""

    def __init__(self, machine: Machine, folder: Path, keystone: KeystoneServer) -> None:
        self.api = RunningSubsystem("sm", folder, f"sqlite:///{folder}/none.sqlite", NO_BUS, keystone)
        self.api.configure({"sm": {"control_socket": machine.folder / "run/control", "answer_s": 2}})
        self.api.start_api()
        self.session = self.api.http()

    def get(self, path: str) -> Any:
        reply = self.session.get(f"{self.api.base}/v1/{path}", timeout=20)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def command(self, host: str, **fields: str) -> requests.Response:
        return self.session.patch(f"{self.api.base}/v1/servicenode/{host}", json={**SWACT, **fields}, timeout=20)


class Site:
    """Both controllers, the active one first."""

    def __init__(self, yard: Yard, folder: Path, keystone: KeystoneServer) -> None:
        self.yard = yard
        self.active, self.standby = yard.active()
        self.served: dict[str, Served] = {}
        for machine in yard.nodes:
            self.served[machine.name] = Served(machine, folder / f"api-{machine.name}", keystone)

    def close(self) -> None:
        for one in self.served.values():
            one.api.stop()


@pytest.fixture
def site(yards: Builder, tmp_path: Path, keystone: KeystoneServer, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(yards(fencing=getattr(request, "param", True)), tmp_path, keystone)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.root
@pytest.mark.usefixtures("member_alone")
def test_roles(site: Site) -> None:
    api = site.served[site.active.name].api
    answered = {}
    for case in CASES:
        with api.http(case.role, case.project) as http:
            path = case.path.format(id="none", hostname="nobody")
            answered[case.name] = http.request(case.method, api.base + path, json=case.body, timeout=20).status_code
    assert answered == {case.name: case.status for case in CASES}


@pytest.mark.root
def test_lists_checks_and_a_swact(site: Site) -> None:
    first, second = site.active.name, site.standby.name
    leader, other = site.served[first], site.served[second]
    groups = {one["node_name"]: one for one in leader.get("service_groups")["service_groups"]}
    assert (groups[first]["state"], groups[second]["state"]) == ("active", "standby")
    assert leader.get(f"sm_sda/{groups[second]['uuid']}") == groups[second] == other.get(
        f"service_groups/{groups[second]['uuid']}")
    assert [node["name"] for node in leader.get("nodes")["nodes"]] == sorted([first, second])
    assert leader.get("services/web")["state"] == "enabled-active" != other.get("services/web")["state"]
    assert leader.get(f"servicenode/{first}")["swactable_services"] == "yes"
    assert other.get(f"servicenode/{second}")["active_services"] == "no"

    refused = other.command(first)
    assert refused.status_code == 400 and refused.json()["error_details"] == (
        f"'swact' is the leader's work; ask {first}")
    checked = leader.command(first, action="swact-pre-check", admin="unknown", oper="unknown", avail="")
    assert (checked.status_code, checked.json()["error_code"], checked.json()["error_details"]) == (200, "0", None)
    moved = leader.command(first)
    assert (moved.status_code, moved.json()["error_code"]) == (200, "0")
    site.yard.wait(lambda: site.standby.state() == "active", 20, "the other controller to be active")
    site.yard.never_both()


@pytest.mark.root
def test_services_and_operators_ask(site: Site) -> None:
    """The client of sysinv and host maintenance logs in with the account of its own service; ``smc`` prints tables."""
    api = site.served[site.active.name].api
    conf = cfg.ConfigOpts()
    flock_conf.register(conf)
    conf([], default_config_files=[str(api.conf_dir / "sm.conf")], default_config_dirs=[])
    client = SmApi(OwnSession(conf, "sm-api"), api.base, "sysinv")
    assert {row["node_name"] for row in client.all("sm_sda")} == {site.active.name, site.standby.name}
    assert client.one("services", "none") is None
    assert client.service_node(site.active.name)["active_services"] == "yes"
    assert client.refusal(site.active.name, NodeAction.SWACT_PRE_CHECK) is None
    host = replace(first_view(host_record(site.active.name, personality="controller",
                                          states="unlocked-enabled-available")), is_active=True)
    locked = replace(host, hostname=site.standby.name, is_active=False, administrative=Administrative.LOCKED,
                     operational=Operational.DISABLED, availability=Availability.ONLINE)
    ManagerAudit(client, lambda: [host, locked]).audit()
    assert client.service_node(site.standby.name)["admin"] == "locked"
    asked = answer(client, host, AskManager("1"))
    assert asked.ok and asked.active
    refused = answer(client, host, Swact("2", False))
    assert not refused.ok and refused.reason.endswith("is locked")

    def smc(*words: str) -> subprocess.CompletedProcess[str]:
        token = api.keystone.token("reader", "admin") if api.keystone is not None else ""
        return subprocess.run([BIN / "smc", "--smc-url", api.base, "--os-auth-token", token, *words], text=True,
                              capture_output=True, timeout=60, check=False)

    lines = smc("servicegroup-list").stdout.splitlines()
    assert [word.strip() for word in lines[1].strip("|").split("|")] == [
        "uuid", "service_group_name", "hostname", "state"]
    assert len(lines) == 6 and " active " in "".join(lines)
    assert " enabled-active " in smc("service-show", "web").stdout
    missing = smc("servicenode-show", "9")
    assert (missing.returncode, missing.stderr.strip()) == (1, "Service node 9 could not be found")


@pytest.mark.root
def test_a_lock_reaches_the_other_controller(site: Site) -> None:
    """The leader takes it at once, the locked controller keeps it over a restart of its daemon, and its unlock too."""
    first, second = site.active.name, site.standby.name
    leader = site.served[first]
    locked = leader.command(second, action="lock", admin="locked", oper="disabled", avail="online")
    assert (locked.status_code, locked.json()["admin"], locked.json()["oper"]) == (200, "locked", "disabled")
    refused = leader.command(first)
    assert (refused.status_code, refused.json()["error_details"]) == (
        400, f"{second} is not ready to take service, {second} is locked")

    def told(machine: Machine, admin: str) -> bool:
        return any((line.name, line.administrative) == (second, admin) for line in machine.status().nodes)

    site.yard.wait(lambda: told(site.standby, "locked"), 10, "the locked controller to know it")
    site.standby.signal(signal.SIGTERM)
    site.standby.start()
    site.yard.wait(lambda: site.standby.state() == "disabled" or site.standby.state() == "standby", 15, "its daemon")
    assert told(site.standby, "locked")
    assert leader.command(second, action="unlock").status_code == 200
    site.yard.wait(lambda: told(site.standby, "unlocked"), 10, "the unlocked controller to know it")
    site.yard.wait(lambda: leader.command(first, action="swact-pre-check").json()["error_code"] == "0", 15,
                   "the other controller to be ready again")


@pytest.mark.root
@pytest.mark.parametrize("site", [False], ids=["without fencing"], indirect=True)
def test_a_daemon_that_stands_still(site: Site) -> None:
    standby = site.served[site.standby.name]
    site.standby.signal(signal.SIGSTOP)
    began_s = time.monotonic()
    reply = standby.session.get(f"{standby.api.base}/v1/services", timeout=20)
    assert reply.status_code == 503 and "sm is not available" in reply.text
    assert time.monotonic() - began_s < 5
    assert requests.get(f"{standby.api.base}/healthz", timeout=20).status_code == 503
    site.standby.signal(signal.SIGCONT)
    wait_for(lambda: requests.get(f"{standby.api.base}/healthz", timeout=20).status_code == 200, 15, "the daemon")
