# SPDX-License-Identifier: Apache-2.0
"""The driver of Nova against a real Nova, whose hypervisor only pretends."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from flock.auth.session import OwnSession
from flock.core.errors import Refused
from flock.testing.daemons import write_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.nova import NovaServer
from flock.testing.services.process import wait_for
from patching.core.strategy.picture import Instance, InstanceState
from patching.instances.nova import REASON, Nova

HOSTS = ("compute-0", "compute-1", "compute-2")
LIMIT_S = 120.0
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def running(nova: NovaServer) -> NovaServer:
    nova.start(HOSTS)
    return nova


@pytest.fixture
def driver(running: NovaServer, keystone: KeystoneServer, tmp_path: Path) -> Nova:
    """With the service's own account, and the URL from the catalogue."""
    write_conf(tmp_path / "own.conf", {"keystone_authtoken": keystone.authtoken_options()})
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(tmp_path / "own.conf")], default_config_dirs=[])
    return Nova(OwnSession(conf, "nova"))


@pytest.fixture(autouse=True)
def emptied(running: NovaServer) -> Iterator[None]:
    yield
    for one in running.ask("GET", "servers/detail?all_tenants=True")["servers"]:
        running.ask("DELETE", f"servers/{one['id']}")
    wait_for(lambda: not running.ask("GET", "servers?all_tenants=True")["servers"], LIMIT_S, "the servers to go", 0.3)
    for service in running.ask("GET", "os-services?binary=nova-compute")["services"]:
        running.ask("PUT", f"os-services/{service['id']}", {"status": "enabled"})


def seen(driver: Nova, server: str) -> Instance:
    return driver.look().instances[server]


def test_a_server_is_migrated_live_and_not_to_a_closed_host(running: NovaServer, driver: Nova) -> None:
    server = running.boot("web", "compute-0")
    assert (seen(driver, server).host, seen(driver, server).state) == ("compute-0", InstanceState.RUNNING)
    for host in ("compute-0", "compute-1"):
        driver.close_host(host)
    driver.move(server)
    wait_for(lambda: (seen(driver, server).host, seen(driver, server).state) == ("compute-2", InstanceState.RUNNING),
             LIMIT_S, "the server to run elsewhere", 0.3)
    assert seen(driver, server).trouble == ""


def test_a_server_that_must_not_live_is_moved_cold_and_confirmed(running: NovaServer, driver: Nova) -> None:
    server = running.boot("old", "compute-0", metadata={"hw:wrs:live_migration_timeout": "0"})
    driver.close_host("compute-0")
    driver.move(server)
    wait_for(lambda: seen(driver, server).state is InstanceState.MOVED, LIMIT_S, "the server to be moved", 0.3)
    driver.confirm_move(server)
    wait_for(lambda: seen(driver, server).state is InstanceState.RUNNING, LIMIT_S, "the move to be confirmed", 0.3)
    assert seen(driver, server).host != "compute-0"


def test_servers_are_stopped_and_started(running: NovaServer, driver: Nova) -> None:
    server = running.boot("web", "compute-0")
    driver.stop(server)
    wait_for(lambda: seen(driver, server).state is InstanceState.STOPPED, LIMIT_S, "the server to stop", 0.3)
    driver.stop(server)
    assert seen(driver, server).is_locked
    driver.start(server)
    wait_for(lambda: seen(driver, server).state is InstanceState.RUNNING, LIMIT_S, "the server to start", 0.3)
    driver.start(server)


def test_members_of_a_group_are_apart_and_aggregates_are_seen(running: NovaServer, driver: Nova) -> None:
    group = running.ask("POST", "os-server-groups", {"server_group": {
        "name": "pair", "policy": "anti-affinity"}})["server_group"]["id"]
    pair = [running.boot(f"member-{number}", f"compute-{number}", group=group) for number in (0, 1)]
    single = running.boot("single", "compute-0")
    aggregate = running.ask("POST", "os-aggregates", {"aggregate": {"name": "fast"}})["aggregate"]["id"]
    running.ask("POST", f"os-aggregates/{aggregate}/action", {"add_host": {"host": "compute-1"}})
    found = driver.look()
    assert [found.instances[one].apart for one in (*pair, single)] == [{group}, {group}, frozenset()]
    assert found.aggregates["fast"] == {"compute-1"}
    driver.move(pair[0])
    wait_for(lambda: seen(driver, pair[0]).host == "compute-2", LIMIT_S, "the member to leave its peer alone", 0.3)


def test_a_migration_for_which_there_is_no_host_is_told_with_its_reason(running: NovaServer, driver: Nova) -> None:
    server = running.boot("web", "compute-0")
    for host in HOSTS:
        driver.close_host(host)
    try:
        driver.move(server)
    except Refused as error:
        assert "No valid host" in str(error)
    else:
        wait_for(lambda: seen(driver, server).trouble, LIMIT_S, "the reason", 0.3)
        assert "No valid host was found" in seen(driver, server).trouble
    assert (seen(driver, server).host, seen(driver, server).state) == ("compute-0", InstanceState.RUNNING)
    driver.open_host("compute-1")
    driver.move(server)
    wait_for(lambda: seen(driver, server).host == "compute-1", LIMIT_S, "the server to leave", 0.3)
    assert seen(driver, server).trouble == ""


def test_only_what_was_closed_here_is_opened(running: NovaServer, driver: Nova) -> None:
    def service(host: str) -> tuple[str, str | None]:
        (found,) = running.ask("GET", f"os-services?binary=nova-compute&host={host}")["services"]
        return found["status"], found["disabled_reason"]

    (other,) = running.ask("GET", "os-services?binary=nova-compute&host=compute-1")["services"]
    running.ask("PUT", f"os-services/{other['id']}", {"status": "disabled", "disabled_reason": "new memory"})
    for host in ("compute-0", "compute-1"):
        driver.close_host(host)
    assert (service("compute-0"), service("compute-1")) == (("disabled", REASON), ("disabled", "new memory"))
    for host in ("compute-0", "compute-1"):
        driver.open_host(host)
    assert (service("compute-0"), service("compute-1")) == (("enabled", None), ("disabled", "new memory"))
