# SPDX-License-Identifier: Apache-2.0
"""``/v1/health``: what is asked of the database, of fm and of software management, and in which forms it is told."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import DeadlineExceeded, Unavailable
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault

FORMS = ("", "/upgrade", "/upgrade/relaxed", "/kube-upgrade", "/kube-upgrade/relaxed")


def alarm(alarm_id: str, severity: Severity = Severity.MAJOR) -> Fault:
    return Fault(alarm_id, AlarmState.SET, "host", "host=controller-0", severity, "r", AlarmType.EQUIPMENT, "unknown")


def checks(cloud: Any, path: str = "", arguments: str = "") -> dict[str, Any]:
    reply = cloud.get(f"/v1/health{path}?format=json{arguments}")
    assert reply.status == 200
    return {row["check"]: row for row in reply.body}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_one_text(cloud: Any, form: str) -> None:
    for path in (f"/v1/health{form}", f"/v1/health{form}/"):
        reply = cloud.get(path, role="reader")
        assert reply.status == 200 and reply.body.startswith("System Health:\nAll hosts are provisioned: [OK]\n")
        assert "All hosts are unlocked/enabled: [OK]\n" in reply.body and "No alarms: [OK]\n" in reply.body
    assert {row["ok"] for row in checks(cloud, form).values()} == {True}
    assert checks(cloud, form)["Kubernetes"]["skipped"]


def test_hosts_are_those_of_the_inventory(cloud: Any) -> None:
    uuid = cloud.discover()
    found = checks(cloud)
    assert found["All hosts are provisioned"]["detail"] == "1 Unprovisioned hosts"
    assert uuid in found["All hosts are provisioned"]["advice"]
    cloud.state("controller-0", operational="disabled", availability="failed")
    assert "controller-0" in checks(cloud)["All hosts are unlocked/enabled"]["detail"]


def test_alarms_are_judged_by_the_catalogue(cloud: Any) -> None:
    """900.020 never affects management; one that nobody knows may."""
    cloud.faults.alarms = [alarm("900.020", Severity.WARNING)]
    assert not checks(cloud)["No alarms"]["ok"] and not checks(cloud, "/kube-upgrade")["No alarms"]["ok"]
    assert checks(cloud, "/kube-upgrade/relaxed")["No alarms"]["ok"]
    cloud.faults.alarms.append(alarm("200.006"))
    assert "[2] alarms found, [1] of which" in checks(cloud, "/kube-upgrade/relaxed")["No alarms"]["detail"]
    cloud.faults.alarms = [alarm("999.001")]
    assert not checks(cloud, "/upgrade/relaxed")["No alarms"]["ok"]


@pytest.mark.parametrize("ids", ["200.006", "900.401,200.006", "['200.006', '900.401']", "%5B%22200.006%22%5D"])
def test_alarms_can_be_ignored_in_each_spelling_of_existing_clients(cloud: Any, ids: str) -> None:
    cloud.faults.alarms = [alarm("200.006")]
    assert checks(cloud, "/kube-upgrade", f"&alarm_ignore_list={ids}&rootca=True")["No alarms"]["ok"]
    assert not checks(cloud, "/kube-upgrade", "&alarm_ignore_list=900.401")["No alarms"]["ok"]


@pytest.mark.parametrize("fault", [Unavailable(service="fm-manager", reason="no connection"),
                                   DeadlineExceeded(operation="reading active alarms", seconds=5)])
def test_what_cannot_be_asked_fails_its_check_only(cloud: Any, fault: Exception) -> None:
    cloud.faults.fault = fault
    found = checks(cloud, "/kube-upgrade/relaxed")
    assert [name for name, row in found.items() if not row["ok"]] == ["No alarms"]
    assert found["No alarms"]["detail"].startswith("The alarms are not known: ")


def test_software_is_asked_where_there_is_some(cloud: Any) -> None:
    assert checks(cloud)["software management"]["skipped"]
    cloud.software.outdated = ()
    assert checks(cloud)["All hosts are patch current"]["ok"]
    cloud.software.outdated = ("controller-0",)
    assert checks(cloud)["All hosts are patch current"]["detail"] == "Hosts not patch current: controller-0"
    cloud.software.fault = Unavailable(service="software-api", reason="no connection")
    assert "no connection" in checks(cloud)["All hosts are patch current"]["detail"]


@pytest.mark.parametrize(("path", "arguments", "text"), [
    ("", "?format=xml", "format"), ("/upgrade", "?alarm_ignore_list=all", "alarm_ignore_list"),
    ("/kube-upgrade", "?rootca=perhaps", "rootca"), ("", "?alarm_ignore_list=900.401", "Unknown argument"),
    ("/upgrade", "?alarm_ignore_list=900.401;drop", "alarm_ignore_list")])
def test_wrong_arguments_are_named(cloud: Any, path: str, arguments: str, text: str) -> None:
    reply = cloud.get(f"/v1/health{path}{arguments}")
    assert reply.status == 400 and text in reply.fault


def test_other_kinds_do_not_exist(cloud: Any) -> None:
    assert cloud.get("/v1/health/patch").status == 404
    assert cloud.get("/v1/health", role="member").status == 403
