# SPDX-License-Identifier: Apache-2.0
"""A running sysinv: conductor and API as processes against real RabbitMQ, Keystone and each database; mtce emulated."""
from __future__ import annotations

import datetime
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from flock import tls
from flock.core.errors import Refused
from flock.exec import Completed, run
from flock.exec.alone import alone
from flock.exec.atomic import replace_file
from flock.rpc import Server, client
from flock.testing.daemons import BIN, empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, wait_for
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from flock.testing.subsystem import RunningSubsystem
from mtce.contract.records import ActionReply, HostStatus, MtceHost
from mtce.contract.rpc import MtceHosts
from sysinv.bootstrap.answers import parse
from sysinv.cmd import lease_update
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.rpc import Discovery, HostConfiguration, HostStates, InventoryReports
from sysinv.hosts.seed import seed_system
from tests.functional.sysinv.simulated import Site

CONTROLLER_MAC = "08:00:27:00:00:01"


class EmulatedMtce:
    """Host maintenance on the real bus: answers as told, holds an action while ``gate`` is closed."""

    def __init__(self) -> None:
        self.hosts: dict[str, MtceHost] = {}
        self.actions: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self.answer = ActionReply("pass")
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.told_again: list[list[str]] = []

    def put_host(self, *, host: MtceHost) -> ActionReply:
        self.hosts[host.uuid] = host
        return ActionReply("pass")

    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        self.actions.append((action, request_id))
        self.told.append((action, host_uuid))
        self.asked.set()
        self.gate.wait(60)
        return self.answer

    def tell_again(self, *, host_uuids: list[str]) -> None:
        self.told_again.append(host_uuids)

    def resync_host(self, *, host_uuid: str, sequence: int) -> HostStatus | None:
        return self.get_host(host_uuid=host_uuid)

    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        self.hosts.pop(host_uuid, None)
        return ActionReply("pass")

    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        return next((one for one in self.list_hosts() if one.uuid == host_uuid), None)

    def list_hosts(self) -> list[HostStatus]:
        return [HostStatus(h.uuid, h.hostname, h.administrative, h.operational, h.availability, "disabled",
                           "not-installed", "none", "", "", 0, h.personality, h.subfunctions, h.revision,
                           h.state_sequence) for h in self.hosts.values()]


