# SPDX-License-Identifier: Apache-2.0
"""Carries out commands inside a virtual machine. It is copied there, so it imports nothing of this tree.

Lines of JSON through a port of virtio-serial. First ``{"boot_id"}``, then for each ``{"id", "argv", "input",
"timeout_s"}`` one ``{"id", "rc", "out", "err"}``.
"""
from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import IO, Any

PORT = "/dev/virtio-ports/flock.commands"


def carried_out(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one command to its end; status 124 after its time limit, 127 when there is no such program."""
    try:
        done = subprocess.run(asked["argv"], input=asked["input"], capture_output=True, text=True, errors="replace",
                              timeout=asked["timeout_s"], check=False)
        rc, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        rc, out, err = 124, "", f"longer than {asked['timeout_s']} s"
    except OSError as error:
        rc, out, err = 127, "", str(error)
    return {"id": asked["id"], "rc": rc, "out": out, "err": err}


def send(port: IO[bytes], document: dict[str, Any]) -> None:
    """Write one line; an unbuffered port may take a part of it only."""
    rest = memoryview(json.dumps(document).encode() + b"\n")
    while rest:
        rest = rest[port.write(rest):]


def serve(port: IO[bytes], boot_id: str) -> None:
    """Carry out commands until the port is closed."""
    send(port, {"boot_id": boot_id})
    pending = b""
    while part := port.read(65536):
        *lines, pending = (pending + part).split(b"\n")
        for line in lines:
            send(port, carried_out(json.loads(line)))


if __name__ == "__main__":
    with open(PORT, "r+b", buffering=0) as opened:
        serve(opened, Path("/proc/sys/kernel/random/boot_id").read_text().strip())
