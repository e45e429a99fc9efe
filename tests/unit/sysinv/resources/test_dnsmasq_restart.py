# SPDX-License-Identifier: Apache-2.0
"""A changed configuration of dnsmasq: service management restarts it where it runs, else systemd does."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import Refused, Unavailable
from sysinv.conductor import dnsmasq
from sysinv.conductor.dnsmasq import Dnsmasq
from tests.unit.sysinv.resources.conftest import INTERFACES, Cloud


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def run(argv: list[str], **_: Any) -> None:
        found.append(" ".join(argv))

    monkeypatch.setattr(dnsmasq, "run", run)
    return found


def changed(cloud: Cloud) -> None:
    Path(cloud.paths.conf).unlink(missing_ok=True)
    Dnsmasq(cloud.db, cloud.paths, INTERFACES, unit="flock-dnsmasq.service").refresh()


@pytest.mark.parametrize("error", [None, Refused(detail="there is no service dnsmasq")])
def test_service_management_restarts_it(cloud: Cloud, ran: list[str], monkeypatch: pytest.MonkeyPatch,
                                        error: Refused | None) -> None:
    asked = []

    def restart(service: str) -> None:
        asked.append(service)
        if error is not None:
            raise error

    monkeypatch.setattr(dnsmasq, "restart", restart)
    changed(cloud)
    assert asked == ["dnsmasq"] and not ran, "systemd's restart would be a failure for service management"


def test_systemd_restarts_it_where_service_management_does_not_run(cloud: Cloud, ran: list[str],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    def restart(service: str) -> None:
        raise Unavailable(service="sm", reason="no socket")

    monkeypatch.setattr(dnsmasq, "restart", restart)
    changed(cloud)
    assert [line.split()[-2:] for line in ran] == [["try-restart", "flock-dnsmasq.service"]]
