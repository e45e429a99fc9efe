# SPDX-License-Identifier: Apache-2.0
"""``flock-rotate authority`` on a running system: hosts and clients come along, and what the old authority has signed
is of no use afterwards. Real RabbitMQ and nginx, sysinv's conductor and a host's agent."""
from __future__ import annotations

import datetime
import shutil
import ssl
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import amqp
import pytest

from flock import tls
from flock.core.errors import Refused, Unavailable
from flock.rpc import Server as BusServer
from flock.rpc import cast, client, rpc_interface
from flock.rpc.login import accepted
from sysinv.agent.renewal import Places, Renewal
from sysinv.bootstrap import rotation
from sysinv.bootstrap.authority import KIND, OLD_KEY, begin_steps, finish_steps
from sysinv.bootstrap.presented import presented
from sysinv.bootstrap.rotationsteps import Site, certificate_steps, wait_hosts
from sysinv.contract.rpc import AGENT_TOPIC, Credentials
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from tests.security.rotated import HOST, System, rotate


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@rpc_interface(topic=AGENT_TOPIC, version="1.2", speaks_for="system", callers=("sysinv-conductor",), per_host=True,
               namespace="SysinvAgent")
class OlderInterface:
    """The agents' interface before they knew authorities."""

    @cast
    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool) -> None:
        raise TypeError("interface")


class OlderAgent:
    """An agent that renews, and does not know that it could confirm."""

    def __init__(self, renewal: Renewal) -> None:
        self.renewal, self.asked = renewal, 0

    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool) -> None:
        self.asked += 1
        self.renewal.request(certificate=certificate, bus_password=bus_password)
        assert self.renewal.carry_out(host_uuid) is None


