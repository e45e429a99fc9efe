# SPDX-License-Identifier: Apache-2.0
"""Two nodes with real mirror daemons and the certificates of hosts; a stand-in of service management says who leads."""
from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import shutil
import signal
import socket
import socketserver
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from flock import tls
from flock.core.codec import codec_for
from flock.core.errors import FlockError
from flock.testing.services.process import Process, free_port, wait_for
from sm.catalogue.rows import Configured, DomainRow, InterfaceRow
from sm.client import mirror
from sm.contract.control import Reply, Request, StatusReport
from sm.contract.mirror import MirrorReply, MirrorRequest, MirrorStatus, MirrorVerb
from sm.store.store import Store
from tests.functional.sm.transport.conftest import Namespace

COMPILED = Path(tempfile.gettempdir()) / "sm-compiled"
NODES = ("controller-0", "controller-1")
ADDRESS = {"controller-0": "127.0.0.20", "controller-1": "127.0.0.21"}
ADDRESS_6 = {"controller-0": "fd00:204::2", "controller-1": "fd00:204::3"}


class World:
    """Who leads, and the authority of the cloud. ``inside``: words before each command, which run it in a namespace."""

    def __init__(self, folder: Path, addresses: Mapping[str, str] = ADDRESS, inside: Sequence[str] = ()) -> None:
        self.folder, self.port = folder, free_port()
        self.addresses, self.inside = addresses, tuple(inside)
        self.leader, self.term = "controller-0", 1
        self.authority = tls.Authority.create("flock test", datetime.datetime.now(datetime.UTC))
        self.nodes = {name: Node(self, name) for name in NODES}

    def certificate(self, place: Path, name: str, authority: tls.Authority | None = None) -> None:
        place.mkdir(parents=True, exist_ok=True)
        key, by = tls.new_key(), authority or self.authority
        (place / "ca.crt").write_bytes(self.authority.certificate_pem)
        (place / "host.key").write_bytes(key)
        (place / "host.crt").write_bytes(by.issue(tls.new_request(key, name), tls.Usage.CLIENT, name, [name],
                                                  datetime.datetime.now(datetime.UTC)))

    def lead(self, name: str) -> None:
        """An orderly move: the other one goes standby first."""
        for node in self.nodes.values():
            if node.name != name and node.running:
                node.ask(MirrorVerb.DEMOTE)
        self.leader, self.term = name, self.term + 1
        self.nodes[name].ask(MirrorVerb.PROMOTE)

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()


