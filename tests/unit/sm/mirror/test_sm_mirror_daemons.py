# SPDX-License-Identifier: Apache-2.0
"""Two daemons in this process: the shells around the lists, over real sockets and TLS."""
from __future__ import annotations

import asyncio
import contextlib
import datetime
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock import tls
from flock.core.codec import codec_for
from flock.core.errors import InvalidInput, Refused, Unavailable
from flock.testing.services.process import free_port, wait_for
from sm.catalogue.build import catalogue as built
from sm.catalogue.rows import Configured, DomainRow, InterfaceRow
from sm.client import mirror
from sm.cmd import mirror as program
from sm.contract.control import Reply, Request, StatusReport
from sm.contract.mirror import MirrorRequest, MirrorRole, MirrorVerb
from sm.core.model import ServiceSpec
from sm.daemon.guard import Guard
from sm.daemon.parts import MAKERS, guard_for
from sm.mirror.control import ControlSocket
from sm.mirror.daemon import MirrorDaemon
from sm.mirror.leadership import Leadership
from sm.mirror.part import MirrorPart, make
from sm.mirror.settings import mirror_settings
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import rows

ADDRESS = {"c0": "127.0.0.30", "c1": "127.0.0.31"}


class Pair:
    def __init__(self, folder: Path) -> None:
        self.folder, self.leader, self.term, self.port = folder, "c0", 1, free_port()
        authority = tls.Authority.create("flock test", datetime.datetime.now(datetime.UTC))
        self.daemons: dict[str, MirrorDaemon] = {}
        self.ended = {name: threading.Event() for name in ADDRESS}
        self.threads: list[threading.Thread] = []
        self.servers: list[socketserver.ThreadingUnixStreamServer] = []
        for name in ADDRESS:
            for place in ("root", "run", "state", "tls"):
                (folder / name / place).mkdir(parents=True)
            key = tls.new_key()
            (folder / name / "tls/host.key").write_bytes(key)
            (folder / name / "tls/ca.crt").write_bytes(authority.certificate_pem)
            (folder / name / "tls/host.crt").write_bytes(authority.issue(
                tls.new_request(key, name), tls.Usage.CLIENT, name, [name], datetime.datetime.now(datetime.UTC)))
            self.manage(name)

    def manage(self, name: str) -> None:
        pair = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = codec_for(Request).decode(self.rfile.readline(), "request")
                report = StatusReport(name, pair.leader, pair.term, "")
                self.wfile.write(codec_for(Reply).encode(Reply(request.id, status=report), "answer") + b"\n")

        server = socketserver.ThreadingUnixStreamServer(str(self.folder / name / "run/control"), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.servers.append(server)

    def config(self, name: str, *, addresses: bool = True) -> Path:
        place, peer = self.folder / name, next(other for other in ADDRESS if other != name)
        (place / "sm.conf").write_text(f"node: {name}\nnodes: [c0, c1]\nstore: {place}/sm.db\nruntime: {place}/run\n"
                                       f"required: {place}/required.json\n")
        row = InterfaceRow("controller", "management-interface", device="lo", network_type="ipv4-udp",
                           address=ADDRESS[name], peer_address=ADDRESS[peer])
        Store.open(place / "sm.db", lambda: Configured(
            service_domains=(DomainRow("controller"),),
            service_domain_interfaces=(row,) if addresses else ())).close()
        return place / "sm.conf"

    def start(self, name: str) -> None:
        place = self.folder / name
        chosen = mirror_settings(self.config(name), place / "tls", place / "root", place / "state", port=self.port,
                                 audit_s=0.5)
        made = self.daemons[name] = MirrorDaemon(chosen)
        self.threads.append(threading.Thread(target=made.run, args=(
            lambda daemon: ControlSocket(place / "run/mirror", "", daemon), self.ended[name].wait)))
        self.threads[-1].start()
        wait_for(lambda: (place / "run/mirror").exists(), 60, "the control socket")

    def control(self, name: str) -> str:
        return str(self.folder / name / "run/mirror")

    def close(self) -> None:
        for ended in self.ended.values():
            ended.set()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    with contextlib.closing(made):
        yield made


def test_two_daemons_from_settings_to_a_move(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = pair.folder / "c0/root", pair.folder / "c1/root"
    for name in ADDRESS:
        pair.start(name)
    (one / "f").write_text("one")
    assert program.run(["--socket", pair.control("c0"), "promote"]) == 0
    assert "c1" in mirror.wait_stored(str(one / "f"), control=pair.control("c0"))
    assert (other / "f").read_text() == "one"
    (one / "f").write_text("two")
    (one / "large").write_bytes(bytes(700_000))
    mirror.wait_stored(control=pair.control("c0"))
    assert (other / "f").read_text() == "two" and (other / "large").stat().st_size == 700_000
    assert program.run(["--socket", pair.control("c0"), "status"]) == 0
    assert "c1    yes" in capsys.readouterr().out
    assert program.monitor(pair.control("c0"), str(one)) == 8 and program.monitor(pair.control("c1"), "") == 0
    assert program.run(["--socket", pair.control("c0"), "wait", "/elsewhere"]) == 1
    with pytest.raises(Refused, match="timeout_s"):
        mirror.ask(MirrorRequest(MirrorVerb.WAIT, timeout_s=1e9), pair.control("c0"))
    with pytest.raises(Refused, match="only after"):
        mirror.ask(MirrorRequest(MirrorVerb.REQUIRE), pair.control("c0"))
    # Somebody damages the standby's copy.
    (other / "f").write_text("damaged")
    wait_for(lambda: (other / "f").read_text() == "two", 15, "the audit repairs it")
    assert (pair.folder / "c0/run/mirror.active").read_text() == "1"
    assert program.run(["--socket", pair.control("c0"), "demote"]) == 0
    assert not (pair.folder / "c0/run/mirror.active").exists()
    pair.leader, pair.term = "c1", 2
    assert program.run(["--socket", pair.control("c1"), "promote"]) == 0
    (other / "f").write_text("three")
    mirror.wait_stored(control=pair.control("c1"), timeout_s=15)
    assert (one / "f").read_text() == "three"
    known = mirror.status(pair.control("c0"))
    assert known.role is MirrorRole.STANDBY and known.lost == () and known.term == 2


def test_the_part_of_the_guard_never_waits(pair: Pair) -> None:
    for name in ADDRESS:
        pair.start(name)
    mirror.ask(MirrorRequest(MirrorVerb.PROMOTE), pair.control("c0"))

    async def play() -> None:
        part = MirrorPart("c0", pair.folder / "c0/root", pair.control("c0"), lambda: time.monotonic_ns() // 1_000_000)
        part.open()

        async def until(condition: Callable[[], object]) -> None:
            async with asyncio.timeout(15):
                while not condition():
                    await asyncio.sleep(0.01)

        part.require(frozenset(), 0)
        await until(lambda: part.enforced() == 0 and part.in_sync() == {"c1"})
        part.require(frozenset({"c1"}), 1)
        await until(lambda: part.enforced() == 1)
        assert part.problems() == () and part.first_members() == frozenset()
        part.require(frozenset({"unknown"}), 2)
        await until(part.problems)
        part.require(frozenset({"c1"}), 3)
        await until(lambda: part.enforced() == 3)
        await part.close()

    asyncio.run(play())
    absent = make(ServiceSpec("drbd-platform", {}, parameters={"directory": str(pair.folder)}), "c0", frozenset({"c1"}))
    assert absent.in_sync() == frozenset() and absent.problems() and absent.first_members() == frozenset()


def test_somebody_looks_at_all_replicated_data_of_the_flock(tmp_path: Path) -> None:
    assert MAKERS["sm-mirror"] is make
    catalogue = built(rows("duplex"), 2)
    guard = guard_for(catalogue, "controller-0", ("controller-0", "controller-1"), tmp_path / "required")
    assert isinstance(guard, Guard)
    assert not [text for text in guard.problems() if "nothing here can look" in text]
    assert [text for text in guard.problems() if text.startswith("mirror: ")]


def test_settings_that_do_not_suffice_are_refused(pair: Pair) -> None:
    place = pair.folder / "c0"
    (place / "sm.conf").write_text(f"store: {place}/none.db\n")
    with pytest.raises(InvalidInput, match="sm-daemon makes it"):
        mirror_settings(place / "sm.conf", place, place, place)
    with pytest.raises(InvalidInput, match="management-interface"):
        mirror_settings(pair.config("c0", addresses=False), place, place, place)


def test_nobody_knows_who_leads_while_service_management_is_silent(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Leadership(str(tmp_path / "none")).ask()
    with pytest.raises(Unavailable):
        mirror.status(str(tmp_path / "none"))
    assert mirror.alone(tmp_path / "no site")