class Client:
    """Somebody with a copy of the files that worker-0 has at this moment, such as a host that goes away now."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system, self.folder = system, folder
        self.url = system.worker_url()
        shutil.copytree(system.worker / "tls", folder)

    def on_bus(self) -> bool:
        """Whether it gets onto the bus: it trusts the broker, and the broker takes its certificate."""
        try:
            return accepted(self.url, *(self.folder / name for name in ("ca.crt", "host.crt", "host.key")))
        except Unavailable:
            return False

    def front(self) -> bytes:
        """The certificate of the APIs; ssl.SSLCertVerificationError when this client does not trust it."""
        names = (str(self.folder / name) for name in ("ca.crt", "host.crt", "host.key"))
        return presented(self.system.front_port, *names)


def trusted(directory: Path) -> list[bytes]:
    return tls.split((directory / "ca.crt").read_bytes())


def issuer(directory: Path, name: str) -> bytes | None:
    return tls.issuer_of((directory / f"{name}.crt").read_bytes(), (directory / "ca.crt").read_bytes())


def begin(system: System, endpoint: Any) -> None:
    steps = begin_steps(system.site())
    rotate(system, endpoint, steps, KIND, stop_after=len(steps))


def everything_of(site: Site) -> list[rotation.Step]:
    return [*begin_steps(site), *finish_steps(site)]


def finish(system: System, endpoint: Any) -> None:
    rotate(system, endpoint, everything_of(system.site()), KIND)


def test_all_come_along_and_the_old_authority_is_worth_nothing_afterwards(system: System, tmp_path: Path) -> None:
    endpoint, agent, open_before = system.conductor(), system.agent(), system.connection()
    system.delete("worker-1")
    controller, worker = system.controller / "tls", system.worker / "tls"
    (controller / "ca.key").chmod(0o640)
    [old] = trusted(controller)
    old_key = (controller / "ca.key").read_bytes()
    early = Client(system, tmp_path / "early")

    begin(system, endpoint)
    assert agent.trouble is None
    new = trusted(controller)[1]
    assert trusted(controller) == trusted(worker) == [old, new]
    assert issuer(worker, "host") == new
    # Whoever was away meanwhile still trusts the servers, and they still take its certificate.
    assert issuer(controller, "front") == issuer(controller, "rabbitmq") == old
    assert early.on_bus() and early.front() == (controller / "front.crt").read_bytes()
    open_before.channel().close()
    late = Client(system, tmp_path / "late")
    assert late.on_bus()
    with pytest.raises(Refused, match="flock-rotate authority"):
        rotation.carry_out("certificates", certificate_steps(system.site(), only_due=False), system.site().progress,
                           print)

    finish(system, endpoint)
    assert trusted(controller) == trusted(worker) == [new]
    assert {issuer(controller, role) for role in ("front", "rabbitmq", "host")} == {issuer(worker, "host")} == {new}
    # The daemons of conductor and agent, which ran all the time, verify by the new files: the agent has confirmed.
    assert any("hosts do not trust the old authority" in line for line in system.said)
    assert not any("not yet" in line for line in system.said), system.said
    with pytest.raises(amqp.AMQPError, match="certificate authority was replaced"):
        open_before.channel()
    # A client that copied the file in time goes on; one that did not, trusts nobody here.
    assert late.on_bus() and late.front() == (controller / "front.crt").read_bytes()
    with pytest.raises(ssl.SSLCertVerificationError):
        early.front()
    # Even one that takes the new file gets nowhere with a certificate of the old authority, also a new one.
    shutil.copy(worker / "ca.crt", early.folder)
    assert early.front() and not early.on_bus()
    request = tls.new_request((early.folder / "host.key").read_bytes(), HOST)
    for key, gets_in in ((old_key, False), ((controller / "ca.key").read_bytes(), True)):
        (early.folder / "host.crt").write_bytes(tls.Authority(old + new, key).issue(
            request, tls.Usage.CLIENT, HOST, [HOST], datetime.datetime.now(datetime.UTC)))
        assert early.on_bus() is gets_in
    mode = (controller / "ca.key").stat()
    assert stat.S_IMODE(mode.st_mode) == 0o640
    assert not [path.name for path in controller.iterdir() if path.name == OLD_KEY or path.name.endswith(".next")]
    assert not [path for path in system.controller.rglob("*") if path.is_file() and old_key in path.read_bytes()]
    assert not system.site().progress.exists()


def test_the_finish_waits_for_every_host_and_may_leave_one_out(system: System, tmp_path: Path) -> None:
    endpoint = system.conductor()
    system.agent()
    early = Client(system, tmp_path / "early")
    site = system.site(hosts_wait_s=0)
    rotation.carry_out(KIND, begin_steps(site), site.progress, system.said.append, len(begin_steps(site)))
    everything = everything_of(site)
    before = {path: path.read_bytes() for path in (system.controller / "tls").iterdir()}
    with pytest.raises(Refused, match="not confirmed the new authority: worker-0, worker-1"):
        rotation.carry_out(KIND, everything, site.progress, system.said.append)
    # worker-0 confirms; nobody answers for worker-1.
    patient = system.site(without=frozenset({"worker-1"}))
    rotate(system, endpoint, [("wait", lambda _progress: wait_hosts(patient, Credential.AUTHORITIES))], KIND, 1)
    with pytest.raises(Refused, match=r"not confirmed the new authority: worker-1\. The old authority stays trusted"):
        rotation.carry_out(KIND, everything, site.progress, system.said.append)
    assert before == {path: path.read_bytes() for path in (system.controller / "tls").iterdir()}
    assert early.on_bus()
    with pytest.raises(Refused, match="There is no host worker-9"):
        rotation.carry_out(KIND, everything_of(replace(site, without=frozenset({"worker-1", "worker-9"}))),
                           site.progress, system.said.append)
    rotation.carry_out(KIND, everything_of(replace(site, without=frozenset({"worker-1"}))), site.progress,
                       system.said.append)
    assert not early.on_bus()


def test_an_agent_of_an_older_release_is_shown_as_waiting_and_works_in_both_stages(system: System,
                                                                                   tmp_path: Path) -> None:
    endpoint = system.conductor()
    system.delete("worker-1")
    transport = system.transport(system.worker / "flock.conf")
    agent = OlderAgent(Renewal(client(Credentials, transport), HOST,
                               Places(system.worker / "flock.conf", system.worker / "tls"), system.login, lambda: None))
    system.serve(BusServer(transport, HOST, {OlderInterface: agent}, threads_max=1))
    steps = begin_steps(system.site())
    patient = [*steps[:-1], (steps[-1][0], lambda progress: begin_steps(system.site(hosts_wait_s=8))[-1][1](progress))]
    rotate(system, endpoint, patient, KIND, stop_after=len(patient))
    assert agent.asked >= 1
    assert len(trusted(system.worker / "tls")) == 2
    assert issuer(system.worker / "tls", "host") == trusted(system.controller / "tls")[1]
    assert any("not yet: worker-0" in line for line in system.said)
    site = system.site(hosts_wait_s=0)
    with pytest.raises(Refused, match=r"not confirmed the new authority: worker-0\."):
        rotation.carry_out(KIND, everything_of(site), site.progress, system.said.append)
    # The operator knows better.
    rotation.carry_out(KIND, everything_of(replace(site, without=frozenset({HOST}))), site.progress, system.said.append)
    assert Client(system, tmp_path / "copy").on_bus()
    asked = agent.asked
    credentials.want(system.db, Credential.CERTIFICATE, "controller-0")
    for _ in range(60):
        endpoint.audit()
        if agent.asked > asked and trusted(system.worker / "tls") == trusted(system.controller / "tls"):
            break
        time.sleep(0.5)
    else:
        raise AssertionError("the older agent is not reached, or did not drop the old authority with its certificate")
