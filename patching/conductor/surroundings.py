# SPDX-License-Identifier: Apache-2.0
"""The hosts as the inventory and their agents say now, and what controllers hold of the content of releases."""
from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from flock.core.errors import FlockError
from flock.db import utcnow
from patching.conductor.machine import Surroundings
from patching.contract.records import HostFacts
from patching.contract.rpc import PatchingAgent
from patching.contract.states import AgentState
from patching.core.strategy.work.seen import SeenHost
from patching.db.views import Seen


class Hosts(Protocol):
    """The part of ``Inventory`` that is used here."""

    def hosts(self) -> dict[str, SeenHost]:
        """The hosts by name."""


def of_agents(hosts: Mapping[str, SeenHost], seen: Mapping[str, Seen], now: datetime.datetime,
              silence_s: float) -> dict[str, AgentState | None]:
    """What the agents do; None: one has not reported lately."""
    limit = now - datetime.timedelta(seconds=silence_s)
    return {name: seen[name].facts.state if name in seen and seen[name].at >= limit else None for name in hosts}


class Watch:
    """Asks who knows. ``seen``: the stored reports; ``silence_s``: how long an agent may say nothing."""

    def __init__(self, inventory: Hosts, seen: Callable[[], Mapping[str, Seen]],
                 agent_of: Callable[[str], PatchingAgent], silence_s: Callable[[], float]) -> None:
        self._inventory, self._seen, self._agent_of, self._silence_s = inventory, seen, agent_of, silence_s
        self._answered = threading.Condition()
        self._answers: dict[str, str] = {}
        self._asked: dict[str, str] = {}

    def now(self, in_sync: bool = True) -> Surroundings:
        """The surroundings. Unavailable: the inventory does not answer, and without it nothing is known of hosts."""
        hosts = self._inventory.hosts()
        states = of_agents(hosts, self._seen(), utcnow(), self._silence_s())
        return Surroundings({name: host.with_agent(states[name]) for name, host in hosts.items()}, in_sync)

    def answers(self, hostname: str, within_s: float) -> bool:
        """Whether the agent of a host answers a question in time."""
        query = uuid.uuid4().hex
        with self._answered:
            self._asked[hostname] = query
        try:
            self._agent_of(hostname).report_now(query_id=query)
        except FlockError:
            return False
        with self._answered:
            heard = self._answered.wait_for(lambda: self._answers.get(hostname) == query, within_s)
            self._asked.pop(hostname, None)
            self._answers.pop(hostname, None)
        return heard

    def reported(self, facts: HostFacts) -> None:
        """An agent has reported, perhaps as the answer to a question."""
        with self._answered:
            if facts.query_id and self._asked.get(facts.hostname) == facts.query_id:
                self._answers[facts.hostname] = facts.query_id
                self._answered.notify_all()
