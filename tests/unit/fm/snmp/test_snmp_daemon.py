# SPDX-License-Identifier: Apache-2.0
"""The daemon's shell: it runs on without snmpd and without database, and stops at once."""
from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from oslo_config import cfg

from flock.conf import options
from flock.testing.services.process import wait_for
from fm.conf.snmp import BadOption
from fm.snmp.agentx.codec import HEADER_OCTETS, decode, decode_header, encode
from fm.snmp.agentx.messages import ErrorStatus, Get, Message, Response, SearchRange
from fm.snmp.daemon import SnmpAgentDaemon
from fm.snmp.objects import ACTIVE_TABLE

WAIT_S = 10.0


def daemon(tmp_path: Path, address: str) -> SnmpAgentDaemon:
    path = tmp_path / "fm.conf"
    path.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/none/at/all.sqlite\n[fm_snmp]\n"
                    f"agentx_address = {address}\n")
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="fm", default_config_files=[str(path)])
    return SnmpAgentDaemon(conf)


def test_it_waits_for_snmpd_and_says_so(tmp_path: Path) -> None:
    found = daemon(tmp_path, f"unix:{tmp_path}/agentx")
    found.start()
    wait_for(lambda: "no connection" in str(found.health.report()), WAIT_S, "the trouble to be told")
    assert found.alive()
    began = time.monotonic()
    found.stop()
    assert time.monotonic() - began < WAIT_S / 2 and not found.alive()


def test_a_wrong_address_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadOption):
        daemon(tmp_path, "anything")


def test_without_database_a_request_fails_and_the_session_goes_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "agentx"))
        listener.listen(1)
        listener.settimeout(WAIT_S)
        found = daemon(tmp_path, f"unix:{tmp_path}/agentx")
        found.start()
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(WAIT_S)

            def receive() -> Message:
                head = peer.recv(HEADER_OCTETS, socket.MSG_WAITALL)
                size = decode_header(head).payload_octets
                return decode(head + (peer.recv(size, socket.MSG_WAITALL) if size else b""))

            for _ in range(3):
                question = receive()
                peer.sendall(encode(Message(Response(), 5, question.transaction_id, question.packet_id)))
            for _ in range(2):
                peer.sendall(encode(Message(Get((SearchRange(ACTIVE_TABLE),), following=True), 5, 1, 1)))
                assert receive().body == Response(ErrorStatus.GEN_ERR, 1)
            assert found.health.report()[0]
            found.stop()