class EmulatedManager:
    """Service management over real HTTP: before a lock or a swact it answers as told; it has no services to list."""

    def __init__(self) -> None:
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PATCH(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                manager.asked.append((self.path.rpartition("/")[2], asked["action"]))
                reply = json.dumps(manager.reply).encode()
                self._send(200, reply)

            def do_GET(self) -> None:
                collection, _, element = self.path.removeprefix("/v1/").partition("/")
                self._send(200, json.dumps(None if element else {collection: []}).encode())

            def _send(self, status: int, reply: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_arguments: object) -> None:
                """Is not of interest."""

        self.permit()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def permit(self) -> None:
        """From now on nothing is refused; what was asked before is forgotten."""
        self.asked: list[tuple[str, str]] = []
        self.refuse("0", "", [])

    def refuse(self, code: str, details: str, services: list[str]) -> None:
        self.reply = {"error_code": code, "error_details": details, "impact_service_list": services}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Answer:
    """Status, parsed body and fault sentence of a reply."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.text = response.text
        self.body: Any = response.json() if response.content else None

    @property
    def fault(self) -> str:
        return str(json.loads(self.body["error_message"])["faultstring"])


class Sysinv(RunningSubsystem):
    """One sysinv with its files below ``folder``; start, stop and kill its daemons at will."""

    def __init__(self, folder: Path, url: str, rabbit: RabbitNode, keystone: KeystoneServer) -> None:
        super().__init__("sysinv", folder, url, rabbit.new_vhost_url(), keystone)
        self._rabbit = rabbit
        self.mtce = EmulatedMtce()
        self.manager = EmulatedManager()
        self.sequence = 0
        self.conductor: Process | None = None
        self._write_conf()
        bus = self.bus()
        self._server = Server(bus, "controller-0", {MtceHosts: self.mtce})
        self.states = client(HostStates, bus)
        self.reports = client(InventoryReports, bus)
        self.leases = client(Discovery, bus)
        self.configurations = client(HostConfiguration, bus)
        # Short, because a question asked before the conductor's queue exists is never answered.
        self._questions = client(InventoryReports, bus, deadline_s=0.3)

    def start(self) -> None:
        """Make and seed the tables, start both daemons; returns when they serve."""
        self.make_tables()
        answers = {"admin_password": "sysadmin-1", "system_type": "Standard", "system_mode": "duplex"}
        seed_system(self.db, parse(answers), CONTROLLER_MAC)
        assert self._server.start(SERVES_S)
        self.start_conductor()
        self.start_api()
        self.state("controller-0", administrative="unlocked", operational="enabled", availability="available")

    def start_conductor(self) -> None:
        """Start sysinv-conductor; returns when it takes states."""
        self.conductor = self.daemon("sysinv-conductor", self._conductor_serves)

    def kill_conductor(self) -> None:
        """SIGKILL."""
        assert self.conductor is not None
        self.conductor.kill()

    def stop(self) -> None:
        """End everything."""
        self.mtce.gate.set()
        self._server.stop(5)
        self.manager.stop()
        super().stop()

    def call(self, method: str, path: str, body: Any = None, *, role: str | None = "admin", project: str = "admin",
             headers: dict[str, str] | None = None, raw: bytes | None = None) -> Answer:
        """One request with a token of ``role`` (None: without token)."""
        sent = dict(headers or {})
        if role is not None:
            sent["X-Auth-Token"] = self.keystone.token(role, project)
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        return Answer(requests.request(method, self.base + path, data=data, headers=sent, timeout=40))

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def patch(self, path: str, role: str = "admin", **values: Any) -> Answer:
        return self.call("PATCH", path, [{"op": "replace", "path": f"/{name}", "value": value}
                                         for name, value in values.items()], role=role)

    def host(self, ident: str) -> dict[str, Any]:
        """A host as the API shows it."""
        answer = self.get(f"/v1/ihosts/{ident}")
        assert answer.status == 200, answer.text
        return dict(answer.body)

    def state(self, ident: str, **fields: Any) -> None:
        """A state as mtce reports it, over the bus."""
        self.sequence += 1
        self.states.update_host_state(update=HostStateUpdate(
            host_uuid=self.host(ident)["uuid"], sequence=self.sequence, **fields))

    def lease(self, mac: str, address: str = "169.254.202.77", tags: str = "pxeboot pxeboot0",
              action: str = "add") -> Completed:
        """Run the lease script as dnsmasq does, until the process that it leaves in the background has ended."""
        done = run([str(BIN / "sysinv-dnsmasq-lease-update"), action, mac, address], timeout_s=60, check=False,
                   env={"FLOCK_CONF_DIR": str(self.conf_dir), "DNSMASQ_TAGS": tags, "PYTHONWARNINGS": "ignore",
                        "DNSMASQ_CLIENT_ID": f"01:{mac}", "TMPDIR": str(self.folder)})
        lock = self.folder / lease_update.PROG / str(lease_update.place(mac))

        def told() -> bool:
            try:
                with alone(lock, "A process tells of a lease."):
                    return True
            except Refused:
                return False

        if lock.parent.is_dir():
            wait_for(told, 60, "the end of what tells of the lease")
        return done

    def discovered(self, mac: str) -> str:
        """Uuid of the host with that MAC address, waited for."""
        found: list[str] = []

        def look() -> bool:
            hosts = self.get("/v1/ihosts").body["ihosts"]
            found.extend(host["uuid"] for host in hosts if host["mgmt_mac"] == mac)
            return bool(found)

        wait_for(look, 15, f"discovery of {mac}")
        return found[0]

    def wait(self, condition: Any, what: str, timeout_s: float = 20) -> None:
        """Until ``condition()`` holds."""
        wait_for(condition, timeout_s, what)

    def boot_file(self, mac: str) -> Path:
        return self.folder / "tftp" / "pxelinux.cfg" / f"01-{mac.replace(':', '-')}"

    def _write_conf(self) -> None:
        (self.folder / "heartbeat.key").write_text("11" * 32)
        authority = tls.Authority.create("flock", datetime.datetime.now(datetime.UTC))
        replace_file(self.folder / "tls" / "ca.crt", authority.certificate_pem)
        replace_file(self.folder / "tls" / "ca.key", authority.key_pem, 0o600)
        # Boot files name the authority of the front's certificate.
        replace_file(self.folder / "tls" / "front.crt", authority.issue(
            tls.new_request(tls.new_key(), "front"), tls.Usage.SERVER, "front", ["127.0.0.1"],
            datetime.datetime.now(datetime.UTC)))
        self.configure({
            "sysinv": {"hostname": "controller-0", "secret_key_file": self.folder / "secret.key",
                       "heartbeat_key_file": self.folder / "heartbeat.key", "audit_interval_s": 1,
                       "sm_url": self.manager.url, "lease_interval_s": 1, "mtce_audit_interval_s": 1,
                       # Nobody answers for fault management here.
                       "alarms_timeout_s": 0.5},
            "bootstrap": {"agent_transport_url": "rabbit://agent:secret@controller:5671/",
                          "tls_directory": self.folder / "tls", "authority_directory": self.folder / "tls"},
            # Accounts belong to the broker, which several systems share here: one must not remove another's.
            "bus_admin": {"url": self._rabbit.admin_url, "account": self._rabbit.account,
                          "password": self._rabbit.password, "vhost": self.rabbit_url.rpartition("/")[2],
                          "audit_interval_s": 3600},
            "dnsmasq": {"directory": self.folder / "dnsmasq", "tftp_root": self.folder / "tftp",
                        "upstream_file": self.folder / "resolv.upstream", "unit": ""}})

    def _conductor_serves(self) -> bool:
        return self._questions.get_host_by_macs(macs=[CONTROLLER_MAC], hostname="") is not None


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def running_sysinv(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
           keystone: KeystoneServer) -> Iterator[Sysinv]:
    """Both daemons, shared by the session, once per engine."""
    folder = tmp_path_factory.mktemp("sysinv")
    with empty_database(request, request.param, folder) as url:
        service = Sysinv(folder, url, rabbit, keystone)
        try:
            service.start()
            yield service
        finally:
            service.stop()


@pytest.fixture
def sysinv(running_sysinv: Sysinv) -> Sysinv:
    """The running service, its conductor alive whatever the test before did to it."""
    assert running_sysinv.conductor is not None
    if not running_sysinv.conductor.running:
        running_sysinv.start_conductor()
    return running_sysinv


@pytest.fixture
def site(sysinv: Sysinv) -> Iterator[Site]:
    """Simulated hosts of the running service, which are removed after the test."""
    made = Site(sysinv)
    yield made
    made.remove()
