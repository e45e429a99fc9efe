# SPDX-License-Identifier: Apache-2.0
"""Notifications read by a listener of oslo.messaging, on a broker of their own that dies. Costs about 25 s."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.core.ids import new_uuid
from flock.rpc import options as rpc_options
from flock.rpc.messaging import oslo_messaging
from flock.testing.daemons import empty_database
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from fm.contract.fault import AlarmKey
from fm.contract.rpc import FaultRequest
from tests.functional.fm_outputs.conftest import Outgoing, fault, request

TOPIC = "fm_events"


class Endpoint:
    """Keeps what a listener gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []

    def info(self, ctxt: Any, publisher_id: str, event_type: str, payload: dict[str, Any], metadata: Any) -> None:
        self.got.append((publisher_id, event_type, payload, metadata))


@pytest.fixture
def second_broker(tmp_path: Path) -> Iterator[RabbitNode]:
    """A broker for notifications only, so that the requests of this test go on while it is dead."""
    node = RabbitNode(tmp_path / "broker")
    node.start()
    yield node
    node.stop()


@pytest.fixture
def notifying(request: pytest.FixtureRequest, tmp_path: Path, rabbit: RabbitNode,
              second_broker: RabbitNode) -> Iterator[Outgoing]:
    """fm-manager alone."""
    sections = {"fm_outputs": {"notification_topics": TOPIC},
                "oslo_messaging_notifications": {"transport_url": second_broker.url}}
    folder = tmp_path / "fm"
    folder.mkdir()
    with empty_database(request, "sqlite", folder) as url:
        service = Outgoing(folder, url, rabbit.new_vhost_url(), None, {}, sections)
        try:
            service.start_tables()
            service.start_manager()
            yield service
        finally:
            service.stop()


@pytest.fixture
def endpoint(notifying: Outgoing, second_broker: RabbitNode) -> Iterator[Endpoint]:
    conf = private_conf()
    rpc_options.register(conf)
    transport = oslo_messaging.get_notification_transport(conf, url=second_broker.url)
    found = Endpoint()
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic=TOPIC, exchange=notifying.exchange)], [found], executor="threading")
    listener.start()
    yield found
    # Both talk to the broker; nobody waits for them longer than it takes.
    ending = threading.Thread(target=lambda: (listener.stop(), listener.wait(), transport.cleanup()), daemon=True)
    ending.start()
    ending.join(10)


def test_each_event_is_notified_in_order_also_after_the_broker_died(
        notifying: Outgoing, endpoint: Endpoint, second_broker: RabbitNode) -> None:
    raiser = notifying.raiser()
    raiser.apply_now([request(fault(0)), FaultRequest(new_uuid(), clear=AlarmKey("200.004", "host=c0"))])
    raiser.log_event("200.020", entity_instance_id="host=c0.event=discovered")
    wait_for(lambda: len(endpoint.got) == 3, 20, "three notifications")
    assert [event_type for _, event_type, _, _ in endpoint.got] == ["fm.alarm.set", "fm.alarm.clear", "fm.event.log"]
    publisher, _, payload, metadata = endpoint.got[0]
    assert publisher == "fm-manager" and metadata["message_id"] == payload["uuid"] == payload["alarm_uuid"]
    assert list(payload) == ["uuid", "event_log_id", "state", "entity_type_id", "entity_instance_id", "timestamp",
                             "severity", "reason_text", "event_log_type", "probable_cause", "proposed_repair_action",
                             "service_affecting", "suppression", "suppression_status", "alarm_uuid"]
    assert endpoint.got[1][2]["alarm_uuid"] == payload["uuid"] != endpoint.got[1][2]["uuid"]
    second_broker.kill()
    for number in range(1, 11):
        raiser.apply_now([request(fault(number))])
    second_broker.start()
    wait_for(lambda: len({payload["uuid"] for _, _, payload, _ in endpoint.got}) == 13, 60, "the other notifications")
    entities = [payload["entity_instance_id"] for _, _, payload, _ in endpoint.got[3:]]
    assert list(dict.fromkeys(entities)) == [f"host=c{number}" for number in range(1, 11)]
