# SPDX-License-Identifier: Apache-2.0
"""Commands that enter a host: exec, shell, put, logs. They replace this process or stream through it."""

from __future__ import annotations

import argparse
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

from devstack.virtualcloud import ostreeimage, plan
from devstack.virtualcloud.client import enter_argv, join_groups
from devstack.virtualcloud.disk import Disk
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.record import Store
from devstack.virtualcloud.session import Session

PUT_FILE = 'mkdir -p "$(dirname "$1")" && cat > "$1.part" && chmod "$2" "$1.part" && mv "$1.part" "$1"'
PUT_TREE = 'mkdir -p "$1" && tar -x -f - -C "$1"'


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands and their arguments."""
    execute = command("exec", _exec, "run a command inside a host (or in the namespace `outside`)")
    execute.add_argument("host")
    execute.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    command("shell", _shell, "a shell inside a host").add_argument("host")
    put = command("put", _put, "copy a file or folder into a host, running or off")
    put.add_argument("host")
    put.add_argument("source", type=Path)
    put.add_argument("target")
    logs = command("logs", _logs, "a host's console, or the journal of one of its units")
    logs.add_argument("host")
    logs.add_argument("unit", nargs="?")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=200)


def _enter(session: Session, host: str, command: list[str]) -> list[str]:
    """Return the arguments that run a command in a host; adds this process to the host's groups."""
    if host == plan.OUTSIDE:
        return ["nsenter", f"--net={session.site.namespace_path(plan.OUTSIDE)}", *command]
    found = session.ask("leader", host=host)
    join_groups(found["cgroup_files"])
    return enter_argv(found["pid"], command)


def _exec(session: Session) -> int:
    words = list(session.options.words)
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        raise NotAvailable("a command is needed: devstack/lab exec HOST -- COMMAND")
    return _replace(_enter(session, session.options.host, words))


def _shell(session: Session) -> int:
    return _replace(_enter(session, session.options.host, ["/bin/bash", "-l"]))


def _replace(argv: list[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp(argv[0], argv)


def _put(session: Session) -> None:
    options = session.options
    source: Path = options.source
    if not source.exists():
        raise NotAvailable(f"{source} does not exist")
    if not options.target.startswith("/"):
        raise NotAvailable(f"{options.target}: an absolute path is needed")
    running = session.ask("status", host=options.host)["stage"] in ("booting", "up")
    if running:
        _put_running(session, source)
    else:
        _put_on_disk(session, source)
    data = {"host": options.host, "target": options.target}
    session.show(data, f"{source} -> {options.host}:{options.target}")


def _put_running(session: Session, source: Path) -> None:
    options = session.options
    if source.is_dir():
        argv = _enter(session, options.host, ["sh", "-c", PUT_TREE, "sh", options.target])
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as child:
            assert child.stdin is not None
            with tarfile.open(fileobj=child.stdin, mode="w|") as stream:
                stream.add(source, arcname=".")
            child.stdin.close()
            status = child.wait()
    else:
        mode = f"{stat.S_IMODE(source.stat().st_mode):o}"
        argv = _enter(session, options.host, ["sh", "-c", PUT_FILE, "sh", options.target, mode])
        with source.open("rb") as stream:
            status = subprocess.run(argv, stdin=stream, check=False).returncode
    if status != 0:
        raise LabError(f"{options.host} did not take {options.target} ({status})")


def _put_on_disk(session: Session, source: Path) -> None:
    options = session.options
    disk = _disk(session)
    if not disk.exists():
        raise LabError(f"{options.host} has an empty disk; install it first")
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    for path in files:
        target = options.target if source.is_file() else f"{options.target.rstrip('/')}/{path.relative_to(source)}"
        disk.lay(target, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))


def _disk(session: Session) -> Disk:
    """Return the disk of the host named in the options."""
    store, host = Store(session.site.state_dir), session.options.host
    root = Path(store.load_lab().image)
    record = next((record for record in store.load_hosts() if record.name == host), None)
    lower = ostreeimage.disk_of(root) if record is not None and record.ostree else root
    return Disk(store.host_dir(host), lower)


def _logs(session: Session) -> int:
    options = session.options
    status = session.ask("status", host=options.host)
    folder = Store(session.site.state_dir).host_dir(options.host)
    follow = ["-f"] if options.follow else []
    if not options.unit:
        return _replace(["tail", "-n", str(options.lines), *follow, str(folder / "console.log")])
    journal = ["journalctl", "--no-pager", "-n", str(options.lines), "-u", options.unit]
    if status["stage"] in ("booting", "up"):
        return _replace(_enter(session, options.host, [*journal, *follow]))
    disk = _disk(session)
    return _replace([*journal, "-D", str(disk.path / "upper" / disk.place("/var/log/journal"))])
