# SPDX-License-Identifier: Apache-2.0
"""The logs of daemons whose broker is away: a few lines say so, and the daemons' own lines are not buried."""
from __future__ import annotations

import re
import time
from pathlib import Path

from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.fm.service import FaultManagement

AWAY_S = 10.0
RETRIES = re.compile(r" (?:ERROR|WARNING) (?:oslo[._]messaging|kombu|amqp)")


def test_ten_seconds_without_the_broker_are_a_few_lines(tmp_path: Path, own_rabbit: RabbitNode) -> None:
    own_rabbit.start()
    service = FaultManagement(tmp_path, f"sqlite:///{tmp_path}/fm.sqlite", own_rabbit.url, None)
    try:
        service.make_tables()
        service.start_manager()
        assert service.manager is not None
        own_rabbit.kill()
        time.sleep(AWAY_S)  # the outage itself: each connection retries once per second
        retries = [line for line in service.log().splitlines() if RETRIES.search(line)]
        assert any("is unreachable" in line for line in retries), service.log()
        # One line for each kind of failure, not one a second for each of the connections.
        assert len(retries) <= 8, "\n".join(retries)
        own_rabbit.start()
        wait_for(lambda: "Reconnected to AMQP server" in service.log(), 60, "the manager to be connected again")
    finally:
        service.stop()
