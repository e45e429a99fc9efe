# SPDX-License-Identifier: Apache-2.0
"""Gives the orders of a classic verb one after the other, and answers as its clients expect: 200 with three texts."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flock.api.call import Call
from flock.core.errors import DeadlineExceeded, FlockError
from flock.db import Database, utcnow
from patching.api.ordering import POLL_S, Commands
from patching.classic import picture
from patching.classic.verbs import Command, Plan
from patching.contract.records import OrderKind, Reply, ReplyStatus
from patching.contract.states import DeployState, HostState, Owner
from patching.core.classic import AgentFacts
from patching.core.model import View
from patching.db.views import Seen, Stored, agents, application_uses, read

_RUNNING = frozenset({HostState.DEPLOYING, HostState.ROLLBACK_DEPLOYING})
_REFUSED = 406


@dataclass(frozen=True, slots=True)
class Known:
    """All that a verb is judged by. ``uses``: ids of patches that applications depend on."""

    stored: Stored
    seen: dict[str, Seen]
    facts: dict[str, AgentFacts]
    uses: dict[str, list[str]]

    @property
    def view(self) -> View:
        """The view on which decisions are made."""
        return self.stored.view


@dataclass(frozen=True, slots=True)
class Classic:
    """``silence_s``: an agent that has said nothing for so long does not answer. ``wait_s``: how long a request waits
    for what it has begun."""

    commands: Commands
    database: Database
    silence_s: float
    wait_s: float

    def known(self) -> Known:
        """What is stored now."""
        stored = read(self.database)
        with self.database.reader() as conn:
            seen, uses = agents(conn), application_uses(conn)
        return Known(stored, seen, picture.agent_facts(stored, seen, utcnow(), self.silence_s), uses)

    def carry_out(self, call: Call, plan: Plan) -> dict[str, str]:
        """Give the orders of ``plan``; the first one that is refused ends it."""
        if plan.error:
            return texts(error=plan.error)
        warnings = ""
        for command in plan.commands:
            reply = self._give(call, command)
            warnings += reply.warning
            if reply.status is not ReplyStatus.OK:
                return texts(warning=(warnings,), error=(reply.error,))
        return texts(plan.info, (warnings,))

    def installed(self, hostname: str) -> dict[str, str]:
        """The three texts once the installation on a host has ended. DeadlineExceeded: it goes on."""
        row = self._until(lambda view: hostname not in view.rows or view.rows[hostname].state not in _RUNNING,
                          f"the installation on {hostname}").rows.get(hostname)
        if row is not None and row.state in (HostState.FAILED, HostState.ROLLBACK_FAILED):
            return texts(error=(f"Patch installation failed on {hostname}: {row.error}",))
        return texts((f"Patch installation was successful on {hostname}.",))

    def _give(self, call: Call, command: Command) -> Reply:
        fields: dict[str, Any] = {"releases": list(command.releases), "hostname": command.hostname,
                                  "options": dict(command.options), "owner": Owner.CLASSIC}
        reply = self.commands.give(call, command.kind, **fields)
        if command.kind is not OrderKind.START or reply.status is not ReplyStatus.OK:
            return reply
        deploy = self._until(lambda view: view.deploy is None or view.deploy.state is not DeployState.START,
                             "the preparation").deploy
        if deploy is None or deploy.state is not DeployState.START_FAILED:
            return reply
        # The classic model knows no preparation that failed: the set is as it was before.
        self.commands.give(call, OrderKind.DELETE_DEPLOY, owner=Owner.CLASSIC)
        return Reply(ReplyStatus.REFUSED, error=f"{deploy.error}\n")

    def _until(self, is_reached: Callable[[View], bool], what: str) -> View:
        deadline = time.monotonic() + self.wait_s
        while not is_reached(view := read(self.database).view):
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(what=what, timeout_s=f"{self.wait_s:g}")
            time.sleep(POLL_S)
        return view


def texts(info: Iterable[str] = (), warning: Iterable[str] = (), error: Iterable[str] = ()) -> dict[str, str]:
    """The three texts; each line ends with a newline."""
    return {"info": _lines(info), "warning": _lines(warning), "error": _lines(error)}


def softened(act: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What ``act`` returns; a refusal (406) becomes the error text, as the classic clients expect."""
    try:
        return act()
    except FlockError as refusal:
        if refusal.http != _REFUSED:
            raise
        return texts(error=(str(refusal),))


def _lines(found: Iterable[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in found if line.strip())
