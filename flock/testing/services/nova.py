# SPDX-License-Identifier: Apache-2.0
"""A Nova whose hypervisor only pretends: API, scheduler, conductor, Placement, and a compute service for each host.

Of images and networks Nova gets what one small server says in place of Glance and Neutron; servers have no network.
"""
from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from flock.exec import run
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import Process, ServiceFailed, free_port, wait_for

VERSION = {"OpenStack-API-Version": "compute 2.72", "X-OpenStack-Nova-API-Version": "2.72"}
IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"
ANSWER_S = 60.0
Json = dict[str, Any]

CONFIGURATION = """\
[DEFAULT]
concurrency_backend = threading
transport_url = {bus}
compute_driver = {driver}
my_ip = 127.0.0.1
state_path = {folder}
osapi_compute_workers = 1
report_interval = 2
service_down_time = 20
[api]
auth_strategy = keystone
[api_database]
connection = {api}
[database]
connection = {cell}
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 2
[oslo_concurrency]
lock_path = {folder}/locks
[filter_scheduler]
track_instance_changes = false
[glance]
endpoint_override = {others}
[cinder]
endpoint_override = {others}
[neutron]
endpoint_override = {others}
{neutron}
[placement]
{account}
[keystone_authtoken]
{account}
"""

PLACEMENT = """\
[api]
auth_strategy = keystone
[placement_database]
connection = {placement}
[keystone_authtoken]
{account}
"""

# A service of OpenStack reads its options from the command line of its server process, which has gunicorn's.
WSGI = "import sys\nsys.argv = ['{name}']\nfrom {module} import application\n"


