# SPDX-License-Identifier: Apache-2.0
"""One receiver on the loopback, played by a socket: what arrives, what counts as delivered, what is an error."""
from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message

from flock.core.errors import Unavailable
from fm.conf.snmp import Destination
from fm.core.notice import WARM_START_NOTICE
from fm.manager.outputs.output import Undeliverable
from fm.snmp.carrier import Datagrams, Dispatcher
from fm.snmp.notifier import Notifier
from fm.snmp.objects import SNMP_TRAP_OID, SYS_UP_TIME, WARM_START

# The modules that pysnmp loads by itself use the old names of its own library.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WAIT_S = 10.0
ENGINE_ID = bytes.fromhex("800002db0501020304")
USER = {"version": "3", "user_name": "u", "auth_protocol": "SHA-256", "auth_key": "authpass1", "priv_protocol": "AES",
        "priv_key": "privpass1"}


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(WAIT_S)
        yield found


def notifier(port: int, **changes: Any) -> Notifier:
    chosen = Destination(name="noc", host="127.0.0.1", port=port, version="2c", inform=False, timeout_s=1, user_name="",
                         auth_protocol="none", priv_protocol="none", context_name="", community="hush")
    return Notifier(replace(chosen, **changes), engine_id=ENGINE_ID, boots=9, started_s=time.monotonic() - 5.0,
                    region_name="R", system_name="S")


def port_of(receiver: socket.socket) -> int:
    return int(receiver.getsockname()[1])


def read(octets: bytes) -> tuple[Any, Any]:
    """The message and its PDU."""
    message, rest = decoder.decode(octets, asn1Spec=v2c.Message())
    assert rest == b""
    return message, v2c.apiMessage.get_pdu(message)


def test_a_trap_has_time_and_name_first(receiver: socket.socket) -> None:
    notifier(port_of(receiver))(WARM_START_NOTICE)
    message, pdu = read(receiver.recv(65536))
    assert bytes(v2c.apiMessage.get_community(message)) == b"hush" and pdu.isSameTypeWith(v2c.TrapPDU())
    (first, uptime), (second, name) = v2c.apiPDU.get_varbinds(pdu)
    assert (tuple(first), tuple(second), tuple(name)) == (SYS_UP_TIME, SNMP_TRAP_OID, WARM_START)
    assert 500 <= int(uptime) < 500 + WAIT_S * 100


@contextlib.contextmanager
def confirming(receiver: socket.socket, status: int = 0) -> Iterator[None]:
    """Meanwhile one inform is answered, with an error status."""
    def confirm() -> None:
        octets, peer = receiver.recvfrom(65536)
        message, pdu = read(octets)
        assert pdu.isSameTypeWith(v2c.InformRequestPDU())
        answer = v2c.GetResponsePDU()
        v2c.apiPDU.set_defaults(answer)
        v2c.apiPDU.set_request_id(answer, v2c.apiPDU.get_request_id(pdu))
        v2c.apiPDU.set_error_status(answer, status)
        v2c.apiPDU.set_varbinds(answer, v2c.apiPDU.get_varbinds(pdu))
        v2c.apiMessage.set_pdu(message, answer)
        receiver.sendto(encoder.encode(message), peer)

    thread = threading.Thread(target=confirm, daemon=True)
    thread.start()
    yield
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_an_inform_waits_for_its_confirmation(receiver: socket.socket) -> None:
    with confirming(receiver):
        notifier(port_of(receiver), inform=True)(WARM_START_NOTICE)


def test_an_inform_that_is_refused_cannot_be_delivered(receiver: socket.socket) -> None:
    with confirming(receiver, status=5), pytest.raises(Undeliverable, match="SNMP receiver noc .* genErr"):
        notifier(port_of(receiver), inform=True)(WARM_START_NOTICE)


def test_an_inform_without_confirmation_is_not_delivered(receiver: socket.socket) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="SNMP receiver noc"):
        notifier(port_of(receiver), inform=True)(WARM_START_NOTICE)
    assert time.monotonic() - began < WAIT_S
    assert read(receiver.recv(65536))[1].isSameTypeWith(v2c.InformRequestPDU())


def test_a_trap_to_where_nobody_listens_is_not_delivered(receiver: socket.socket) -> None:
    port = port_of(receiver)
    receiver.close()
    with pytest.raises(Unavailable, match="refused"):
        notifier(port)(WARM_START_NOTICE)


def test_a_receiver_may_have_an_address_of_version_6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        try:
            receiver.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        receiver.settimeout(WAIT_S)
        notifier(port_of(receiver), host="::1")(WARM_START_NOTICE)
        assert read(receiver.recv(65536))[1].isSameTypeWith(v2c.TrapPDU())


def test_an_unknown_host_is_not_available() -> None:
    with pytest.raises(Unavailable, match="cannot be resolved"):
        notifier(162, host="no such name")(WARM_START_NOTICE)


@pytest.mark.parametrize("payload_shows", [True, False])
def test_version_3_names_engine_and_user_and_hides_the_rest(receiver: socket.socket, payload_shows: bool) -> None:
    changes = {**USER, "priv_protocol": "none", "priv_key": ""} if payload_shows else USER
    sender = notifier(port_of(receiver), **changes)
    sender(WARM_START_NOTICE)
    octets = receiver.recv(65536)
    assert ENGINE_ID in octets and b"\x04\x01u" in octets
    # The object identifier of warmStart as BER writes it.
    assert (bytes((6, 10, 43, 6, 1, 6, 3, 1, 1, 5, 2))[2:] in octets) is payload_shows
    assert b"authpass1" not in octets and b"privpass1" not in octets
    sender.close()


def test_the_engine_is_one_and_the_same_whatever_became_of_its_object(receiver: socket.socket) -> None:
    """A time that went back would make receivers drop all that follows."""
    sender = notifier(port_of(receiver), **{**USER, "priv_protocol": "none", "priv_key": ""})
    for _ in range(2):
        sender(WARM_START_NOTICE)
        message, _ = decoder.decode(receiver.recv(65536), asn1Spec=SNMPv3Message())
        engine_id, boots, engine_time, user = list(decoder.decode(bytes(message[2]))[0].values())[:4]
        assert (bytes(engine_id), int(boots), bytes(user)) == (ENGINE_ID, 9, b"u")
        assert 5 <= int(engine_time) < 5 + WAIT_S
        sender.close()


def test_an_engine_does_not_live_for_ever(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fm.snmp.notifier.ENGINE_MESSAGES_MAX", 2)
    sender = notifier(port_of(receiver))
    ports = []
    for _ in range(3):
        sender(WARM_START_NOTICE)
        ports.append(receiver.recvfrom(65536)[1])
    assert ports[0] != ports[1] == ports[2]
    sender.close()


def test_late_answers_are_forgotten(receiver: socket.socket) -> None:
    transport = Datagrams("127.0.0.1", port_of(receiver))
    transport.send_message(b"hello", None)
    _, peer = receiver.recvfrom(100)
    receiver.sendto(b"late", peer)
    heard: list[bytes] = []
    transport.register_callback(lambda _transport, _address, message: heard.append(message))
    transport.discard()
    assert not Dispatcher().run_until(lambda: bool(heard), transport, 0.2)
    receiver.sendto(b"in time", peer)
    assert Dispatcher().run_until(lambda: bool(heard), transport, WAIT_S) and heard == [b"in time"]
    transport.close()
