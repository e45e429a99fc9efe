# SPDX-License-Identifier: Apache-2.0
"""``patching-agent``, on every host: installs what the conductor orders, and tells what the host runs.

``--once --local`` does without a conductor what the host missed, or what it was ended in: at its boot. With
``--leaving``, at the end of a boot, it takes along what was configured since an installation that waits for a boot.
"""
from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flock import conf as flock_conf
from flock.core.errors import FlockError
from flock.exec import platformconf
from flock.exec.alone import alone
from flock.exec.root import Root
from flock.rpc import Server, ServerWatch, client, transport
from flock.service.daemon import run_daemon
from patching.agent import local
from patching.agent.daemon import Agent, Limits
from patching.agent.installer import Installer
from patching.agent.memory import Book
from patching.agent.scripts import place_functions
from patching.backends import formats
from patching.conf import agent as options
from patching.content.fetch import Feed, Store
from patching.content.holding import Holding
from patching.contract.rpc import AgentReports, PatchingAgent

PROG = "patching-agent"
SERVER_THREADS = 2
FEED_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What daemon and single run have in common."""

    book: Book
    feed: Feed
    root: Root
    installer: Installer
    hostname: str
    backends: tuple[str, ...]


def parts(conf: Any) -> Parts:
    """The agent's parts, from its options."""
    options.register(conf)
    group = conf[options.GROUP]
    state = _state(conf)
    root = Root(group.root)
    backends = formats.load(group.backends or formats.available(), Path(group.install_root or group.root),
                            group.command_timeout_s)
    feed = Feed(group.feed_url, Path(group.authorities))
    place_functions(root.path, Path(sys.prefix, "share/flock/patching/patch-functions"))
    book = Book(state / "agent.json")
    installer = Installer(book, feed, Store(state / "content"), backends, root)
    return Parts(book, feed, root, installer, group.hostname or socket.gethostname(), tuple(backends))


def _state(conf: Any) -> Path:
    return Path(conf.state_dir) / "patching/agent"


def _alone(conf: Any) -> AbstractContextManager[None]:
    state = _state(conf)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return alone(state / "lock", f"{PROG} runs already.")


def _is_controller(root: Root) -> bool:
    return platformconf.value(root, "nodetype") == "controller"


def build(conf: Any) -> Agent:
    """The agent with its connection to the bus. Refused: another one runs on this host."""
    lock = ExitStack()
    lock.enter_context(_alone(conf))
    try:
        return _built(conf, parts(conf), lock.close)
    except BaseException:
        lock.close()
        raise


def _built(conf: Any, made: Parts, at_end: Callable[[], None]) -> Agent:
    group = conf[options.GROUP]
    bus = transport(conf)
    servers = ServerWatch(bus, [AgentReports])
    servers.start()
    limits = Limits(group.report_period_s, group.rejected_max_s, audit_period_s=group.audit_period_s)
    agent = Agent(client(AgentReports, bus), made.installer, made.book, made.root, made.hostname, limits, made.backends,
                  make_server=lambda agent: Server(bus, made.hostname, {PatchingAgent: agent},
                                                   threads_max=SERVER_THREADS),
                  holding=Holding(Path(group.content_dir) / "feed") if _is_controller(made.root) else None,
                  at_end=at_end)
    agent.health.add("versions", servers.mismatch)
    return agent


def once(arguments: list[str], *, leaving: bool = False) -> int:
    """One run without a conductor, at a boot or ``leaving`` it; returns the exit status of ``patching.agent.local``."""
    conf = flock_conf.setup(PROG, "patching", arguments)
    try:
        with _alone(conf):
            made = parts(conf)
            if leaving:
                return int(local.settle(made.installer, made.book))
            feed = made.feed
            if _is_controller(made.root):
                # Its own copy: no other controller may be there.
                feed = Feed(Path(conf[options.GROUP].content_dir, "feed").absolute().as_uri())
            return int(local.catch_up(made.installer, made.book, feed, made.root, made.hostname, FEED_WAIT_S))
    except FlockError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return int(local.Ended.FAILED)


def main() -> int:
    """Run until SIGTERM, or once."""
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__, allow_abbrev=False)
    parser.add_argument("--once", action="store_true", help="one installation, then end: status 0 nothing to do or "
                                                            "done, 1 done and a boot is needed, 2 failed")
    parser.add_argument("--local", action="store_true", help="without a conductor; needs --once, and --once needs it")
    parser.add_argument("--leaving", action="store_true", help="with --once --local: the host is about to boot")
    chosen, rest = parser.parse_known_args()
    if chosen.once != chosen.local:
        parser.error("--once and --local belong together")
    if chosen.leaving and not chosen.once:
        parser.error("--leaving needs --once --local")
    if chosen.once:
        return once(rest, leaving=chosen.leaving)
    return run_daemon(PROG, build, argv=rest)
