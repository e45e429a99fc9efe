# SPDX-License-Identifier: Apache-2.0
"""A running fault management: its two daemons as processes against real RabbitMQ, Keystone and each database."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from flock.testing.daemons import empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.fm.cases import Seen
from tests.functional.fm.service import FaultManagement
from tests.functional.fm.traps import TrapReceiver


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
            keystone: KeystoneServer) -> Iterator[FaultManagement]:
    """Both daemons, shared by the session, once per engine."""
    folder = tmp_path_factory.mktemp("fm")
    traps = TrapReceiver()
    with empty_database(request, request.param, folder) as url:
        service = FaultManagement(folder, url, rabbit.new_vhost_url(), keystone, traps=traps)
        try:
            service.start()
            yield service
        finally:
            service.stop()
            traps.stop()


@pytest.fixture
def fm(running: FaultManagement) -> FaultManagement:
    """The running service without any alarm or event, whatever the test before did to it."""
    assert running.manager is not None and running.api is not None
    if not running.manager.running:
        running.start_manager()
    if not running.api.running:
        running.start_api()
    running.clean()
    return running


@pytest.fixture
def seen(fm: FaultManagement) -> Seen:
    """The running service as the acceptance cases look at it."""
    return Seen(fm)
