# SPDX-License-Identifier: Apache-2.0
"""A running fault management with outputs and streams switched on. Costs about 45 s in all."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.db import migrate, new_uuid
from flock.testing.daemons import empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import free_port
from flock.testing.services.rabbitmq import RabbitNode
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.contract.rpc import FaultRequest
from tests.functional.fm.service import FaultManagement
from tests.functional.fm_outputs.receivers import HttpReceiver


class Outgoing(FaultManagement):
    """fm with further sections in its configuration, and its manager's metrics."""

    def __init__(self, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer | None,
                 options: dict[str, Any], sections: dict[str, dict[str, Any]]) -> None:
        self.metrics_port = free_port()
        self.sections = sections
        super().__init__(folder, url, rabbit_url, keystone, options)

    def start_tables(self) -> None:
        """Make the tables only."""
        migrate.upgrade(self.url, "fm")

    def write_conf(self, **changes: Any) -> None:
        super().write_conf(**changes)
        more = {"DEFAULT": {"metrics_port": self.metrics_port}, **self.sections}
        lines = [line for name, options in more.items()
                 for line in (f"[{name}]", *(f"{key} = {value}" for key, value in options.items()), "")]
        with (self.conf_dir / "fm.conf").open("a") as conf:
            conf.write("\n" + "\n".join(lines))


def fault(number: int, **fields: Any) -> Fault:
    """One of many faults."""
    values: dict[str, Any] = {
        "alarm_id": "200.004", "alarm_state": AlarmState.SET, "entity_type_id": "host",
        "entity_instance_id": f"host=c{number}", "severity": Severity.MAJOR, "reason_text": f"reason {number}",
        "alarm_type": AlarmType.OTHER, "probable_cause": "unknown", "proposed_repair_action": ""}
    return Fault(**values | fields)


def request(raised: Fault) -> FaultRequest:
    """The request that raises a fault."""
    return FaultRequest(new_uuid(), fault=raised)


@pytest.fixture(scope="session")
def receivers() -> Iterator[dict[str, HttpReceiver]]:
    """Three places where notices go; ``am`` is taken for an Alertmanager."""
    found = {name: HttpReceiver() for name in ("good", "bad", "am")}
    yield found
    for receiver in found.values():
        receiver.stop()


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
           keystone: KeystoneServer, receivers: dict[str, HttpReceiver]) -> Iterator[Outgoing]:
    """Both daemons, shared by these tests."""
    folder = tmp_path_factory.mktemp("fm_outputs")
    sections: dict[str, dict[str, Any]] = {
        "api": {"threads": 12},
        "fm_stream": {"heartbeat_s": 1},
        "fm_outputs": {"webhook_username": "fm", "webhook_password": "hidden word",
                       "alertmanager_urls": receivers["am"].url.replace("http://", "http://u:secret@"),
                       "alertmanager_resend_s": 5}}
    urls = {"webhook_urls": f"{receivers['good'].url},{receivers['bad'].url}"}
    with empty_database(request, "postgresql", folder) as url:
        service = Outgoing(folder, url, rabbit.new_vhost_url(), keystone, urls, sections)
        try:
            service.start()
            yield service
        finally:
            service.stop()


@pytest.fixture
def fm(shared: Outgoing) -> Outgoing:
    """The running service without any alarm or event."""
    assert shared.manager is not None and shared.api is not None
    if not shared.manager.running:
        shared.start_manager()
    if not shared.api.running:
        shared.start_api()
    shared.clean()
    return shared


@pytest.fixture
def member_alone(keystone: KeystoneServer) -> Iterator[None]:
    """StarlingX's member reads nothing by itself; Keystone by default makes every member a reader."""
    keystone.ensure_user("member", "services")
    with keystone.without_implied_role("member", "reader"):
        yield
