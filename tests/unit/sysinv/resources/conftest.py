# SPDX-License-Identifier: Apache-2.0
"""A whole sysinv in one process: API, conductor's steps and intake on one SQLite file, and an emulated mtce."""
from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import webob

from flock import tls
from flock.api import build_app
from flock.auth.secrets import SecretBox
from flock.db import Database
from flock.exec.atomic import replace_file
from flock.jobs.operations import Operations
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract import catalogue
from mtce.contract.records import ActionReply, HostStatus, MtceHost
from sysinv.api.main import services
from sysinv.bootstrap.answers import parse
from sysinv.conductor.configuration import ConfigurationAudits, ConfigurationEndpoint
from sysinv.conductor.dhcp import DnsmasqPaths
from sysinv.conductor.dnsmasq import BootFiles, Dnsmasq
from sysinv.conductor.endpoints import HostStatesEndpoint
from sysinv.conductor.hierafiles import HieraFiles
from sysinv.conductor.profiles import AwaitedProfiles, ProfileSteps
from sysinv.conductor.steps import HostSteps, StepSettings
from sysinv.conductor.storage import StorageEndpoint, StorageSteps
from sysinv.conf import options
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import SysinvAgent
from sysinv.contract.sensors import SensorSettings
from sysinv.db.tables import METADATA
from sysinv.hosts.degradations import Degradations
from sysinv.hosts.discovery import HostDiscovery
from sysinv.hosts.installation import Installation, InstallSettings
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.hosts.servicemanagement import ServiceManagement
from sysinv.hosts.work import Work
from sysinv.resources.address.rules import NetworkInterfaces
from sysinv.resources.bulk.service import BulkService
from sysinv.resources.disk.service import DiskService
from sysinv.resources.health.service import HealthService
from sysinv.resources.host.service import HostService, HostSettings
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.partition.service import PartitionService
from sysinv.resources.sensorgroup.service import SensorReportsEndpoint, SensorService
from tests.unit.sysinv.resources.managers import EmulatedFaults, EmulatedManager, EmulatedSoftware, RaisedAlarms

CONTROLLER_MAC = "08:00:27:00:00:01"
INTERFACES = options.NETWORK_INTERFACES


class EmulatedMtce:
    """Host maintenance as far as sysinv sees it: keeps hosts, answers actions as told, remembers request ids."""

    def __init__(self) -> None:
        self.hosts: dict[str, MtceHost] = {}
        self.actions: list[tuple[str, str, str]] = []
        self.answer = ActionReply("pass")
        self.deleted: list[tuple[str, int]] = []
        self.told_again: list[list[str]] = []
        self.resynced: list[tuple[str, int]] = []
        self.sequences: dict[str, int] = {}
        self.during_resync: Callable[[str], None] | None = None
        self.sensor_settings: dict[str, SensorSettings] = {}
        self.relearnt: list[str] = []

    def put_host(self, *, host: MtceHost) -> ActionReply:
        self.hosts[host.uuid] = host
        return ActionReply("pass")

    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        self.actions.append((host_uuid, action, request_id))
        return self.answer

    def change_settings(self, *, host_uuid: str, settings: SensorSettings) -> ActionReply:
        if self.answer.status == "pass":
            self.sensor_settings[host_uuid] = settings
        return self.answer

    def relearn(self, *, host_uuid: str) -> ActionReply:
        self.relearnt.append(host_uuid)
        return self.answer

    def tell_again(self, *, host_uuids: list[str]) -> None:
        self.told_again.append(host_uuids)

    def resync_host(self, *, host_uuid: str, sequence: int) -> HostStatus | None:
        self.resynced.append((host_uuid, sequence))
        status = self.get_host(host_uuid=host_uuid)
        if self.during_resync is not None:
            self.during_resync(host_uuid)
        return None if status is None else replace(status, sequence=self.sequences.get(host_uuid, sequence + 1))

    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        self.deleted.append((host_uuid, revision))
        if self.answer.status == "pass":
            self.hosts.pop(host_uuid, None)
        return self.answer

    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        return next((one for one in self.list_hosts() if one.uuid == host_uuid), None)

    def list_hosts(self) -> list[HostStatus]:
        return [HostStatus(h.uuid, h.hostname, h.administrative, h.operational, h.availability, "disabled",
                           "not-installed", "none", "", "", 0, h.personality, h.subfunctions, h.revision,
                           h.state_sequence) for h in self.hosts.values()]


