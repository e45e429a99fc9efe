# SPDX-License-Identifier: Apache-2.0
"""``flock-rotate`` on a running system: RabbitMQ with TLS and accounts, nginx, sysinv's conductor and a host's agent.

A stolen password or key is of no use afterwards, and connections that were open stay open.
"""
from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock import tls
from flock.core.errors import Forbidden, Refused, Unavailable
from flock.exec import Completed, run
from flock.rpc import client
from flock.rpc.accounts import broker_hash
from sysinv.agent.renewal import Places, Renewal
from sysinv.bootstrap import rotation
from sysinv.bootstrap.rotationsteps import bus_steps, certificate_steps
from sysinv.conductor.credentials import CredentialsEndpoint
from sysinv.contract.rpc import Credentials
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.model import busaccounts
from sysinv.resources.host.table import HOST_CREDENTIALS
from tests.security.rotated import HOST, System, in_background, rotate


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


def test_certificates_of_controller_and_host_are_replaced_and_connections_stay(system: System) -> None:
    endpoint, agent, open_before = system.conductor(), system.agent(), system.connection()
    system.delete("worker-1")
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
    system.delete("worker-1")
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
    assert not errors, (errors, system.said)
    assert agent.done.wait(30)
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
