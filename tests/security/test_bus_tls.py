# SPDX-License-Identifier: Apache-2.0
"""A stranger at the bus: clear text, no certificate, a foreign authority, a wrong name. Real RabbitMQ."""
from __future__ import annotations

import asyncio
import datetime
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amqp
import pytest

from flock import rpc, tls
from flock.core.errors import Unavailable
from flock.rpc import options as rpc_options
from flock.testing.fixtures import private_conf
from flock.testing.services.process import ServiceFailed, free_port
from flock.testing.services.rabbitmq import PASSWORD, USER, RabbitNode
from sm.plugins import answer
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.bus import SERVER_TLS
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.model.hostfiles import BUS_TLS, TLS_DIRECTORY

ANSWERS = parse({"admin_password": "correct-horse"})
NOW = datetime.datetime.now(datetime.UTC)


class TlsBroker:
    """RabbitMQ with the TLS settings and the certificates that the bootstrap makes; the files are below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.authority = tls.Authority.create("flock", NOW)
        (folder / "ca.crt").write_bytes(self.authority.certificate_pem)
        for role in ROLES:
            self.certificate(folder, role.name, self.authority)
        self.node = RabbitNode(folder / "rabbit")
        text = "\n".join(SERVER_TLS).replace(TLS_DIRECTORY, str(folder))
        with (self.node.folder / "rabbitmq.conf").open("a") as conf:
            conf.write(f"listeners.ssl.default = 127.0.0.1:{self.port}\n{text}\n")

    def certificate(self, folder: Path, name: str, authority: tls.Authority) -> None:
        """Write key and certificate of one of the bootstrap's roles."""
        folder.mkdir(exist_ok=True)
        role = next(role for role in ROLES if role.name == name)
        for file in certificate_files(role, authority, ANSWERS, "controller-0", NOW):
            (folder / Path(file.path).name).write_text(file.content)

    def connects(self, secure: dict[str, Any]) -> bool:
        """Whether a client with the right password and these settings of TLS (empty: clear text) gets in."""
        connection = amqp.Connection(f"127.0.0.1:{self.port}", userid=USER, password=PASSWORD, connect_timeout=5,
                                     read_timeout=5, ssl=secure)
        try:
            connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        else:
            connection.channel().close()
            return True
        finally:
            connection.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    if not RabbitNode.available():
        raise ServiceFailed("rabbitmq-server is not installed")
    made = TlsBroker(tmp_path_factory.mktemp("bus"))
    made.node.start()
    yield made
    made.node.stop()


def client(broker: TlsBroker, folder: Path | None = None, role: str | None = "host") -> dict[str, Any]:
    """TLS settings of a client that trusts the cloud and shows the certificate of ``role`` in ``folder``, if any."""
    own = folder or broker.folder
    shown = {} if role is None else {"certfile": str(own / f"{role}.crt"), "keyfile": str(own / f"{role}.key")}
    return {"ca_certs": str(broker.folder / "ca.crt"), "cert_reqs": ssl.CERT_REQUIRED,
            "server_hostname": "controller", **shown}


async def no_dbus(name: str) -> str:
    raise AssertionError(name)


def test_the_audit_sees_a_broker_that_hangs_and_leaves_nothing_in_its_log(broker: TlsBroker) -> None:
    """It shows no certificate: it only wants an answer. The broker would log refusals every ten seconds for ever."""
    place = f"tls:127.0.0.1:{broker.port}"

    def logged() -> str:
        lines = [line for path in (broker.node.folder / "log").glob("*.log") for line in path.read_text().splitlines()]
        return "\n".join(line for line in lines if re.search("tls|ssl|connection|handshake", line, re.IGNORECASE))

    before = logged()
    assert asyncio.run(answer.fault(place, 10, no_dbus)) == ""
    broker.node.freeze()
    try:
        assert "nothing answers" in asyncio.run(answer.fault(place, 1, no_dbus))
    finally:
        broker.node.thaw()
    assert asyncio.run(answer.fault(place, 30, no_dbus)) == ""
    assert broker.connects(client(broker))  # what it had to say about the earlier ones is written by now
    assert logged() == before


def test_a_host_of_the_cloud_gets_in_and_clear_text_does_not(broker: TlsBroker) -> None:
    assert broker.connects(client(broker))
    assert not broker.connects({})
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as stranger:
        stranger.sendall(b"AMQP\x00\x00\x09\x01")
        assert not stranger.recv(8).startswith(b"AMQP")


def test_without_a_certificate_of_the_cloud_the_password_is_of_no_use(broker: TlsBroker, tmp_path: Path) -> None:
    assert not broker.connects(client(broker, role=None))
    broker.certificate(tmp_path, "host", tls.Authority.create("flock", NOW))
    assert not broker.connects(client(broker, tmp_path))


def test_a_server_certificate_does_not_identify_a_client(broker: TlsBroker) -> None:
    assert not broker.connects(client(broker, role="front"))


def _bus(broker: TlsBroker, host: str, **changes: Any) -> rpc.Transport:
    """A daemon's bus connection, configured as the bootstrap does."""
    conf = private_conf()
    rpc_options.register(conf)
    chosen = {name: value.replace(TLS_DIRECTORY, str(broker.folder)) for name, value in BUS_TLS.items()} | changes
    for name, value in chosen.items():
        conf.set_override(name, value == "true" if name == "ssl" else value, "oslo_messaging_rabbit")
    return rpc.transport(conf, url=f"rabbit://{USER}:{PASSWORD}@{host}:{broker.port}/")


def _reached(bus: rpc.Transport, timeout_s: float) -> bool:
    try:
        bus.wait_for_replies(timeout_s)
    except Unavailable:
        return False
    else:
        return True
    finally:
        bus.close(1.0)


def test_daemons_verify_the_broker_and_its_name(broker: TlsBroker, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    assert _reached(_bus(broker, "127.0.0.1"), 20)
    (tmp_path / "ca.crt").write_bytes(tls.Authority.create("flock", NOW).certificate_pem)
    assert not _reached(_bus(broker, "127.0.0.1", ssl_ca_file=str(tmp_path / "ca.crt")), 4)
    # The same broker under an address that its certificate does not name.
    assert not _reached(_bus(broker, "127.0.0.2"), 4)
