# SPDX-License-Identifier: Apache-2.0
"""``flock-rotate`` on a running system: RabbitMQ with TLS and accounts, nginx, sysinv's conductor and a host's agent.

A stolen password or key is of no use afterwards, and connections that were open stay open.
"""
from __future__ import annotations

import datetime
import json
import os
import re
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import amqp
import pytest
import sqlalchemy as sa

from flock import rpc, tls
from flock.core.errors import Forbidden, Refused, Unavailable
from flock.db import Database
from flock.exec import Completed, run
from flock.rpc import Server as BusServer
from flock.rpc import client
from flock.rpc import options as rpc_options
from flock.rpc.accounts import EXCHANGE, broker_hash, host_account, service_account
from flock.rpc.admin import BusAdmin
from flock.rpc.login import accepted
from flock.testing.fixtures import private_conf
from flock.testing.services.process import Process, find_program, free_port, port_open, wait_for
from flock.testing.services.rabbitmq import RabbitNode
from sysinv.agent.renewal import Places, Renewal
from sysinv.bootstrap import bus, render, rotation
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.bus import SERVER_TLS
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.bootstrap.front import Listen, Published, nginx_conf
from sysinv.bootstrap.rotationsteps import Server, Site, bus_steps, certificate_steps
from sysinv.bootstrap.secrets import generate
from sysinv.conductor.credentials import CredentialsEndpoint
from sysinv.contract.rpc import Credentials, SysinvAgent
from sysinv.db.tables import METADATA
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.hosts.issuing import issue_for_host
from sysinv.hosts.seed import seed_system
from sysinv.model import busaccounts, busconf
from sysinv.model.host import initial_states
from sysinv.model.hostfiles import BUS_TLS, TLS_DIRECTORY
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import HOST_CREDENTIALS, I_HOST

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
            text = file.content.replace(f":{bus.BUS_PORT}/", f":{self.port}/")
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
        return str(row["uuid"])

    def start(self) -> None:
        nginx = find_program("nginx")
        assert nginx is not None
        self.node.start()
        self.node.control("import_definitions", str(self.folder / "definitions.json"))
        admin = self.admin()
        admin.renew(busaccounts.of_host(HOST, EXCHANGE), "first")
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

    def site(self, **changes: Any) -> Site:
        site = Site(
            "controller-0", self.db, self.said.append, hosts_wait_s=30, conf_dir=self.controller,
            definitions=self.folder / "definitions.json",
            servers=(Server("front", self.front_port, ("sh", "-c", f"kill -HUP $(cat {self.folder}/nginx.pid)")),
                     Server("rabbitmq", self.port, self.node.control_command("eval", "ssl:clear_pem_cache()."))),
            import_definitions=self.node.control_command("import_definitions"), restart=("true",))
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
        assert server.start(30)
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

    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool) -> None:
        self.renewal.request(certificate=certificate, bus_password=bus_password)
        self.trouble = self.renewal.carry_out(host_uuid)
        self.done.set()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[System]:
    """The files and the database; nothing runs."""
    made = System(tmp_path)
    text = (made.controller / "sysinv.conf").read_text()
    (made.controller / "sysinv.conf").write_text(
        re.sub(r"^connection = .*$", f"connection = sqlite:///{tmp_path}/sysinv.sqlite", text, flags=re.MULTILINE))
    yield made
    made.stop()


def command(system: System, *words: str) -> Completed:
    """Run flock-rotate as an operator does."""
    return run([sys.executable, "-W", "ignore", "-m", "sysinv.cmd.rotate", *words], timeout_s=60, check=False,
               env={**os.environ, "FLOCK_CONF_DIR": str(system.controller)})


