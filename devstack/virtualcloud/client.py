# SPDX-License-Identifier: Apache-2.0
"""Client of the lab's daemon: starts it when needed, sends requests, shows progress, and enters a host."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devstack.virtualcloud import process
from devstack.virtualcloud.container import FORBIDDEN
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.site import Site

DAEMON_START_S = 30.0
ANSWER_S_MAX = 3700.0
HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/flock/venv/bin"

Json = dict[str, Any]


class NoDaemon(LabError):
    """No daemon answers on the lab's socket."""


def daemon_process(site: Site) -> tuple[int, int] | None:
    """Return the process id and start time of the running daemon."""
    try:
        pid, ticks = (int(word) for word in site.pid_file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return (pid, ticks) if process.is_alive(pid, ticks) else None


class Client:
    """Requests to one lab's daemon."""

    def __init__(self, site: Site, progress: Callable[[str], None]) -> None:
        self._site = site
        self._progress = progress

    def ask(self, op: str, **arguments: Any) -> Json:
        """Send a request and return its result; shows progress lines meanwhile."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(ANSWER_S_MAX)
            try:
                stream.connect(str(self._site.socket))
            except OSError:
                raise NoDaemon("no lab is up; bring one up: devstack/lab up standard") from None
            stream.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
            with stream.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "progress" in answer:
                        self._progress(answer["progress"])
                    elif "error" in answer:
                        raise LabError(answer["error"]["text"], answer["error"]["status"])
                    else:
                        return dict(answer["result"])
        raise LabError(f"the lab's daemon went away; see {self._site.log_file}")

    def ensure_daemon(self) -> bool:
        """Start the daemon unless it runs; returns True when it was started."""
        if daemon_process(self._site) is not None and self._site.socket.exists():
            return False
        self._site.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        repository = Path(__file__).resolve().parents[2]
        argv = [
            "/usr/bin/python3", "-m", "devstack.virtualcloud.daemon", "--state-dir", str(self._site.state_dir),
            "--prefix", self._site.prefix, "--image-dir", str(self._site.image_dir),
            "--code-dir", str(self._site.code_dir),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(repository), "PYTHONDONTWRITEBYTECODE": "1"}
        with self._site.log_file.open("ab") as log:
            began = log.tell()
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd="/", start_new_session=True
            )
        end = time.monotonic() + DAEMON_START_S
        while time.monotonic() < end:
            if child.poll() is not None:
                raise LabError(self._last_line(began))
            if self._answers():
                child.returncode = 0  # it runs independently of this process
                return True
            time.sleep(0.05)
        raise LabError(f"the lab's daemon did not start within {DAEMON_START_S:g} s; see {self._site.log_file}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            try:
                stream.connect(str(self._site.socket))
            except OSError:
                return False
        return True

    def _last_line(self, began: int) -> str:
        with self._site.log_file.open("rb") as log:
            log.seek(began)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return (
            lines[-1].removeprefix("flock-labd: ") if lines else f"the lab's daemon failed; see {self._site.log_file}"
        )


def enter_argv(pid: int, command: list[str]) -> list[str]:
    """Return the arguments that run a command in all namespaces of the host with init `pid`, in a clean environment."""
    environment = [
        "HOME=/root", f"PATH={HOST_PATH}", "LANG=C.UTF-8", f"TERM={os.environ.get('TERM', 'dumb')}",
        "USER=root", "LOGNAME=root",
    ]  # fmt: skip
    # Drop the capabilities of the machine's root that the host's root does not have.
    bounds = ["setpriv", f"--bounding-set={','.join(f'-{name}' for name in FORBIDDEN)}", "--"]
    enter = [*bounds, "nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C"]
    return [*enter, "env", "-i", "--chdir=/root", *environment, *command]


def join_groups(files: list[str]) -> None:
    """Add this process to a host's control groups, so that it freezes with the host and opens only the host's devices.

    Raises LabError when a group does not accept it.
    """
    for name in files:
        try:
            Path(name).write_text(str(os.getpid()), encoding="ascii")
        except OSError as exc:
            raise LabError(f"{name}: {exc.strerror}") from exc
