# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios 9 and 10 of the system's part: orders of configuration, with a simulated agent of controller-0.

Their alarms, and what a host does that boots without its orders, are tested with the engine's unit tests. So are the
files of scenario 16, which only a controller with a platform directory has.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.contract.records import ClassFailure, ConfigurationResult, WantedConfiguration
from tests.functional.sysinv.simulated import IN_SERVICE

CLASS = "platform::config::timezone"


class Controller:
    """controller-0 as its agent: fetches what it should have, and tells what came of it."""

    def __init__(self, sysinv: Any) -> None:
        self.sysinv = sysinv
        self.uuid = sysinv.host("controller-0")["uuid"]

    def order(self, reason: str) -> str:
        name = self.sysinv.db.transact(lambda conn: ordering.order(
            conn, Change(reason, (CLASS,), host_uuids=(self.uuid,))))
        assert name is not None
        return str(name)

    def fetch(self) -> WantedConfiguration:
        found: WantedConfiguration = self.sysinv.configurations.wanted_configuration(
            host_uuid=self.uuid, certificate_pem="", uptime_s=3600)
        return found

    def answer(self, names: list[str], failures: tuple[ClassFailure, ...] = ()) -> None:
        self.sysinv.configurations.configuration_applied(
            host_uuid=self.uuid, result=ConfigurationResult(names, failures=list(failures)))

    def states(self, *names: str) -> list[str]:
        """The states of the orders with these uuids."""
        rows = self.sysinv.get("/v1/ihosts/controller-0/config_history").body["config_history"]
        found = {row["config_uuid"]: row["state"] for row in rows}
        return [found[name] for name in names]

    @property
    def current(self) -> bool:
        shown = self.sysinv.host("controller-0")
        return bool(shown["config_applied"] == shown["config_target"] and shown["config_status"] is None)


@pytest.fixture
def controller(sysinv: Any) -> Iterator[Controller]:
    """With nothing left to do, before and after."""
    found = Controller(sysinv)
    sysinv.state("controller-0", **IN_SERVICE)
    found.answer(found.fetch().config_uuids)
    yield found
    found.answer(found.fetch().config_uuids)


def test_scenario_09_of_the_system_orders_survive_a_conductor(controller: Controller) -> None:
    names = [controller.order(f"change {number}") for number in range(3)]
    controller.sysinv.kill_conductor()
    controller.sysinv.start_conductor()
    wanted = controller.fetch()
    assert wanted.config_uuids == names and not controller.current
    controller.answer(wanted.config_uuids)
    assert controller.states(*names) == ["applied"] * 3 and controller.current
    assert controller.fetch().config_uuids == []


def test_scenario_10_of_the_system_a_failure_and_its_repair(controller: Controller) -> None:
    name = controller.order("time zone")
    controller.answer(controller.fetch().config_uuids, (ClassFailure(CLASS, "File[/etc/localtime]: read-only"),))
    assert controller.states(name) == ["failed"] and not controller.current
    assert controller.sysinv.host("controller-0")["config_status"] == "Config out-of-date"
    again = controller.order("time zone")
    wanted = controller.fetch()
    assert wanted.config_uuids == [name, again]
    controller.answer(wanted.config_uuids)
    assert controller.states(name, again) == ["applied"] * 2 and controller.current
