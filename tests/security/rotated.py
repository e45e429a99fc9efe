# SPDX-License-Identifier: Apache-2.0
"""A running system whose keys, passwords and authority are rotated: RabbitMQ with TLS and accounts, nginx, sysinv's
conductor and a host's agent."""
from __future__ import annotations

import datetime
import json
import os
import ssl
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import amqp
import sqlalchemy as sa

from flock import rpc, tls
from flock.db import Database
from flock.rpc import Server as BusServer
from flock.rpc import client
from flock.rpc import options as rpc_options
from flock.rpc.accounts import host_account, service_account
from flock.rpc.admin import BusAdmin
from flock.rpc.login import accepted
from flock.testing.fixtures import private_conf
from flock.testing.services.process import Process, find_program, free_port, port_open, wait_for
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from sysinv.agent.renewal import Places, Renewal
from sysinv.bootstrap import bus, render, rotation
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.bus import SERVER_TLS
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.bootstrap.front import Listen, Published, nginx_conf
from sysinv.bootstrap.rotationsteps import DISCONNECT, Server, Site
from sysinv.bootstrap.secrets import generate
from sysinv.conductor.credentials import CredentialsEndpoint
from sysinv.contract.rpc import Credentials, SysinvAgent
from sysinv.db.tables import METADATA
from sysinv.hosts import credentials
from sysinv.hosts.issuing import issue_for_host, wanted_trust
from sysinv.hosts.seed import seed_system
from sysinv.model import busaccounts, busconf
from sysinv.model.host import initial_states
from sysinv.model.hostfiles import BUS_TLS, TLS_DIRECTORY
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST
from tests.security.hostaccounts import give_account

ANSWERS = parse({"admin_password": "correct-horse"})
HOST = "worker-0"