class Events:
    """Customer logs that were written."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, str | None]] = []

    def log_event(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                  reason_text: str | None = None) -> str:
        self.logged.append((alarm_id, entity_instance_id))
        return "1"


class Reply:
    """Status and parsed body of one answer."""

    def __init__(self, response: Any) -> None:
        self.status = response.status_int
        self.body: Any = json.loads(response.body) if response.body else None

    @property
    def fault(self) -> str:
        return str(json.loads(self.body["error_message"])["faultstring"])


class Cloud:
    """The system under test; ``get``, ``post``, ``patch``, ``delete`` speak HTTP to it as an administrator."""

    def __init__(self, db: Database, folder: Path, answers: dict[str, Any]) -> None:
        self.db, self.folder = db, folder
        METADATA.create_all(db.engine)
        self.answers = parse({"admin_password": "sysadmin-1", "system_mode": "duplex", **answers})
        seed_system(db, self.answers, CONTROLLER_MAC)
        self.mtce, self.events, self.manager = EmulatedMtce(), Events(), EmulatedManager()
        self.faults, self.software = EmulatedFaults(), EmulatedSoftware()
        self.paths = DnsmasqPaths(str(folder / "dnsmasq"), str(folder / "tftp"), "/usr/bin/true")
        self.dnsmasq = Dnsmasq(db, self.paths, INTERFACES, unit="")
        self.boot_files = BootFiles(folder / "tftp")
        self.discovery = HostDiscovery(db, self.events)
        self.asked: list[str] = []
        self.told: list[str] = []
        self.hiera = HieraFiles(folder / "hieradata")
        self.raised = RaisedAlarms()
        self.configurations = ConfigurationAudits(db, self.agent_of, self.raised, self.raised, self.hiera)
        self.configuration = ConfigurationEndpoint(db, self.hiera, folder / "tls", folder / "secret.key")
        self.steps = HostSteps(db, self.mtce, self.boot_files, self.dnsmasq, self.discovery, StepSettings(
            active_controller="controller-0", install_token_ttl_s=3600, mtce_step_timeout_s=5, api_port=6385,
            secret_key_file=folder / "secret.key"), waits_for_fetch=self.configurations.waits_for_fetch)
        storage = StorageSteps(db, self.agent_of)
        kinds = self.steps.kinds() | storage.kinds() | ProfileSteps(db, self.events).kinds()
        self.operations = Operations(db, OPERATIONS, kinds, owner="test", poll_s=0.05)
        self.storage = StorageEndpoint(db, self.operations.nudge)
        self.inventory = InventoryIntake(db, interfaces_of=lambda _hostname: INTERFACES,
                                         inventoried=AwaitedProfiles(self.operations).inventoried)
        self.states = HostStatesEndpoint(db)
        self.sensors = SensorReportsEndpoint(db.transact)
        self.sequence = 0
        (folder / "heartbeat.key").write_text("00" * 32)
        authority = tls.Authority.create("flock", datetime.datetime.now(datetime.UTC))
        replace_file(folder / "tls" / "ca.crt", authority.certificate_pem)
        replace_file(folder / "tls" / "ca.key", authority.key_pem, 0o600)
        self.seen_at({})
        self.work = Work(self.operations, lambda _uuid: self.operations.nudge())
        self.box = SecretBox.create(folder / "secret.key")
        self.app = self.build()

    def seen_at(self, macs: dict[str, str]) -> None:
        """The kernel's table of neighbours: ``{address: MAC address}``."""
        lines = [f"{address}  0x1  0x2  {mac}  *  pxeboot0" for address, mac in macs.items()]
        (self.folder / "arp").write_text("\n".join(["IP address HW type Flags HW address Mask Device", *lines]))

    def fetch(self, ident: str, token: str | None, key: bytes, address: str = "127.0.0.1") -> Reply:
        """The installer's request for its bundle from ``address``, with a request for ``key``."""
        return self.call("POST", f"/v1/ihosts/{ident}/install_config",
                         {"csr": tls.new_request(key, "installer").decode()},
                         headers={} if token is None else {"X-Install-Token": token}, address=address)

    def agent_of(self, hostname: str) -> SysinvAgent:
        """A host's agent, which notes in ``asked`` that it was told of orders and does nothing."""
        cloud = self

        class Agent(SysinvAgent):
            def storage_ordered(self, *, host_uuid: str) -> None:
                cloud.asked.append(hostname)

            def configuration_ordered(self, *, host_uuid: str) -> None:
                cloud.told.append(hostname)

        return Agent()

    def build(self) -> Any:
        """The API with the resources that are there now."""
        manager = ServiceManagement(self.manager, "controller-0", self.software,
                                    Degradations(self.faults, catalogue.load()))
        hosts = HostService(self.db, self.work, self.box, HostSettings("controller-0", action_wait_s=5.0), manager)
        return build_app(self._conf(), "sysinv", deps=[
            manager, self.db, self.work, NetworkInterfaces(INTERFACES), *services(self.db),
            PartitionService(self.db, self.work), DiskService(self.db, self.work), SensorService(self.db, self.mtce),
            HealthService(self.db, self.faults, catalogue.load(), self.software, "controller-0"),
            hosts, BulkService(self.db, hosts, self.work, "controller-0"),
            Installation(self.db, self.work, InstallSettings(
                INTERFACES, "rabbit://controller:5671/", self.folder / "heartbeat.key",
                self.folder / "tls"), lambda uuid: "pa$s", neighbours=self.folder / "arp")], authenticate=trusting)

    @staticmethod
    def _conf() -> Any:
        conf = private_conf()
        options.register(conf)
        from flock import conf as flock_conf
        flock_conf.register(conf)
        return conf

    def call(self, method: str, path: str, body: Any = None, role: str = "admin",
             headers: dict[str, str] | None = None, raw: bytes | None = None,
             address: str = "127.0.0.1", content_type: str = "application/json") -> Reply:
        request = webob.Request.blank(path, method=method, environ={"REMOTE_ADDR": address})
        request.headers.update({"X-Roles": role, "X-Project-Name": "admin", "X-User-Id": "u", "X-Project-Id": "p",
                                "X-Identity-Status": "Confirmed", **(headers or {})})
        if body is not None or raw is not None:
            request.body = raw if raw is not None else json.dumps(body).encode()
            request.headers["Content-Type"] = content_type
        return Reply(request.get_response(self.app))

    def get(self, path: str, **options_: Any) -> Reply:
        return self.call("GET", path, **options_)

    def post(self, path: str, body: Any, **options_: Any) -> Reply:
        return self.call("POST", path, body, **options_)

    def patch(self, path: str, role: str = "admin", **values: Any) -> Reply:
        body = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]
        return self.call("PATCH", path, body, role=role)

    def delete(self, path: str) -> Reply:
        return self.call("DELETE", path)

    def host(self, ident: str) -> dict[str, Any]:
        return dict(self.get(f"/v1/ihosts/{ident}").body)

    def state(self, ident: str, **fields: Any) -> None:
        """A state as mtce reports it."""
        self.sequence += 1
        self.states.update_host_state(update=HostStateUpdate(
            host_uuid=self.host(ident)["uuid"], sequence=self.sequence, **fields))

    def enable_controller(self) -> None:
        self.state("controller-0", administrative="unlocked", operational="enabled", availability="available", task="")

    def discover(self, mac: str = "08:00:27:be:6e:25") -> str:
        uuid = self.discovery.lease(["pxeboot", "pxeboot0"], mac, "169.254.202.77", 0)
        assert uuid is not None
        return uuid

    def settle(self) -> None:
        """Carry out everything that waits."""
        with self.db.reader() as conn:
            waiting = conn.execute(OPERATIONS.select()).mappings().all()
        for row in waiting:
            self.operations.wait(row["uuid"], 10)

    def boot_file(self, mac: str) -> str:
        return (self.folder / "tftp" / "pxelinux.cfg" / f"01-{mac.replace(':', '-')}").read_text()