@pytest.mark.skipif(os.geteuid() != 0, reason="the command is root's")
def test_the_command_shows_ends_and_waiting_hosts_and_says_what_to_do(files: System) -> None:
    helped = command(files, "--help")
    assert helped.rc == 0 and "flock-rotate certificates --due" in helped.out
    credentials.want(files.db, Credential.PASSWORD, "controller-0")
    shown = command(files, "status")
    assert shown.rc == 0, shown.err
    lines = shown.out.splitlines()
    assert [line.split()[1] for line in lines] == ["ca", "front", "host", "rabbitmq", "host", "host"]
    assert lines[-1].startswith("worker-1 host") and lines[-1].endswith("has not renewed: password")
    # Nothing is due, so nothing changes and no server is reloaded.
    front = (files.controller / "tls/front.crt").read_bytes()
    (files.controller / "tls/ca.key").rename(files.folder / "ca.key")
    failed = command(files, "certificates", "--due")
    assert failed.rc == 1
    assert "Run this on the active controller" in failed.err and "Run the same command again" in failed.err
    assert (files.controller / "tls/front.crt").read_bytes() == front
    (files.controller / rotation.PROGRESS).write_text("{")
    assert "is damaged. Remove it" in command(files, "bus").err


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


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


def rotate(system: System, endpoint: CredentialsEndpoint, steps: list[rotation.Step], kind: str) -> None:
    """Carry out the rotation while the conductor's audit runs."""
    site = system.site()
    thread, errors = in_background(lambda: rotation.carry_out(kind, steps, site.progress, system.said.append))
    while thread.is_alive():
        endpoint.audit()
        thread.join(0.5)
    assert not errors, errors


def test_certificates_of_controller_and_host_are_replaced_and_connections_stay(system: System) -> None:
    endpoint, agent, open_before = system.conductor(), system.agent(), system.connection()
    with system.db.writer() as conn:
        conn.execute(sa.delete(I_HOST).where(I_HOST.c.hostname == "worker-1"))
    directory = system.controller / "tls"
    old = {path: path.read_bytes() for folder in (directory, system.worker / "tls") for path in folder.iterdir()}
    os.chmod(directory / "front.key", 0o640)
    rotate(system, endpoint, certificate_steps(system.site(), only_due=False), "certificates")
    assert agent.done.wait(30)
    assert agent.trouble is None
    changed = {path.relative_to(system.folder).as_posix() for path, data in old.items() if path.read_bytes() != data}
    assert changed == {f"controller/tls/{role}.{kind}" for role in ("front", "rabbitmq", "host")
                       for kind in ("key", "crt")} | {"worker/tls/host.key", "worker/tls/host.crt"}
    assert (directory / "front.key").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in directory.iterdir()} == {path.name for path in old if path.parent == directory}
    assert not (system.controller / rotation.PROGRESS).exists()
    open_before.channel().close()
    open_before.close()
    # The new pair is the one that gets in.
    system.connection().close()


def test_passwords_of_services_and_host_are_replaced_and_old_ones_refused(system: System) -> None:
    system.conductor()
    agent, open_before = system.agent(), system.connection()
    with system.db.writer() as conn:
        conn.execute(sa.delete(I_HOST).where(I_HOST.c.hostname == "worker-1"))
    files = ["flock.conf", *(f"{daemon}.conf" for daemon in busaccounts.SERVICES)]
    old = {name: system.url(name) for name in files}
    old_worker = system.worker_url()
    again: list[CredentialsEndpoint] = []

    def restart() -> None:
        """The daemons restart: here sysinv-conductor, which reads its new account."""
        system.servers[0].stop(5)
        system.transports[0].close()
        again.append(system.conductor())

    site = system.site(answers=restart)
    thread, errors = in_background(
        lambda: rotation.carry_out("bus", bus_steps(site), site.progress, system.said.append))
    while thread.is_alive():
        for endpoint in again:
            endpoint.audit()
        thread.join(0.5)
    assert agent.done.wait(30)
    assert not errors, errors
    assert agent.trouble is None
    assert system.restarts == 1
    for name in files:
        assert system.url(name) != old[name]
        assert system.login(system.url(name)), name
        assert not system.login(old[name]), name
    assert system.login(system.worker_url())
    assert not system.login(old_worker)
    assert "as = it is" in (system.worker / "flock.conf").read_text()
    assert (system.controller / "flock.conf").stat().st_mode & 0o777 == 0o640
    assert system.admin().hosts()
    open_before.channel().close()
    open_before.close()