class System:
    """Files of controller-0 below ``controller``, of worker-0 below ``worker``; the servers that use them run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.controller, self.worker = folder, folder / "controller", folder / "worker"
        self.port, self.front_port = free_port(), free_port()
        self.secrets = generate()
        self._files()
        self.node = RabbitNode(folder / "rabbit", management=True)
        with (self.node.folder / "rabbitmq.conf").open("a") as conf:
            text = "\n".join(SERVER_TLS).replace(TLS_DIRECTORY, str(self.controller / "tls"))
            conf.write(f"listeners.ssl.default = 127.0.0.1:{self.port}\n{text}\n")
        self.nginx: Process | None = None
        self.db = Database(f"sqlite:///{folder}/sysinv.sqlite")
        METADATA.create_all(self.db.engine)
        seed_system(self.db, ANSWERS, "08:00:27:00:00:01")
        self.uuids = {name: self._host(name, number) for number, name in enumerate((HOST, "worker-1"), start=2)}
        self.transports: list[rpc.Transport] = []
        self.servers: list[BusServer] = []
        self.restarts = 0
        self.said: list[str] = []

    def _files(self) -> None:
        directory = self.controller / "tls"
        directory.mkdir(parents=True)
        (self.worker / "tls").mkdir(parents=True)
        now = datetime.datetime.now(datetime.UTC)
        authority = tls.Authority.create("flock", now)
        (directory / "ca.crt").write_bytes(authority.certificate_pem)
        (directory / "ca.key").write_bytes(authority.key_pem)
        for role in ROLES:
            if role.name != "postgresql":
                for file in certificate_files(role, authority, ANSWERS, "controller-0", now):
                    (directory / Path(file.path).name).write_text(file.content)
        (self.controller / "secrets.json").write_text(json.dumps(asdict(self.secrets)))
        for file in render.service_files(ANSWERS, self.secrets, "controller-0"):
            # Here the floating address, by whose name the host's account finds the bus, is that of this machine.
            text = file.content.replace(f"@controller:{bus.BUS_PORT}/", f"@127.0.0.1:{bus.BUS_PORT}/").replace(
                f":{bus.BUS_PORT}/", f":{self.port}/")
            (self.controller / Path(file.path).name).write_text(text)
        os.chmod(self.controller / "flock.conf", 0o640)
        self.write_definitions()
        key = tls.new_key()
        issued = issue_for_host(directory, HOST, tls.new_request(key, HOST).decode(), now)
        (self.worker / "tls" / "host.key").write_bytes(key)
        (self.worker / "tls" / "host.crt").write_text(issued.certificate)
        (self.worker / "tls" / "ca.crt").write_text(issued.authorities)
        url = busaccounts.account_url(f"rabbit://127.0.0.1:{self.port}/", host_account(HOST), "first")
        (self.worker / "flock.conf").write_text(f"[DEFAULT]\ntransport_url = {url}\n\n[kept]\nas = it is\n")

    def write_definitions(self) -> None:
        (self.folder / "definitions.json").write_text(
            json.dumps(bus.definitions(self.secrets, b"salt", "controller-0")))

    def _host(self, hostname: str, number: int) -> str:
        with self.db.writer() as conn:
            forisystemid = conn.execute(sa.select(I_HOST.c.forisystemid)).scalar()
            row = hosts.insert(conn, {**initial_states(), "mgmt_mac": f"08:00:27:00:00:0{number}",
                                      "forisystemid": forisystemid, "sw_version": "1", "hostname": hostname,
                                      "personality": "worker", "install_state": "completed"})
            credentials.certificate_given(conn, row["id"], datetime.datetime.now(datetime.UTC)
                                          + datetime.timedelta(days=700), datetime.datetime.now(datetime.UTC))
            credentials.password_given(conn, row["id"], datetime.datetime.now(datetime.UTC))
            credentials.authorities_confirmed(conn, row["id"], wanted_trust(self.controller / "tls"))
        return str(row["uuid"])

    def start(self) -> None:
        nginx = find_program("nginx")
        assert nginx is not None
        self.node.start()
        self.node.control("import_definitions", str(self.folder / "definitions.json"))
        admin = self.admin()
        give_account(admin, HOST, "first")
        conf = nginx_conf([Listen("127.0.0.1")],
                          [Published("keystone", self.front_port, str(self.folder / "none.sock"), checks_tokens=False)],
                          user="root", run_dir=str(self.folder), cache_dir=str(self.folder))
        (self.folder / "nginx.conf").write_text(conf.replace(TLS_DIRECTORY, str(self.controller / "tls")))
        self.nginx = Process("nginx", [nginx, "-e", "stderr", "-c", str(self.folder / "nginx.conf"), "-g",
                                       "daemon off;"], self.folder)
        wait_for(lambda: port_open(self.front_port), 20, "nginx")

    def admin(self) -> BusAdmin:
        """The administrator as sysinv-conductor's file names it now."""
        text = (self.controller / "sysinv-conductor.conf").read_text()
        password = next(line.partition("= ")[2] for line in text.splitlines() if line.startswith("password"))
        return BusAdmin(self.node.admin_url, service_account(busaccounts.ADMIN), password)

    def transport(self, conf_file: Path) -> rpc.Transport:
        conf = private_conf()
        rpc_options.register(conf)
        url = busconf.transport_url(conf_file.read_text(), str(conf_file))
        directory = conf_file.parent / "tls"
        for name, value in BUS_TLS.items():
            chosen = value == "true" if name == "ssl" else value.replace(TLS_DIRECTORY, str(directory))
            conf.set_override(name, chosen, group="oslo_messaging_rabbit")
        made = rpc.transport(conf, url)
        self.transports.append(made)
        return made

    def delete(self, hostname: str) -> None:
        with self.db.writer() as conn:
            conn.execute(sa.delete(I_HOST).where(I_HOST.c.hostname == hostname))

    def site(self, **changes: Any) -> Site:
        site = Site(
            "controller-0", self.db, self.said.append, hosts_wait_s=30, conf_dir=self.controller,
            definitions=self.folder / "definitions.json", secrets=self.controller / "secrets.json",
            authority=self.controller / "tls",
            servers=(Server("front", self.front_port, ("sh", "-c", f"kill -HUP $(cat {self.folder}/nginx.pid)")),
                     Server("rabbitmq", self.port, self.node.control_command("eval", "ssl:clear_pem_cache()."))),
            import_definitions=self.node.control_command("import_definitions"), restart=("true",),
            disconnect=self.node.control_command(*DISCONNECT[2:]))
        return replace(site, **changes)

    def conductor(self) -> CredentialsEndpoint:
        """Serve agents with the account that the conductor's file has now."""
        transport = self.transport(self.controller / "sysinv-conductor.conf")
        endpoint = CredentialsEndpoint(self.db, self.admin(), self.controller / "tls",
                                       lambda host: client(SysinvAgent, transport, host), "controller-0")
        names = {uuid: name for name, uuid in self.uuids.items()}
        self.serve(BusServer(transport, "controller-0", {Credentials: endpoint}, hostname_of=names.get))
        return endpoint

    def agent(self) -> Agent:
        """worker-0's agent with the account that its file has now."""
        transport = self.transport(self.worker / "flock.conf")
        directory = self.worker / "tls"

        def restart() -> None:
            self.restarts += 1

        agent = Agent(Renewal(
            client(Credentials, transport), HOST, Places(self.worker / "flock.conf", directory),
            lambda url: accepted(url, directory / "ca.crt", directory / "host.crt", directory / "host.key"), restart))
        self.serve(BusServer(transport, HOST, {SysinvAgent: agent}, threads_max=1))
        return agent

    def serve(self, server: BusServer) -> None:
        assert server.start(SERVES_S)
        self.servers.append(server)

    def login(self, url: str) -> bool:
        directory = self.worker / "tls"
        return accepted(url, directory / "ca.crt", directory / "host.crt", directory / "host.key")

    def url(self, name: str) -> str:
        """The transport_url in one of the controller's files."""
        path = self.controller / name
        return busconf.transport_url(path.read_text(), name)

    def worker_url(self) -> str:
        path = self.worker / "flock.conf"
        return busconf.transport_url(path.read_text(), str(path))

    def connection(self) -> amqp.Connection:
        """An open connection of worker-0."""
        directory = self.worker / "tls"
        made = amqp.Connection(f"127.0.0.1:{self.port}", userid=host_account(HOST),
                               password=busconf.password_of(self.worker_url()), connect_timeout=5,
                               ssl={"ca_certs": str(directory / "ca.crt"), "certfile": str(directory / "host.crt"),
                                    "keyfile": str(directory / "host.key"), "cert_reqs": ssl.CERT_REQUIRED,
                                    "server_hostname": "127.0.0.1"})
        made.connect()
        return made

    def stop(self) -> None:
        for server in self.servers:
            server.stop(5)
        for transport in self.transports:
            transport.close()
        if self.nginx is not None:
            self.nginx.kill()
        self.node.stop()
        self.db.dispose()


class Agent:
    """What sysinv-agent does with the conductor's request, without its inventory."""

    def __init__(self, renewal: Renewal) -> None:
        self.renewal = renewal
        self.done = threading.Event()
        self.trouble: str | None = None

    def agent_update(self, *, host_uuid: str, force_updates: list[str]) -> None:
        """Not asked for here."""

    def storage_ordered(self, *, host_uuid: str) -> None:
        """Not asked for here."""

    def configuration_ordered(self, *, host_uuid: str) -> None:
        """Not asked for here."""

    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool,
                          authorities: bool = False) -> None:
        self.renewal.request(certificate=certificate, bus_password=bus_password, authorities=authorities)
        self.trouble = self.renewal.carry_out(host_uuid)
        self.done.set()


def in_background(work: Any) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the test shows it
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, errors


def rotate(system: System, endpoint: CredentialsEndpoint, steps: list[rotation.Step], kind: str,
           stop_after: int | None = None) -> None:
    """Carry out the rotation while the conductor's audit runs."""
    site = system.site()
    thread, errors = in_background(
        lambda: rotation.carry_out(kind, steps, site.progress, system.said.append, stop_after))
    while thread.is_alive():
        endpoint.audit()
        thread.join(0.5)
    assert not errors, errors
