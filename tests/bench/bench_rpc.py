# SPDX-License-Identifier: Apache-2.0
"""Round trip of a call over real RabbitMQ: flock.rpc beside plain oslo.messaging, turn by turn in one run."""
from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flock.rpc import Transport, client, transport
from flock.rpc.messaging import oslo_messaging
from flock.testing.fixtures import private_conf
from flock.testing.services.process import Process
from flock.testing.services.rabbitmq import RabbitNode
from tests.bench.echo import PLAIN_TOPIC, Echo, Thing, plain_transport
from tests.bench.measure import Figure, latency
from tests.bench.neighbours import ROOT, cpu_s

ROUNDS, WARM_UP = 1500, 100
CALLERS, SECONDS = 8, 4
CPU_TURNS, CPU_CALLS = 3, 500
MEDIAN_GOAL_MS = 3.0
# What our layer may cost on top of the library.
EXTRA_GOAL_PERCENT = 10.0
THING = Thing("0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b70", "worker-17", "unlocked", 4711)


def run() -> list[Figure]:
    """Latency of one caller, calls per second of eight; empty when RabbitMQ is not installed."""
    if not RabbitNode.available():
        return []
    with tempfile.TemporaryDirectory(prefix="flock-bench-") as name:
        folder = Path(name)
        rabbit = RabbitNode(folder)
        server: Process | None = None
        bus: Transport | None = None
        alone: Any = None
        try:
            rabbit.start()
            server = Process("echo", [sys.executable, "-W", "ignore", "-m", "tests.bench.echo", rabbit.url], folder,
                             env={**os.environ, "PYTHONPATH": str(ROOT)})
            server.wait_until(lambda: "ready" in server.log_tail(), 40, "the answering process")
            bus = transport(private_conf(), rabbit.url)
            alone = plain_transport(rabbit.url)
            plain, typed = _plain(alone), _typed(bus)
            return [*_figures(plain, typed), *_cpu_figures(plain, typed, server.pid)]
        finally:
            # Else their threads would look for this broker while the next benchmark runs.
            if bus is not None:
                bus.close()
            if alone is not None:
                alone.cleanup()
            if server is not None:
                server.stop()
            rabbit.stop()


def _plain(alone: Any) -> Callable[[], None]:
    target = oslo_messaging.Target(exchange=PLAIN_TOPIC, topic=PLAIN_TOPIC)
    caller = oslo_messaging.get_rpc_client(alone, target, timeout=10)

    def ask() -> None:
        answer = json.loads(caller.call({}, "echo", body=json.dumps(asdict(THING))))
        if answer != asdict(THING):
            raise RuntimeError(answer)

    return ask


def _typed(bus: Transport) -> Callable[[], None]:
    caller = client(Echo, bus)

    def ask() -> None:
        if caller.echo(thing=THING) != THING:
            raise RuntimeError("another answer")

    return ask


def _figures(plain: Callable[[], None], typed: Callable[[], None]) -> list[Figure]:
    taken: dict[str, list[float]] = {"plain": [], "typed": []}
    for number in range(WARM_UP + ROUNDS):
        # In turn, so that whatever else the machine does hits both.
        for name, ask in (("plain", plain), ("typed", typed)):
            begun = time.perf_counter()
            ask()
            if number >= WARM_UP:
                taken[name].append((time.perf_counter() - begun) * 1000)
    one = latency("oslo.messaging alone, one caller", taken["plain"])
    ours = latency("flock.rpc, one caller", taken["typed"], MEDIAN_GOAL_MS)
    plain_rate, typed_rate = _rate(plain), _rate(typed)
    return [one, ours,
            Figure("our layer on top", (ours.value / one.value - 1) * 100, "%", goal=EXTRA_GOAL_PERCENT),
            Figure(f"oslo.messaging alone, {CALLERS} callers", plain_rate, "calls/s", more_is_better=True),
            Figure(f"flock.rpc, {CALLERS} callers", typed_rate, "calls/s", goal=plain_rate / 1.1, more_is_better=True)]


def _cpu_figures(plain: Callable[[], None], typed: Callable[[], None], server: int) -> list[Figure]:
    """CPU of both ends per call: what remains comparable when others use the machine, too."""
    spent = {plain: [0.0, 0.0], typed: [0.0, 0.0]}
    for ask in (plain, typed) * CPU_TURNS:
        here_s, there_s = time.process_time(), cpu_s(server)
        for _ in range(CPU_CALLS):
            ask()
        spent[ask][0] += time.process_time() - here_s
        spent[ask][1] += cpu_s(server) - there_s
    each_ms = {ask: [1000 * end / (CPU_TURNS * CPU_CALLS) for end in ends] for ask, ends in spent.items()}
    return [Figure(f"{name}, CPU per call", sum(each_ms[ask]), "ms", goal=goal,
                   note="caller {:.2f}, server {:.2f}".format(*each_ms[ask]))
            for name, ask, goal in (("oslo.messaging alone", plain, None),
                                    ("flock.rpc", typed, sum(each_ms[plain]) * 1.1))]


def _rate(ask: Callable[[], None]) -> float:
    """Calls per second of all callers together."""
    end = threading.Event()

    def caller(_number: int) -> int:
        done = 0
        while not end.is_set():
            ask()
            done += 1
        return done

    with ThreadPoolExecutor(CALLERS) as pool:
        begun = time.perf_counter()
        running = [pool.submit(caller, number) for number in range(CALLERS)]
        end.wait(SECONDS)
        end.set()
        total = sum(future.result() for future in running)
        return total / (time.perf_counter() - begun)