class Node:
    """One controller: its directory, its daemon, and what stands in for its sm-daemon."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.peer = next(other for other in NODES if other != name)
        self.folder = world.folder / name
        self.root, self.run, self.state = self.folder / "platform", self.folder / "run", self.folder / "state"
        for place in (self.root, self.run, self.state):
            place.mkdir(parents=True)
        world.certificate(self.folder / "tls", name)
        self.config = self.folder / "sm.conf"
        self.config.write_text(f"node: {name}\nnodes: [{', '.join(NODES)}]\nstore: {self.folder}/sm.db\n"
                               f"runtime: {self.run}\nrequired: {self.folder}/required.json\n")
        Store.open(self.folder / "sm.db", lambda: Configured(
            service_domains=(DomainRow("controller"),),
            service_domain_interfaces=(InterfaceRow("controller", "management-interface", device="lo",
                                                    network_type=("ipv6-udp" if ":" in world.addresses[name]
                                                                  else "ipv4-udp"),
                                                    address=world.addresses[name],
                                                    peer_address=world.addresses[self.peer]),))).close()
        self.process: Process | None = None
        node = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = codec_for(Request).decode(self.rfile.readline(), "request")
                report = StatusReport(node.name, world.leader, world.term, "as the test says")
                self.wfile.write(codec_for(Reply).encode(Reply(request.id, status=report), "answer") + b"\n")

        self.management = socketserver.ThreadingUnixStreamServer(str(self.run / "control"), Handler)
        threading.Thread(target=self.management.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    @property
    def control(self) -> str:
        return str(self.run / "mirror")

    def start(self, *options: str) -> None:
        words = [*self.world.inside, sys.executable, "-m", "sm.cmd.mirrord", "--config", str(self.config),
                 "--directory", str(self.root),
                 "--tls", str(self.folder / "tls"), "--state", str(self.state), "--port", str(self.world.port)]
        # As installed: compiled once, not at every start.
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(COMPILED),
                       "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = Process(f"{self.name}-mirrord", [*words, *options], self.folder, env=environment)
        self.process.wait_until(self._answers, 20, f"sm-mirrord of {self.name}")

    def _answers(self) -> bool:
        with contextlib.suppress(FlockError):
            return bool(self.status())
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.kill()

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stop()
        self.management.shutdown()
        self.management.server_close()

    def ask(self, verb: MirrorVerb, **fields: object) -> MirrorReply:
        return mirror.ask(MirrorRequest(verb, **fields), self.control, 60)  # type: ignore[arg-type]

    def status(self) -> MirrorStatus:
        return mirror.status(self.control)

    def wait(self, path: Path | str = "", timeout_s: float = 20) -> str:
        return mirror.ask(MirrorRequest(MirrorVerb.WAIT, str(path), timeout_s), self.control, timeout_s + 5).text

    def log(self) -> str:
        return (self.folder / f"{self.name}-mirrord.log").read_text()


class Guard:
    """The guard's connection to the daemon of a node."""

    def __init__(self, node: Node) -> None:
        self.talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.talk.settimeout(20)
        self.talk.connect(node.control)
        self.lines = self.talk.makefile("rb")
        self._say(MirrorRequest(MirrorVerb.WATCH))

    def _say(self, request: MirrorRequest) -> None:
        self.talk.sendall(codec_for(MirrorRequest).encode(request, "request") + b"\n")

    def require(self, order: int, *nodes: str) -> None:
        self._say(MirrorRequest(MirrorVerb.REQUIRE, nodes=nodes, order=order))

    def next(self) -> MirrorStatus:
        status = codec_for(MirrorReply).decode(self.lines.readline(), "answer").status
        assert isinstance(status, MirrorStatus)
        return status

    def until(self, order: int) -> MirrorStatus:
        """The first status in which an order is in force."""
        for _ in range(2_000):
            status = self.next()
            if status.enforced >= order:
                return status
        raise AssertionError("never in force")

    def close(self) -> None:
        self.lines.close()
        self.talk.close()


def content(root: Path) -> dict[str, tuple[object, ...]]:
    """All that is mirrored, by name: kind, mode, owner, group, and digest or target."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        if b".sm-mirror" in folders:
            folders.remove(b".sm-mirror")
        for each in (*folders, *files):
            path = os.path.join(folder, each)
            status = os.lstat(path)
            what: object = None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    what = hashlib.file_digest(stream, "sha256").hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                what = os.readlink(path)
            found[os.fsdecode(os.path.relpath(path, os.fsencode(root)))] = (
                stat.filemode(status.st_mode), status.st_uid, status.st_gid, what)
    return found


def equal(world: World) -> bool:
    one, other = (content(world.nodes[name].root) for name in NODES)
    return one == other


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def world6(tmp_path: Path) -> Iterator[World]:
    """Nodes with IPv6 addresses only, in a network namespace."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("root and unshare are needed")
    place = Namespace()
    try:
        for address in ADDRESS_6.values():
            place.ip("address", "add", f"{address}/128", "dev", "lo", "nodad")
        made = World(tmp_path, ADDRESS_6, place.command())
        try:
            yield made
        finally:
            made.close()
    finally:
        place.close()


@pytest.fixture
def pair(world: World) -> World:
    """Both daemons run, controller-0 is active, and controller-1 has connected."""
    return begun(world)


def begun(world: World) -> World:
    """Start both daemons, and make controller-0 active."""
    for node in world.nodes.values():
        node.start()
    world.nodes["controller-0"].ask(MirrorVerb.PROMOTE)
    in_sync(world)
    return world


def in_sync(world: World, active: str = "controller-0", timeout_s: float = 30) -> None:
    node = world.nodes[active]
    try:
        wait_for(lambda: any(line.in_sync and not line.behind_files for line in node.status().peers), timeout_s,
                 f"the peer of {active} is in sync")
    except Exception as error:
        logs = "\n".join(each.log()[-3_000:] for each in world.nodes.values())
        raise AssertionError(f"{error}\n{node.status()}\n{logs}") from error