def _cloud(database: Database, tmp_path: Path, **answers: Any) -> Iterator[Cloud]:
    made = Cloud(database, tmp_path, answers)
    made.operations.start()
    yield made
    made.operations.stop()
    made.work.close()


@pytest.fixture
def cloud(database: Database, tmp_path: Path) -> Iterator[Cloud]:
    """A Standard system whose controller-0 is unlocked and enabled."""
    for made in _cloud(database, tmp_path):
        made.enable_controller()
        yield made


@pytest.fixture(scope="module")
def lasting_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The same for all tests of a module, which only read what the first of them made."""
    folder = tmp_path_factory.mktemp("cloud")
    database = Database(f"sqlite:///{folder}/sysinv.sqlite")
    for made in _cloud(database, folder):
        made.enable_controller()
        yield made
    database.dispose()


@pytest.fixture
def simplex(database: Database, tmp_path: Path) -> Iterator[Cloud]:
    """AIO-SX, enabled."""
    for made in _cloud(database, tmp_path, system_type="All-in-one", system_mode="simplex"):
        made.enable_controller()
        yield made


@pytest.fixture
def fresh(database: Database, tmp_path: Path) -> Iterator[Cloud]:
    """A Standard system just after the bootstrap: controller-0 is locked."""
    yield from _cloud(database, tmp_path)
