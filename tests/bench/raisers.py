# SPDX-License-Identifier: Apache-2.0
"""One raising process of the fault management benchmark: says ready, waits for a word, works, tells its times."""
from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from flock.rpc import transport
from flock.testing.fixtures import private_conf
from fm.raiser import Raiser

DELIVERY_MAX_S = 120.0


def work(raiser: Raiser, verb: str, entities: list[str]) -> list[float]:
    """Milliseconds of each acknowledged request; of the spooled verbs nothing, all are acknowledged at the end."""
    taken: list[float] = []
    for entity in entities:
        begun = time.perf_counter()
        if verb == "raise":
            raiser.raise_now("100.103", entity_instance_id=entity, severity="major", timeout_s=30)
        elif verb == "clear":
            if raiser.clear_now("100.103", entity_instance_id=entity, timeout_s=30) != 1:
                raise RuntimeError(f"{entity} was not set")
        elif verb == "query":
            if len(raiser.active(alarm_id="100.103", entity_instance_id=entity, below=False, timeout_s=30)) != 1:
                raise RuntimeError(f"{entity} was not found")
        elif verb == "spool-raise":
            raiser.raise_alarm("100.103", entity_instance_id=entity, severity="major")
        else:
            raiser.clear_alarm("100.103", entity_instance_id=entity)
        taken.append((time.perf_counter() - begun) * 1000)
    if not verb.startswith("spool"):
        return taken
    if not raiser.flush(DELIVERY_MAX_S):
        raise RuntimeError("not everything was delivered")
    return []


def main() -> None:
    """``raisers.py URL EXCHANGE SPOOL NAME COUNT``; then a verb per line of standard input."""
    url, exchange, spool, name, count = sys.argv[1:]
    raiser = Raiser(transport(private_conf(), url, exchange=exchange), Path(spool))
    raiser.active(alarm_id="100.103", timeout_s=30)
    print("ready", flush=True)
    for line in sys.stdin:
        verb, _, many = line.strip().partition(" ")
        begun = time.monotonic()
        taken = work(raiser, verb, [f"host={name}-{number}" for number in range(int(many or count))])
        print(json.dumps({"begun_s": begun, "ended_s": time.monotonic(), "taken_ms": taken}), flush=True)
    raiser.stop()


if __name__ == "__main__":
    main()
