# SPDX-License-Identifier: Apache-2.0
"""What the bootstrap imports into a real broker: requests to an agent that does not read them do not pile up."""
from __future__ import annotations

from pathlib import Path

import amqp

from flock.testing.services.rabbitmq import PASSWORD, USER, RabbitNode
from sysinv.bootstrap import bus
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.secrets import generate

ANSWERS = parse({"admin_password": "correct-horse", "public_host": "127.0.0.1"})
SECRETS = generate()
LIMIT = int(str(bus.AGENT_QUEUE_LIMITS["max-length"]))
SENT = LIMIT + 200
KEPT = {"mtce.agent.worker-0": LIMIT, "sysinv.agent_manager.worker-0": LIMIT, "mtce.agent.worker-0_fanout_0a1b": LIMIT,
        "mtce.conductor": SENT, "mtce.agents": SENT}


def test_a_queue_of_an_agent_that_does_not_read_keeps_the_newest_requests(own_rabbit: RabbitNode,
                                                                          tmp_path: Path) -> None:
    own_rabbit.start()
    path = tmp_path / "definitions.json"
    path.write_text(next(file.content for file in bus.bus_files(ANSWERS, SECRETS, b"salt", "controller-0")
                         if file.path.endswith("definitions.json")))
    own_rabbit.control("import_definitions", str(path))
    found, oldest = {}, {}
    with amqp.Connection(f"127.0.0.1:{own_rabbit.port}", userid=USER, password=PASSWORD,
                         confirm_publish=True) as connection:
        channel = connection.channel()
        for queue in KEPT:
            channel.queue_declare(queue, durable=True, auto_delete=False)
            for number in range(SENT):
                channel.basic_publish(amqp.Message(str(number)), routing_key=queue)
            found[queue] = channel.queue_declare(queue, passive=True).message_count
            oldest[queue] = int(channel.basic_get(queue, no_ack=True).body)
    assert found == KEPT
    assert oldest == {queue: SENT - count for queue, count in KEPT.items()}