def test_a_rotation_killed_at_any_step_goes_on_with_the_same_passwords(system: System) -> None:
    site = system.site(hosts_wait_s=0)

    class Killed(BaseException):
        pass

    written = []
    for number in range(len(bus_steps(site))):
        steps = bus_steps(site)
        title, step = steps[number]

        def dies(progress: rotation.Progress, step: Any = step) -> None:
            step(progress)
            raise Killed

        steps[number] = (title, dies)
        with pytest.raises(Killed):
            rotation.carry_out("bus", steps, site.progress, system.said.append)
        assert site.progress.stat().st_mode & 0o777 == 0o600
        written.append(json.loads((system.controller / "secrets.json").read_text())["bus_key"])
        with pytest.raises(Refused, match="flock-rotate bus"):
            rotation.carry_out("certificates", certificate_steps(site, only_due=True), site.progress, print)
    rotation.carry_out("bus", bus_steps(site), site.progress, system.said.append)
    assert len(set(written[1:])) == 1 and written[0] == system.secrets.bus_key
    for daemon in busaccounts.SERVICES:
        assert system.login(system.url(f"{daemon}.conf"))
    # The hosts that were away are named, and still wait.
    assert any("worker-0, worker-1" in line for line in system.said)
    assert not site.progress.exists()


def test_an_agent_killed_between_the_broker_and_its_file_finds_back(system: System) -> None:
    system.conductor()
    transport = system.transport(system.worker / "flock.conf")
    directory = system.worker / "tls"

    class Lost(BaseException):
        pass

    class Dying:
        def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
            client(Credentials, transport).set_bus_password(host_uuid=host_uuid, password_hash=password_hash)
            raise Lost

    def renewal(conductor: Any) -> Renewal:
        return Renewal(conductor, HOST, Places(system.worker / "flock.conf", directory), system.login, lambda: None)

    first = renewal(Dying())
    first.request(certificate=False, bus_password=True)
    with pytest.raises(Lost):
        first.carry_out(system.uuids[HOST])
    # The new agent process cannot log in with the file that it has.
    assert not system.login(system.worker_url())
    renewal(Dying()).settle()
    assert system.login(system.worker_url())


def test_an_agent_killed_before_the_broker_keeps_its_password(system: System) -> None:
    class Away:
        def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
            raise Unavailable(service="message bus", reason="away")

    renewal = Renewal(Away(), HOST, Places(system.worker / "flock.conf", system.worker / "tls"), system.login,
                      lambda: None)
    renewal.request(certificate=False, bus_password=True)
    assert renewal.carry_out(system.uuids[HOST]) is not None
    renewal.settle()
    assert system.login(system.worker_url())


def test_agents_that_cannot_be_restarted_do_not_undo_a_renewal(files: System) -> None:
    class Takes:
        def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
            asked.append(password_hash)

    def fail() -> None:
        raise Refused(detail="no systemd")

    asked: list[str] = []
    old = files.worker_url()
    renewal = Renewal(Takes(), HOST, Places(files.worker / "flock.conf", files.worker / "tls"), lambda url: True, fail)
    renewal.request(certificate=False, bus_password=True)
    for _ in range(2):
        assert renewal.carry_out(files.uuids[HOST]) is None
    assert len(asked) == 1 and files.worker_url() != old


@pytest.mark.parametrize("attack", ["certificate", "password"])
def test_root_on_a_worker_renews_nothing_of_another_host(system: System, attack: str) -> None:
    system.conductor()
    forged = client(Credentials, system.transport(system.worker / "flock.conf"))
    before = system.db
    with before.reader() as conn:
        rows = conn.execute(sa.select(HOST_CREDENTIALS)).all()
    with pytest.raises(Forbidden):
        if attack == "certificate":
            forged.renew_certificate(host_uuid=system.uuids["worker-1"],
                                     request_pem=tls.new_request(tls.new_key(), "worker-1").decode())
        else:
            forged.set_bus_password(host_uuid=system.uuids["worker-1"], password_hash=broker_hash("mine", b"salt"))
    with before.reader() as conn:
        assert conn.execute(sa.select(HOST_CREDENTIALS)).all() == rows
