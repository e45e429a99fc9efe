# SPDX-License-Identifier: Apache-2.0
"""``?dry_run=true``: the answer tells what a change would do to hosts, and nothing is changed or ordered."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import utcnow
from sysinv.config import ordering
from sysinv.config.effects import CHANGES_MAX, Effects, grouped
from sysinv.config.model import Change, Order, OrderState
from sysinv.resources.configuration.table import RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST


def rehearse(cloud: Any, path: str, **values: Any) -> Any:
    (row,) = cloud.get(f"/v1/{path}").body[f"{path}s"]
    return cloud.patch(f"/v1/{path}/{row['uuid']}?dry_run=true", **values)


def count(cloud: Any) -> int:
    with cloud.db.reader() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(RUNTIME_CONFIG)).scalar())


def test_a_rehearsed_change_names_hosts_values_and_moment(cloud: Any) -> None:
    reply = rehearse(cloud, "idns", nameservers="8.8.8.8")
    assert (reply.status, reply.body["nameservers"]) == (200, "8.8.8.8")
    (effect,) = reply.body["dry_run"]
    assert effect == {"hosts": ["controller-0"], "classes": ["platform::dns::resolv"], "ordered": True,
                      "reboot_required": False, "changed": 1, "changes": [
                          {"key": "platform::dns::resolv::servers", "applied": [], "wanted": ["8.8.8.8"]}]}
    assert cloud.get("/v1/idns").body["idnss"][0]["nameservers"] == ""
    assert count(cloud) == 0
    assert cloud.host("controller-0")["config_target"] is None


def test_a_change_that_breaks_a_rule_is_refused_as_ever(cloud: Any) -> None:
    reply = rehearse(cloud, "idns", nameservers="8.8.8")
    assert reply.status == 400
    assert "8.8.8 is not a valid IP address" in reply.fault


def test_nothing_new_has_no_effect(cloud: Any) -> None:
    assert rehearse(cloud, "idns", nameservers="").body["dry_run"] == []


def test_the_next_change_is_stored_again(cloud: Any) -> None:
    rehearse(cloud, "idns", nameservers="8.8.8.8")
    (row,) = cloud.get("/v1/idns").body["idnss"]
    assert "dry_run" not in cloud.patch(f"/v1/idns/{row['uuid']}?dry_run=false", nameservers="9.9.9.9").body
    assert cloud.get("/v1/idns").body["idnss"][0]["nameservers"] == "9.9.9.9"
    assert count(cloud) == 1


@pytest.mark.parametrize("value", ["perhaps", "2"])
def test_a_dry_run_is_asked_for_clearly(cloud: Any, value: str) -> None:
    (row,) = cloud.get("/v1/idns").body["idnss"]
    assert cloud.patch(f"/v1/idns/{row['uuid']}?dry_run={value}", nameservers="8.8.8.8").status == 400
    assert cloud.get("/v1/idns").body["idnss"][0]["nameservers"] == ""


def test_a_reader_rehearses_nothing(cloud: Any) -> None:
    (row,) = cloud.get("/v1/idns").body["idnss"]
    assert cloud.patch(f"/v1/idns/{row['uuid']}?dry_run=true", role="reader", nameservers="8.8.8.8").status == 403


def test_two_transactions_are_no_rehearsal(cloud: Any) -> None:
    def work() -> None:
        with cloud.db.writer() as conn:
            conn.execute(sa.update(I_HOST).values(config_target="a"))

    with cloud.db.rehearsed(Effects()):
        work()
        with pytest.raises(RuntimeError, match="two transactions"):
            work()
    assert cloud.host("controller-0")["config_target"] is None
    work()
    assert cloud.host("controller-0")["config_target"] == "a"


def test_what_fails_in_a_rehearsal_ends_it(cloud: Any) -> None:
    effects = Effects()

    def fail() -> None:
        with cloud.db.rehearsed(effects), cloud.db.writer() as conn:
            ordering.order(conn, Change("time zone", ("platform::config::timezone",)))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert effects.found() == []
    assert cloud.db.transact(lambda conn: ordering.order(conn, Change("time zone"))) is not None
    assert count(cloud) == 1


def host(number: int) -> dict[str, Any]:
    return {"id": number, "uuid": f"u{number}", "hostname": f"worker-{number}"}


def order(number: int, *, reboot: bool = False) -> Order:
    now = utcnow()
    return Order(number, "u", "r", OrderState.PENDING, ("a::b",), reboot, False, False, now, now)


def change(key: str) -> dict[str, Any]:
    return {"key": key, "applied": None, "wanted": 1}


def test_hosts_with_equal_effects_share_one() -> None:
    found = grouped([host(number) for number in range(5)], {0: [change("a")], 1: [change("a")], 2: [change("b")]},
                    {0: [order(0)], 1: [order(1)], 3: [order(2, reboot=True)]})
    assert [(one.hosts, one.ordered, one.reboot_required, one.changed) for one in found] == [
        (["worker-0", "worker-1"], True, False, 1), (["worker-2"], False, False, 1), (["worker-3"], True, True, 0)]


def test_many_values_are_counted_and_some_are_shown() -> None:
    many = [change(f"k{number}") for number in range(CHANGES_MAX + 5)]
    one, other = grouped([host(1), host(2)], {1: many, 2: [*many[:-1], change("other")]}, {})
    assert (one.changed, len(one.changes), one.hosts) == (CHANGES_MAX + 5, CHANGES_MAX, ["worker-1"])
    assert other.hosts == ["worker-2"]
