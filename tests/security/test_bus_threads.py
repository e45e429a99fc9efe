# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 sends requests that take long, within its share of messages: real RabbitMQ, a real server."""
from __future__ import annotations

import threading
import time
from typing import Any

from flock.core.errors import Unavailable
from flock.rpc import Server, client
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.rpc import FmManager
from tests.security.conftest import SecuredBus

# Without a limit, a request waits behind ATTACKERS / 8 others: three seconds.
SLOW_S, ATTACKERS, BURST_S, PROMPT_S = 0.5, 48, 30, 2.0


class SlowFaults(FmManager):
    """Replies after half a second, as with a busy database; counts by the host in question."""

    def get_faults(self, **_arguments: Any) -> list[Any]:
        time.sleep(SLOW_S)
        return []


def ask(manager: FmManager, host: str) -> float:
    """The seconds that a question of a host about itself takes. TooManyMessages."""
    begun = time.monotonic()
    manager.get_faults(alarm_id=None, entity_instance_id=f"host={host}", below=True)
    return time.monotonic() - begun


def test_requests_of_one_host_hold_a_quarter_of_the_threads_from_the_beginning(secured: SecuredBus, transports: Any
                                                                               ) -> None:
    """What a request costs is known when it ends: 14 reports of one host, each of 15 s, held all threads at once."""
    held, begun = threading.Event(), threading.Semaphore(0)

    class Held(FmManager):
        def get_faults(self, *, entity_instance_id: str, **_arguments: Any) -> list[Any]:
            if entity_instance_id == "host=worker-0":
                begun.release()
                assert held.wait(60)
            return []

    transport = transports(secured.service("fm-manager"))
    server = Server(transport, "controller-0", {FmManager: Held()}, threads_max=8)
    assert server.start(SERVES_S)
    attacker = client(FmManager, transports(secured.host("worker-0")))
    other = client(FmManager, transports(secured.host("worker-1")))
    ends: list[str] = []

    def attack() -> None:
        try:
            ask(attacker, "worker-0")
            ends.append("served")
        except Unavailable as error:
            ends.append("refused" if "2 requests" in str(error) else str(error))

    threads = [threading.Thread(target=attack) for _ in range(16)]
    for thread in threads:
        thread.start()
    try:
        assert all(begun.acquire(timeout=20) for _ in range(2))
        for _ in range(3):
            ask(other, "worker-1")
        wait_for(lambda: len(ends) == 14, 20, "the other requests of the host to be refused")
        assert set(ends) == {"refused"} and not begun.acquire(blocking=False)
        assert "worker-0" not in transport.gate.refusals.take(), "a slow database is no fault of the host"
    finally:
        held.set()
        for thread in threads:
            thread.join(60)
        server.stop(10)
    assert ends.count("served") == 2


def test_a_host_whose_requests_take_long_leaves_threads_to_the_others(secured: SecuredBus, transports: Any) -> None:
    server = Server(transports(secured.service("fm-manager"), host_seconds_burst=BURST_S, host_seconds_per_s=1),
                    "controller-0", {FmManager: SlowFaults()}, threads_max=8)
    assert server.start(SERVES_S)
    attacker = client(FmManager, transports(secured.host("worker-0")))
    other = client(FmManager, transports(secured.host("worker-1")))
    ended, refused = threading.Event(), []

    def attack() -> None:
        while not ended.is_set():
            try:
                ask(attacker, "worker-0")
            except Unavailable as error:
                refused.append(error)
                # As fast as its share of messages permits.
                ended.wait(0.2)

    threads = [threading.Thread(target=attack) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    try:
        # Two of eight threads work for it.
        wait_for(lambda: bool(refused), 60, "the attacker to be refused")
        waits = [ask(other, "worker-1") for _ in range(6)]
        assert sorted(waits)[len(waits) // 2] < PROMPT_S, waits
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
        server.stop(10)
