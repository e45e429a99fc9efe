# SPDX-License-Identifier: Apache-2.0
"""A worker on the management network reaches neither the database nor the mirror of a controller: real nftables."""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flock.testing.privileges import need_root
from flock.testing.services.process import wait_for
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.management import DATABASE_PORT, peers_only

CONTROLLER, PEER, WORKER, OAM = "192.168.204.2", "192.168.204.3", "192.168.204.161", "10.10.10.3"
PORTS = (DATABASE_PORT, 2224)
API = 6385
SERVER = f"""
import asyncio
async def hold(reader, writer):
    await reader.read()
    writer.close()
async def main():
    for port in {(*PORTS, API)!r}:
        await asyncio.start_server(hold, "0.0.0.0", port)
    print("listens", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
ASK = """
import socket, sys
try:
    socket.create_connection((sys.argv[2], int(sys.argv[3])), 2, source_address=(sys.argv[1], 0)).close()
except TimeoutError:
    sys.exit(3)
"""


class Site:
    """A controller, and everybody else at the other end of its cable."""

    def __init__(self, controller: int, others: int) -> None:
        self.controller, self.others = controller, others

    def run(self, place: int, *argv: str, text: str | None = None) -> int:
        done = subprocess.run(["nsenter", "-t", str(place), "-n", *argv], input=text, capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode in (0, 3), done.stderr
        return done.returncode

    def reaches(self, source: str, target: str, port: int) -> bool:
        return self.run(self.others, sys.executable, "-c", ASK, source, target, str(port)) == 0

    def protect(self, *, pair: bool = True) -> None:
        self.run(self.controller, "nft", "-f", "-",
                 text=peers_only(parse({"admin_password": "correct-horse"}), "controller-0", pair=pair))


@pytest.fixture
def site() -> Iterator[Site]:
    need_root("nft")
    with contextlib.ExitStack() as stack:
        def child(*argv: str) -> subprocess.Popen[str]:
            made = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
            stack.callback(made.wait, 10)
            stack.callback(made.kill)
            return made

        own = os.readlink("/proc/self/ns/net")
        holders = [child("unshare", "-n", "sleep", "600") for _ in range(2)]
        wait_for(lambda: all(os.readlink(f"/proc/{each.pid}/ns/net") != own for each in holders), 10, "namespaces")
        made = Site(*(each.pid for each in holders))
        made.run(made.controller, "ip", "link", "add", "mgmt0", "type", "veth", "peer", "name", "cable", "netns",
                 str(made.others))
        for place, name, addresses in ((made.controller, "mgmt0", (CONTROLLER,)),
                                       (made.others, "cable", (PEER, WORKER))):
            for address in addresses:
                made.run(place, "ip", "address", "add", f"{address}/24", "dev", name)
            made.run(place, "ip", "link", "set", name, "up")
            made.run(place, "ip", "link", "set", "lo", "up")
        made.run(made.controller, "ip", "address", "add", f"{OAM}/24", "dev", "lo")
        made.run(made.others, "ip", "route", "add", f"{OAM}/32", "via", CONTROLLER)
        server = child("nsenter", "-t", str(made.controller), "-n", sys.executable, "-c", SERVER)
        assert server.stdout is not None and server.stdout.readline() == "listens\n"
        yield made


@pytest.mark.parametrize("port", PORTS)
def test_a_worker_reaches_neither_database_nor_mirror(site: Site, port: int) -> None:
    assert site.reaches(WORKER, CONTROLLER, port), "without the rules it does"
    site.protect()
    for target in (CONTROLLER, OAM):
        assert not site.reaches(WORKER, target, port)
    assert site.reaches(PEER, CONTROLLER, port) and site.reaches(WORKER, CONTROLLER, API)
    assert site.run(site.controller, sys.executable, "-c", ASK, "127.0.0.1", "127.0.0.1", str(port)) == 0


def test_the_rules_are_replaced_as_a_whole(site: Site) -> None:
    site.protect(pair=False)
    assert not site.reaches(PEER, CONTROLLER, DATABASE_PORT) and site.reaches(WORKER, CONTROLLER, API)
    for _ in range(2):
        site.protect()
    assert not site.reaches(WORKER, CONTROLLER, DATABASE_PORT) and site.reaches(PEER, CONTROLLER, DATABASE_PORT)
