# SPDX-License-Identifier: Apache-2.0
"""Small programs that a test starts as processes of their own: ``python spool_programs.py <name> <arguments>``."""
from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
import threading
from pathlib import Path

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolDiskFull
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.raiser import Raiser
from fm.raiser.requests import alarm_request, to_record
from fm.raiser.spool import Spool


def say(text: str) -> None:
    """One line, in one write, so that a kill does not tear it."""
    os.write(1, f"{text}\n".encode())


class Away(FmManager):
    """A manager that never answers."""

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        raise Unavailable(service="bus", reason="test")


class ToFile(FmManager):
    """A manager that keeps what it applied in a file, one ``id entity`` per line, and survives its process so."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a+")
        self.file.seek(0)
        self.known = {line.partition(" ")[0] for line in self.file}

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        for request in requests:
            if request.request_id not in self.known and request.fault is not None:
                self.known.add(request.request_id)
                os.write(self.file.fileno(), f"{request.request_id} {request.fault.entity_instance_id}\n".encode())
        return [FaultOutcome(request.request_id, count=1) for request in requests]


def append(directory: str, threads: str, count: str) -> None:
    """Threads that store alarms and say which are stored."""
    raiser = Raiser(None, directory, manager=Away())

    def work(name: int) -> None:
        for number in range(int(count)):
            raiser.raise_alarm("200.005", host=f"t{name}-{number}", severity="major")
            say(f"host=t{name}-{number}")

    workers = [threading.Thread(target=work, args=(name,)) for name in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def raise_(directory: str, applied: str, name: str, count: str) -> None:
    """Store alarms, say which are stored, deliver them meanwhile and to the last one."""
    raiser = Raiser(None, directory, manager=ToFile(Path(applied)))
    for number in range(int(count)):
        raiser.raise_alarm("200.005", host=f"{name}-{number}", severity="major")
        say(f"host={name}-{number}")
    assert raiser.flush(30)
    raiser.stop()


def record(number: int) -> str:
    return to_record(alarm_request("200.005", f"host=h{number}", {}, {"severity": "major", "reason_text": "x" * 500}))


def stored_until_full(spool: Spool) -> int:
    number = 0
    try:
        while number < 100000:
            spool.append([record(number)])
            number += 1
    except SpoolDiskFull as error:
        say(f"{type(error).__name__}: {error}")
    return number


def whole(spool: Spool, count: int) -> bool:
    found: list[str] = []
    spool.close()
    again = Spool(spool.directory, limit_mib=64)
    while (chunk := again.peek(500)).records:
        found += chunk.texts
        again.delivered(chunk)
    again.close()
    return [f'"host=h{number}"' in text for number, text in enumerate(found)] == [True] * count


def mount(directory: str, *options: str) -> None:
    subprocess.run(["mount", *options, directory], check=True)


def fill(directory: str) -> None:
    """The spool fills its disk to the last block: nothing can be stored, delivery goes on and gives the room back."""
    mount(directory, "-t", "tmpfs", "-o", "size=2m", "tmpfs")
    spool = Spool(Path(directory) / "s", limit_mib=64)
    count = stored_until_full(spool)
    again = Spool(Path(directory) / "s", limit_mib=64) if spool.close() is None else spool
    chunk = again.peek(10)
    if [f'"host=h{number}"' in text for number, text in enumerate(chunk.texts)] == [True] * 10:
        say("earlier ones are whole")
    again.delivered(chunk)
    again.close()
    spool = Spool(Path(directory) / "s", limit_mib=64)
    if spool.appended == count - 10:
        say("delivered on the full disk")
    while (chunk := spool.peek(500)).records:
        spool.delivered(chunk)
    spool.append([record(1)])
    if len(spool.peek(5).records) == 1:
        say("stored again")


def limit(directory: str) -> None:
    """The process may not write files beyond a size."""
    spool = Spool(Path(directory), limit_mib=64)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    count = stored_until_full(spool)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if whole(spool, count):
        say("earlier ones are whole")
    spool = Spool(Path(directory), limit_mib=64)
    spool.append([record(1)])
    if len(spool.peek(5).records) == 1:
        say("stored again")


def read_only(directory: str) -> None:
    """The file system of the spool takes nothing, not even from root."""
    mount(directory, "-t", "tmpfs", "-o", "size=2m,ro", "tmpfs")
    manager = ToFile(Path("/dev/null"))
    raiser = Raiser(None, Path(directory) / "spool", manager=manager)
    try:
        raiser.raise_alarm("200.005", host="a", severity="major")
    except Unavailable as error:
        say(f"{type(error).__name__}: {error}")
    if raiser.raise_now("200.005", host="b", severity="major") == "" and len(manager.known) == 1:
        say("synchronous calls go on")
    mount(directory, "-o", "remount,rw")
    raiser.raise_alarm("200.005", host="a", severity="major")
    if raiser.flush(10):
        say("stored once it is writable")
    raiser.stop()


def fork(directory: str) -> None:
    """The parent forks, also while it appends, and dies; its child goes on."""
    raiser = Raiser(None, directory, manager=Away())
    busy = threading.Thread(target=lambda: [raiser.raise_alarm("200.005", host=f"p{n}", severity="major")
                                            for n in range(200)])
    busy.start()
    ended, end = os.pipe()
    child = os.fork()
    if child == 0:
        raiser._given_manager = ToFile(Path(directory) / "child")
        raiser.raise_alarm("200.005", host="child", severity="major")
        # Stopping waits for no delivery: what is not delivered stays stored.
        flushed = raiser.flush(15)
        raiser.stop()
        say("child delivered" if flushed and "host=child" in (Path(directory) / "child").read_text()
            else f"child failed, flushed: {flushed}")
        os.write(end, b".")
        sys.stdin.read()
        os._exit(0)
    busy.join()
    # The child may have come first and hold the first queue.
    parents = raiser._spool().directory
    raiser.stop()
    select.select([ended], [], [], 20)
    Spool(parents).close()
    say("parent's queue can be taken over while the child lives")
    os.kill(child, 9)
    os.waitpid(child, 0)


if __name__ == "__main__":
    {"append": append, "raise": raise_, "fill": fill, "limit": limit, "read_only": read_only,
     "fork": fork}[sys.argv[1]](*sys.argv[2:])
