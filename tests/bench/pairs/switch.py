# SPDX-License-Identifier: Apache-2.0
"""A power switch for machines that are network namespaces, and the fence agent that asks it."""
from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.functional.sm.daemon import power

AGENT = """import socket, sys
given = dict(line.split("=", 1) for line in sys.stdin.read().splitlines() if "=" in line)
action = given.get("action", "metadata")
if action == "metadata":
    print('''<?xml version="1.0"?>
<resource-agent name="fence_switch" shortdesc="Power switch of the benchmarks"><longdesc>none</longdesc>
<vendor-url>none</vendor-url><parameters>
<parameter name="action" required="1"><content type="string" default="off"/></parameter>
<parameter name="machine" required="1"><content type="string"/></parameter>
<parameter name="switch" required="1"><content type="string"/></parameter></parameters>
<actions><action name="on"/><action name="off"/><action name="status"/><action name="monitor"/><action name="metadata"/>
</actions></resource-agent>''')
    sys.exit(0)
with socket.socket(socket.AF_UNIX) as talk:
    talk.connect(given["switch"])
    talk.sendall(f"{action} {given['machine']}".encode())
    sys.exit({"off": 2, "on": 0, "done": 0}.get(talk.recv(10).decode(), 1))
"""


class Switch:
    """Listens on a socket in ``folder``. ``machines``: by name, what ``power.off`` needs."""

    def __init__(self, folder: Path, machines: Mapping[str, Mapping[str, Any]]) -> None:
        self.socket = folder / "switch"
        self.agent = folder / "agents" / "fence_switch"
        self.agent.parent.mkdir()
        self.agent.write_text(f"#!{sys.executable} -S\n{AGENT}")
        self.agent.chmod(0o755)
        self.machines = {name: json.loads(json.dumps(machine)) for name, machine in machines.items()}
        self._orders = folder / "orders"
        self._orders.touch()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.socket))
        self._listening.listen()
        self._process = multiprocessing.get_context("fork").Process(target=self._serve, daemon=True)
        self._process.start()

    @property
    def orders(self) -> list[str]:
        """The machines that it was told to switch off, in this order."""
        return self._orders.read_text().split()

    def off(self, name: str) -> None:
        """Returns when no process of the machine is left."""
        power.off(self.machines[name])

    def is_off(self, name: str) -> bool:
        """Whether no process of the machine is left."""
        return not power.inside(self.machines[name])

    def close(self) -> None:
        """No further orders."""
        self._process.kill()
        self._process.join()
        self._listening.close()

    def _serve(self) -> None:
        # A real one is a device of its own, which does not feel the load of this machine.
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        while True:
            talk, _ = self._listening.accept()
            with talk, contextlib.suppress(OSError):  # an agent that was killed takes no answer
                action, _, name = talk.recv(200).decode().partition(" ")
                if action == "off":
                    with self._orders.open("a") as told:
                        told.write(f"{name}\n")
                    self.off(name)
                answer = "done" if action != "status" else "off" if self.is_off(name) else "on"
                talk.sendall(answer.encode())
