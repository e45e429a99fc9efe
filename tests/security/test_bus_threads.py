# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 sends requests that take long, within its share of messages: real RabbitMQ, a real server."""
from __future__ import annotations

import threading
import time
from typing import Any

from flock.rpc import Server, client
from flock.rpc.errors import TooManyMessages
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
            except TooManyMessages as error:
                refused.append(error)
                # As fast as its share of messages permits.
                ended.wait(0.2)

    threads = [threading.Thread(target=attack) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    try:
        # Eight threads work for it until the burst is used up; before, worker-1 waits behind it.
        deadline = time.monotonic() + 60
        while not refused and time.monotonic() < deadline:
            time.sleep(0.1)
        assert refused, "the attacker is never refused"
        waits = [ask(other, "worker-1") for _ in range(6)]
        assert sorted(waits)[len(waits) // 2] < PROMPT_S, waits
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
        server.stop(10)
