# SPDX-License-Identifier: Apache-2.0
"""Load and faults at once: writers that keep a ledger, and a killer that ends daemons and servers at random moments."""
from __future__ import annotations

import random
import threading
from typing import Any

import requests

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import Process
from flock.testing.services.rabbitmq import RabbitNode
from fm.raiser import Raiser
from tests.functional.fm.ledger import Action, Asked, Fate, Pair
from tests.functional.fm.service import FaultManagement

SHARED = [("100.101", f"host=shared-{number}") for number in range(3)]
CALL_TIMEOUT_S = 3.0
PACE_S = 0.02
UNANSWERED = (502, 503, 504)


class Writer:
    """One thread that asks for one thing after the other and writes down what it was told."""

    actions: tuple[Action, ...] = (*[Action.SET] * 6, *[Action.CLEAR] * 3, Action.LOG)

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.asked: list[Asked] = []
        self.surprises: list[str] = []
        self._dice = random.Random(f"{seed}-{name}")  # noqa: S311
        self._own = [("100.103", f"host={name}-{number}") for number in range(3)]
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request in hand."""
        self._leave.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._leave.is_set():
            action = self._dice.choice(self.actions)
            pair = self._dice.choice([*self._own, *SHARED])
            text = f"{self.name}/{len(self.asked)}"
            try:
                fate, count = self._ask(action, pair, text)
            except Exception as error:  # noqa: BLE001 - reported by the test
                self.surprises.append(f"{text} {action.value}: {type(error).__name__}: {error}")
                fate, count = Fate.UNKNOWN, 0
            self.asked.append(Asked(self.name, action, pair, text, fate, pair in self._own, count))
            self._leave.wait(self._dice.uniform(0, 2 * PACE_S))

    def _ask(self, action: Action, pair: Pair, text: str) -> tuple[Fate, int]:
        raise NotImplementedError


class SpoolWriter(Writer):
    """Raises through the spool: whatever was stored there must arrive."""

    def __init__(self, name: str, seed: int, raiser: Raiser) -> None:
        super().__init__(name, seed)
        self.raiser = raiser

    def _ask(self, action: Action, pair: Pair, text: str) -> tuple[Fate, int]:
        alarm_id, entity = pair
        if action is Action.CLEAR:
            self.raiser.clear_alarm(alarm_id, entity_instance_id=entity, exact=True)
        elif action is Action.LOG:
            self.raiser.log_event(alarm_id, entity_instance_id=entity, reason_text=text)
        else:
            self.raiser.raise_alarm(alarm_id, entity_instance_id=entity, severity="major", reason_text=text)
        return Fate.SPOOLED, 0


class CallWriter(Writer):
    """Raises and waits for the manager's answer."""

    actions = (Action.SET, Action.SET, Action.CLEAR)  # there is no call that logs and waits

    def __init__(self, name: str, seed: int, raiser: Raiser) -> None:
        super().__init__(name, seed)
        self.raiser = raiser

    def _ask(self, action: Action, pair: Pair, text: str) -> tuple[Fate, int]:
        alarm_id, entity = pair
        try:
            if action is Action.CLEAR:
                return Fate.ACKNOWLEDGED, self.raiser.clear_now(alarm_id, entity_instance_id=entity, exact=True,
                                                                timeout_s=CALL_TIMEOUT_S)
            self.raiser.raise_now(alarm_id, entity_instance_id=entity, severity="major", reason_text=text,
                                  timeout_s=CALL_TIMEOUT_S)
        except (Unavailable, DeadlineExceeded):
            return Fate.UNKNOWN, 0
        return Fate.ACKNOWLEDGED, 0


class RestWriter(Writer):
    """Writes by REST, and looks at the list in between: it may be away, it may not be wrong."""

    def __init__(self, name: str, seed: int, service: FaultManagement) -> None:
        super().__init__(name, seed)
        self._base = f"{service.base}/v1/alarms"
        self._session = service.http()

    def _ask(self, action: Action, pair: Pair, text: str) -> tuple[Fate, int]:
        state = {Action.SET: "set", Action.CLEAR: "clear", Action.LOG: "log"}[action]
        body = {"alarm_id": pair[0], "entity_instance_id": pair[1], "alarm_state": state, "severity": "major",
                "alarm_type": "other", "probable_cause": "unknown", "reason_text": text}
        self._expect(self._send("GET", params={"limit": 5}), 200)
        status = self._expect(self._send("POST", json=body), 200, 404 if action is Action.CLEAR else 200)
        if status in (0, *UNANSWERED):
            return Fate.UNKNOWN, 0
        return Fate.ACKNOWLEDGED, int(status == 200)

    def _send(self, method: str, **options: Any) -> requests.Response | None:
        try:
            return self._session.request(method, self._base, timeout=20, **options)
        except requests.RequestException:
            return None

    def _expect(self, reply: requests.Response | None, *allowed: int) -> int:
        if reply is None:
            return 0
        if reply.status_code not in (*allowed, *UNANSWERED):
            self.surprises.append(f"{reply.request.method} answered {reply.status_code}: {reply.text[:300]}")
        return reply.status_code


class Killer:
    """Ends processes as a crash would and starts them again; ``died`` are those that went by themselves.

    To be used by the thread that stays to the end: what a thread started is killed with it.
    """

    def __init__(self, service: FaultManagement, rabbit: RabbitNode, postgres: PostgresServer | None,
                 seed: int) -> None:
        self._service = service
        self._rabbit = rabbit
        self._postgres = postgres
        self._dice = random.Random(seed)  # noqa: S311
        self.rounds: list[tuple[str, ...]] = []
        self.died: list[str] = []
        self._names = ["manager", "api", "rabbit", *(["postgres"] if postgres is not None else [])]
        self._queue: list[str] = []

    def all_hit(self) -> bool:
        """Each was killed at least once."""
        return set(self._names) <= {name for names in self.rounds for name in names}

    def strike(self) -> None:
        """Wait a moment, kill one or two, wait a moment, start them again."""
        pause = threading.Event()
        pause.wait(self._dice.uniform(0.2, 1.5))
        if len(self._queue) < 2:
            self._queue += self._dice.sample(self._names, len(self._names))
        victims = [self._queue.pop(0)]
        if self._dice.random() < 0.6 and self._queue[0] not in victims:
            victims.append(self._queue.pop(0))
        for name in victims:
            self._kill(name)
        self.rounds.append(tuple(victims))
        pause.wait(self._dice.uniform(0.0, 1.0))
        for name in ("manager", "api"):
            if name not in victims and not self._process(name).running:
                self.died.append(f"{name} ended after the death of {victims}: {self._process(name).log_tail()}")
                victims.append(name)
        # Servers first: a manager does not begin without its database.
        for name in sorted(victims, key=lambda name: name in ("manager", "api")):
            self._start(name)

    def _process(self, name: str) -> Process:
        process = self._service.manager if name == "manager" else self._service.api
        assert process is not None
        return process

    def _kill(self, name: str) -> None:
        if name == "rabbit":
            self._rabbit.kill()
        elif name == "postgres":
            assert self._postgres is not None
            self._postgres.kill()
        else:
            self._process(name).kill()

    def _start(self, name: str) -> None:
        if name == "rabbit":
            self._rabbit.start()
        elif name == "postgres":
            assert self._postgres is not None
            self._postgres.start()
        elif name == "manager":
            self._service.start_manager()
        else:
            self._service.start_api()