class NovaServer:
    """Nova at ``url``, with a compute service for each of ``hosts``. ``ask`` speaks to it as an administrator."""

    def __init__(self, folder: Path, keystone: KeystoneServer, postgres: PostgresServer, bus_url: str) -> None:
        self.folder = folder
        self._keystone, self._postgres, self._bus_url = keystone, postgres, bus_url
        self.port, self._placement_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}/v2.1"
        self.hosts: list[str] = []
        self._databases: list[str] = []
        self._processes: dict[str, Process] = {}
        self._others = _Others()

    @staticmethod
    def venv() -> Path:
        """Nova's virtual environment: ``nova`` in ``$FLOCK_HOME`` (/opt/flock)."""
        return Path(os.environ.get("FLOCK_HOME", "/opt/flock")) / "nova"

    @classmethod
    def available(cls) -> bool:
        """True when Nova and Placement are installed."""
        return all((cls.venv() / "bin" / name).exists() for name in ("nova-compute", "nova-manage", "placement-manage"))

    def start(self, hosts: Iterable[str], timeout_s: float = 300.0) -> None:
        """Create the databases and start everything; returns when all hosts can take servers."""
        self.hosts = list(hosts)
        self._configure()
        # Each program takes seconds to start, so those that do not need each other run at once.
        self._manage(timeout_s, ("placement-manage", "db", "sync"), ("nova-manage", "api_db", "sync"))
        self._manage(timeout_s, ("nova-manage", "cell_v2", "create_cell", "--name", "one"),
                     ("nova-manage", "cell_v2", "map_cell0", "--database_connection", self._databases[3]))
        self._manage(timeout_s, ("nova-manage", "db", "sync"))
        self._serve("placement", "placement.wsgi.api", self._placement_port)
        self._keystone.add_service("placement", "placement", f"http://127.0.0.1:{self._placement_port}")
        self._keystone.add_service("compute", "nova", self.url)
        self._serve("nova-api", "nova.wsgi.osapi_compute", self.port)
        for name in ("nova-conductor", "nova-scheduler"):
            self._run(name, name, "--config-file", str(self.folder / "nova.conf"))
        for host in self.hosts:
            self.start_host(host)
        self._processes["nova-api"].wait_until(self._is_complete, timeout_s, "all compute services to be up")

    def start_host(self, host: str) -> None:
        """Start the compute service of a host."""
        own = self.folder / host
        own.mkdir(exist_ok=True)
        (own / "host.conf").write_text(f"[DEFAULT]\nhost = {host}\nstate_path = {own}\n")
        self._run(host, "nova-compute", "--config-file", str(self.folder / "nova.conf"), "--config-file",
                  str(own / "host.conf"))

    def kill_host(self, host: str) -> None:
        """Kill the compute service of a host."""
        self._processes[host].kill()

    def stop(self) -> None:
        """Kill everything; the data is not used again."""
        for process in self._processes.values():
            process.kill()
        self._others.stop()
        for url in self._databases:
            self._postgres.drop_database(url)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """The answer to an administrator's request; ServiceFailed with what Nova says."""
        token = self._keystone.token("admin", "admin")
        reply = requests.request(method, f"{self.url}/{path}", json=body, timeout=ANSWER_S,
                                 headers={**VERSION, "X-Auth-Token": token})
        if not reply.ok:
            raise ServiceFailed(f"{method} {path}: {reply.status_code} {reply.text[:500]}")
        found: Json = reply.json() if reply.content else {}
        return found

    def boot(self, name: str, host: str, *, group: str = "", metadata: Mapping[str, str] | None = None,
             timeout_s: float = 120.0) -> str:
        """Id of a new server on a host; returns when it is active."""
        body: Json = {"server": {"name": name, "imageRef": IMAGE, "flavorRef": self._flavor(), "networks": "none",
                                 "availability_zone": f"nova:{host}", "metadata": dict(metadata or {})}}
        if group:
            body["os:scheduler_hints"] = {"group": group}
        made = str(self.ask("POST", "servers", body)["server"]["id"])
        wait_for(lambda: self.server(made)["status"] in ("ACTIVE", "ERROR"), timeout_s, f"server {name}", 0.3)
        if self.server(made)["status"] != "ACTIVE":
            raise ServiceFailed(f"server {name}: {self.server(made).get('fault')}")
        return made

    def server(self, server_id: str) -> Json:
        """One server."""
        found: Json = self.ask("GET", f"servers/{server_id}")["server"]
        return found

    def _flavor(self) -> str:
        for one in self.ask("GET", "flavors")["flavors"]:
            if one["name"] == "small":
                return str(one["id"])
        body = {"flavor": {"name": "small", "ram": 64, "vcpus": 1, "disk": 1}}
        return str(self.ask("POST", "flavors", body)["flavor"]["id"])

    def _is_complete(self) -> bool:
        try:
            up = {one["host"] for one in self.ask("GET", "os-services?binary=nova-compute")["services"]
                  if one["state"] == "up"}
            known = {one["service"]["host"] for one in self.ask("GET", "os-hypervisors/detail")["hypervisors"]}
        except (ServiceFailed, requests.RequestException):
            return False
        return set(self.hosts) <= up & known

    def _configure(self) -> None:
        options = self._keystone.authtoken_options()
        account = "\n".join(f"{name} = {value}" for name, value in options.items())
        login = "\n".join(f"{name} = {options[name]}" for name in (
            "auth_type", "auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name",
            "region_name"))
        self._databases = [self._postgres.create_database() for _ in range(4)]
        api, cell, placement, _ = self._databases
        (self.folder / "nova.conf").write_text(CONFIGURATION.format(
            bus=self._bus_url, driver="fake.FakeLiveMigrateDriver", folder=self.folder, api=api, cell=cell,
            others=self._others.url, neutron=login, account=account))
        (self.folder / "placement.conf").write_text(PLACEMENT.format(placement=placement, account=account))

    def _manage(self, timeout_s: float, *commands: tuple[str, ...]) -> None:
        def one(command: tuple[str, ...]) -> None:
            program, *arguments = command
            conf = self.folder / f"{program.partition('-')[0]}.conf"
            run([str(self.venv() / "bin" / program), "--config-file", str(conf), *arguments], timeout_s=timeout_s,
                env={"PYTHONWARNINGS": "ignore", "HOME": str(self.folder)})

        with ThreadPoolExecutor(len(commands)) as pool:
            list(pool.map(one, commands))

    def _serve(self, name: str, module: str, port: int) -> None:
        wsgi = self.folder / f"{name.replace('-', '_')}_wsgi.py"
        wsgi.write_text(WSGI.format(name=name, module=module))
        self._run(name, "gunicorn", "-b", f"127.0.0.1:{port}", "-w", "1", "--threads", "8", "-k", "gthread",
                  "--no-control-socket", f"{wsgi.stem}:application")

    def _run(self, name: str, program: str, *arguments: str) -> None:
        # The first file describes the application.
        files = f"{self.venv() / 'etc/nova/api-paste.ini'};{self.folder / 'nova.conf'}"
        environment = {"PYTHONWARNINGS": "ignore", "HOME": str(self.folder),
                       "OS_NOVA_CONFIG_DIR": str(self.folder), "OS_NOVA_CONFIG_FILES": files,
                       "OS_PLACEMENT_CONFIG_DIR": str(self.folder)}
        self._processes[name] = Process(name, [str(self.venv() / "bin" / program), *arguments], self.folder,
                                        env=environment)


class _Others:
    """What Nova asks of Glance and Neutron about a server without network: one image, and no port."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler() -> type[BaseHTTPRequestHandler]:
    image = {"id": IMAGE, "name": "small", "status": "active", "visibility": "public", "min_ram": 0, "min_disk": 0,
             "size": 1, "disk_format": "raw", "container_format": "bare", "owner": uuid.uuid4().hex, "tags": [],
             "protected": False, "checksum": None, "created_at": "2026-01-01T00:00:00Z",
             "updated_at": "2026-01-01T00:00:00Z", "file": f"/v2/images/{IMAGE}/file", "schema": "/v2/schemas/image"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].rstrip("/")
            kind = path.rpartition("/")[2]
            answers: Mapping[str, Any] = {
                IMAGE: image, "image": {"name": "image", "properties": {name: {} for name in image}},
                "extensions": {"extensions": []},
                "ports": {"ports": []}, "networks": {"networks": []}, "floatingips": {"floatingips": []},
                "subnets": {"subnets": []}, "security-groups": {"security_groups": []}}
            data = json.dumps(answers.get(kind, {})).encode()
            self.send_response(200 if kind in answers else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler
