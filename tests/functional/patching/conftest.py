# SPDX-License-Identifier: Apache-2.0
"""Clouds of one controller, of two, and with workers."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.daemons import empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.patching.orchestrated import OrchestratedCloud
from tests.functional.patching.running import Cloud

MakeCloud = Callable[..., Cloud]
MakeOrchestrated = Callable[..., OrchestratedCloud]


@pytest.fixture(scope="module")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
                 keystone: KeystoneServer) -> Iterator[Cloud]:
    """One all-in-one controller for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    cloud = Cloud("SX", folder / "SX", f"sqlite:///{folder}/test.sqlite", rabbit.new_vhost_url(), keystone)
    cloud.begin()
    cloud.upload(cloud.patch("10.0.1"))
    yield cloud
    cloud.end()


@pytest.fixture
def make_cloud(request: pytest.FixtureRequest, tmp_path: Path, rabbit: RabbitNode,
               keystone: KeystoneServer) -> Iterator[MakeCloud]:
    """``make_cloud("SX", allow_development_cert=True)``: a running cloud; the rest are options of the conductor."""
    made: list[Cloud] = []
    engine = getattr(request, "param", "sqlite")
    with empty_database(request, engine, tmp_path) as url:
        def make(kind: str = "SX", **options: Any) -> Cloud:
            cloud = Cloud(kind, tmp_path / kind, url, rabbit.new_vhost_url(), keystone)
            made.append(cloud)
            cloud.conductor_options = options
            cloud.begin()
            return cloud

        yield make
        for cloud in made:
            cloud.end()


@pytest.fixture
def cloud(make_cloud: MakeCloud) -> Cloud:
    """One all-in-one controller."""
    return make_cloud("SX")


@pytest.fixture
def standard(make_cloud: MakeCloud) -> Cloud:
    """Two controllers and three workers."""
    return make_cloud("STD")


@pytest.fixture
def make_orchestrated(tmp_path: Path, rabbit: RabbitNode, keystone: KeystoneServer) -> Iterator[MakeOrchestrated]:
    """``make_orchestrated(workers=6)``: two controllers and workers, with the orchestrator and its API."""
    made: list[OrchestratedCloud] = []

    def make(workers: int = 3) -> OrchestratedCloud:
        cloud = OrchestratedCloud("STD", tmp_path / "STD", f"sqlite:///{tmp_path}/test.sqlite",
                                  rabbit.new_vhost_url(), keystone, workers)
        made.append(cloud)
        cloud.begin()
        return cloud

    yield make
    for cloud in made:
        cloud.end()


@pytest.fixture
def orchestrated(make_orchestrated: MakeOrchestrated) -> OrchestratedCloud:
    """Two controllers and three workers, with the orchestrator and its API."""
    return make_orchestrated()
