# SPDX-License-Identifier: Apache-2.0
"""What an operator asks of a host's disks and interfaces, on a machine whose kernel has LVM, bonds and VLANs."""
from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.virtualcloud.guestimage import guest_image
from flock.exec import run
from flock.testing.daemons import BIN, empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.sysinv.conftest import Sysinv
from tests.scenarios.virtualmachine import MAC, VirtualMachine, site, there, unit_options

HOST = "worker-0"
# What the four cards of the hubs are called there.
FIRST, SECOND, THIRD, FOURTH = ("link2", "link3", "link4", "link5")
CONFIGURED_S = 420.0
pytestmark = pytest.mark.timeout(3000)


class Host:
    """A worker in a virtual machine, known to a real sysinv."""

    def __init__(self, sysinv: Sysinv, machine: VirtualMachine, keystone: KeystoneServer) -> None:
        self.sysinv, self.machine = sysinv, machine
        self._environment = {**keystone.credentials("admin"), "PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore"}

    def system(self, *argv: str) -> str:
        """What an operator's command prints."""
        return run([str(BIN / "system"), *argv], timeout_s=120, env={**os.environ, **self._environment}).out

    def rows(self, *argv: str) -> list[dict[str, str]]:
        """The rows of a list command."""
        return list(csv.DictReader(io.StringIO(self.system(*argv, "-f", "csv"))))

    def join(self) -> None:
        """Make the machine a worker whose agent has reported its inventory."""
        machine, mac = self.machine, MAC.format(1)
        assert self.sysinv.lease(mac).rc == 0
        self.uuid = self.sysinv.discovered(mac)
        assert self.sysinv.patch(f"/v1/ihosts/{self.uuid}", personality="worker", hostname=HOST).status == 200
        machine.run("hostnamectl", "set-hostname", HOST)
        machine.write("/etc/flock/flock.conf", "\n".join((
            "[DEFAULT]", f"transport_url = {there(self.sysinv.rabbit_url)}", "state_dir = /var/lib/flock",
            "run_dir = /run/flock", "[rpc]", f"exchange = {self.sysinv.exchange}", "")))
        machine.write("/etc/flock/sysinv.conf", "\n".join((
            "[agent]", f"hostname = {HOST}", "audit_interval = 5", "retry_interval = 2", "lookup_interval = 2",
            "lookup_retry = 2", "watch_addresses = false", "")))
        for name in ("flock-config", "flock-sysinv-agent"):
            machine.run("cp", f"/opt/flock/checkout/etc/systemd/{name}.service", "/etc/systemd/system/")
            machine.write(f"/etc/systemd/system/{name}.service.d/checkout.conf",
                          unit_options(() if name == "flock-config" else ("TimeoutStartSec=400", "WatchdogSec=300")))
        machine.write("/etc/platform/.initial_config_complete", "")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "flock-config", "flock-sysinv-agent")
        machine.run("systemctl", "start", "--no-block", "flock-sysinv-agent")
        machine.wait(lambda: len(self.rows("host-disk-list", HOST)) >= 3, "the inventory", CONFIGURED_S)
        self.sysinv.state(HOST, availability="online")

    def unlock(self) -> None:
        """Unlock the host, and restart its machine as maintenance does; returns when it has what it should have."""
        self.system("host-unlock", HOST)
        self.machine.wait(self._unlock_passed, "the unlock to be carried out")
        self.machine.restart()
        self.sysinv.state(HOST, administrative="unlocked", operational="enabled", availability="available", task="")
        self.machine.wait(self._is_configured, "the configuration", CONFIGURED_S)
        assert self.rows("host-config-diff", HOST) == []

    def lock(self) -> None:
        """Lock it; maintenance is emulated."""
        self.system("host-lock", HOST)
        self.machine.wait(self._unlock_passed, "the lock to be carried out")
        self.sysinv.state(HOST, administrative="locked", operational="disabled", availability="online", task="")

    def _unlock_passed(self) -> bool:
        operations = self.sysinv.get(f"/v1/ihosts/{HOST}/operations").body["operations"]
        return all(one["state"] in ("done", "failed") for one in operations if one["action"] in ("lock", "unlock"))

    def _is_configured(self) -> bool:
        found = self.sysinv.host(HOST)
        return found["config_target"] is not None and found["config_applied"] == found["config_target"]


@pytest.fixture(scope="module")
def sysinv(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
           keystone: KeystoneServer) -> Iterator[Sysinv]:
    """Conductor and API of this module, on PostgreSQL."""
    folder = tmp_path_factory.mktemp("sysinv")
    with empty_database(request, "postgresql", folder) as url:
        service = Sysinv(folder, url, rabbit, keystone)
        keystone.add_service("platform", "sysinv", f"{service.base}/v1")
        try:
            service.start()
            yield service
        finally:
            service.stop()


@pytest.fixture(scope="module")
def host(sysinv: Sysinv, keystone: KeystoneServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The virtual machine as a locked worker; it was in service once."""
    image = guest_image(site())
    if not image.ready():
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("no image for virtual machines (devstack/prepare.sh --scenarios)")
        pytest.skip("no image for virtual machines (devstack/prepare.sh --scenarios)")
    machine = VirtualMachine(tmp_path_factory.mktemp("machine"), image)
    try:
        machine.start()
        found = Host(sysinv, machine, keystone)
        found.join()
        found.unlock()
        found.lock()
        yield found
    finally:
        machine.stop()
