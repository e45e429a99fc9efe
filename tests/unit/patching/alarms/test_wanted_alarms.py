# SPDX-License-Identifier: Apache-2.0
"""Which alarms a state of things deserves, case by case, and that the catalogue has each as it is specified."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from fm.contract import catalogue
from patching.alarms.wanted import ALARMS, Facts, wanted
from patching.contract.records import Content
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import Owner, ReleaseStatus
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core.model import Deploy, HostRow, View
from tests.unit.patching.core.systems import a_release, a_system

V0, V1, V11 = Version.parse("10.0.0"), Version.parse("10.0.1"), Version.parse("11.0.0")
CONTROLLER = "host=controller"


def deploying(row: H = H.PENDING, *, state: R = R.DEPLOYING, to: Version = V1, **fields: Any) -> View:
    """A DX that is being deployed; controller-0 is in state ``row``, controller-1 is pending."""
    view = a_system("DX", a_release(to.text, state))
    deploy = Deploy(V0, to, fields.pop("deploy", D.HOST), (f"starlingx-{to}",), reboot_required=True, **fields)
    return replace(view, deploy=deploy, rows={"controller-0": HostRow("controller-0", row, error="disk full"),
                                              "controller-1": HostRow("controller-1")})


def locked(view: View, name: str = "controller-0") -> View:
    host = replace(view.hosts[name], administrative="locked", operational="disabled", availability="online")
    return replace(view, hosts={**view.hosts, name: host})


def ids(view: View, facts: Facts = Facts()) -> set[tuple[str, str]]:  # noqa: B008 - frozen
    return set(wanted(view, facts))


@pytest.mark.parametrize(("alarm_id", "severity", "affects_service", "affects_management"), [
    ("900.001", "minor", False, "warning"), ("900.002", "major", False, "warning"),
    ("900.003", "warning", False, "warning"), ("900.004", "major", True, "warning"),
    ("900.005", "minor", False, "warning"), ("900.020", "warning", False, "none"),
    ("900.021", "major", True, "warning"), ("900.022", "warning", False, "none"),
    ("900.023", "minor", False, "none"), ("900.024", "warning", False, "none"),
    ("900.231", "major", True, "warning"), ("500.101", "critical", False, "none")])
def test_the_catalogue_has_what_is_specified(alarm_id: str, severity: str, affects_service: bool,
                                             affects_management: str) -> None:
    entry = catalogue.load().find(alarm_id)
    assert entry is not None and alarm_id in ALARMS
    assert entry.severities == (severity,) and entry.service_affecting[severity] is affects_service
    assert entry.mgmt_affecting_severity == affects_management
    assert entry.probable_causes == ("unspecified-reason",) and not entry.suppression_allowed


def test_a_system_at_rest_has_none() -> None:
    view = a_system("STD", a_release("10.0.1", R.AVAILABLE))
    assert ids(view, Facts({name: "10.0.0" for name in view.hosts})) == set()


def test_a_deployment_of_software() -> None:
    view = deploying()
    assert wanted(view, Facts()) == {
        ("900.023", CONTROLLER): "The deployment of starlingx-10.0.1 is in progress (state host)"}
    assert ids(deploying(state=R.REMOVING)) == {("900.023", CONTROLLER)}


def test_a_host_that_must_be_unlocked() -> None:
    done = deploying(H.DEPLOYED)
    assert ("900.020", "host=controller-0") in ids(locked(done))
    assert ("900.020", "host=controller-0") not in ids(done)
    assert ("900.020", "host=controller-1") not in ids(locked(done, "controller-1"))
    in_service = replace(done, deploy=replace(done.deploy, reboot_required=False))
    assert ("900.020", "host=controller-0") not in ids(locked(in_service))
    assert ("900.020", "host=controller-0") in ids(locked(deploying(H.ROLLBACK_DEPLOYED)))


@pytest.mark.parametrize("state", [H.FAILED, H.ROLLBACK_FAILED])
def test_a_host_that_failed(state: H) -> None:
    found = wanted(deploying(state), Facts())
    assert found["900.021", "host=controller-0"] == "Host controller-0 could not be deployed: disk full"
    assert ("900.021", "host=controller-1") not in found


@pytest.mark.parametrize(("state", "is_told"), [(D.HOST, False), (D.ACTIVATE_DONE, False), (D.COMPLETED, True),
                                                (D.HOST_ROLLBACK_DONE, True)])
def test_a_major_release(state: D, is_told: bool) -> None:
    found = ids(deploying(to=V11, deploy=state))
    assert ("900.005", CONTROLLER) in found and (("900.022", CONTROLLER) in found) is is_told
    assert not {("900.005", CONTROLLER), ("900.022", CONTROLLER)} & ids(deploying(deploy=state))


def test_releases_of_the_past() -> None:
    old = a_release("9.0.1", R.UNAVAILABLE, status=ReleaseStatus.OBSOLETE)
    assert wanted(a_system("SX", old), Facts()) == {
        ("900.003", CONTROLLER): "Obsolete releases: starlingx-9.0.1",
        ("900.024", CONTROLLER): "Releases that cannot be deployed any more: starlingx-9.0.1. Delete them"}
    assert ids(a_system("SX", a_release("10.0.3", R.UNAVAILABLE))) == set()


@pytest.mark.parametrize(("row", "runs", "is_told"), [
    (None, "10.0.0", False), (None, "10.0.1", True), (None, "", False),
    (H.PENDING, "10.0.0", False), (H.DEPLOYING, "10.0.1", False), (H.DEPLOYED, "10.0.1", False),
    (H.DEPLOYED, "10.0.0", True), (H.PENDING, "9.0.0", True)])
def test_a_host_that_runs_another_version(row: H | None, runs: str, is_told: bool) -> None:
    view = a_system("DX") if row is None else deploying(row)
    assert (("900.004", "host=controller-0") in ids(view, Facts({"controller-0": runs}))) is is_told


@pytest.mark.parametrize(("row", "held", "is_told"), [
    (H.DEPLOYED, "good", False), (H.DEPLOYED, "other", True), (H.DEPLOYING, "other", True), (H.PENDING, "", False)])
def test_a_host_that_has_other_content(row: H, held: str, is_told: bool) -> None:
    """Only what a host says counts: one that was made with this version has installed nothing."""
    content = Content("starlingx-10.0.1", "10.0.1", "p", "good", "fake")
    facts = Facts({"controller-0": "10.0.1"}, {"controller-0": {content.release_id: held}} if held else {},
                  {content.release_id: content})
    reason = wanted(deploying(row), facts).get(("900.004", "host=controller-0"), "")
    assert reason == ("Host controller-0 has other content than that of version 10.0.1: "
                      "starlingx-10.0.1 has the digest other instead of good" if is_told else "")


def test_a_host_that_was_deleted_deserves_no_alarm() -> None:
    assert ids(a_system("SX"), Facts({"compute-9": "1.0.0"})) == set()


@pytest.mark.parametrize("state", [R.DEPLOYING, R.REMOVING])
def test_what_sw_patch_has_begun_is_told_in_its_words(state: R) -> None:
    view = deploying(H.FAILED, owner=Owner.CLASSIC, state=state)
    assert wanted(locked(view), Facts()) == {
        ("900.001", CONTROLLER): "Patches that some hosts have and others have not: starlingx-10.0.1",
        ("900.002", CONTROLLER): "Patches could not be installed on these hosts: controller-0"}
    done = replace(view, rows={name: replace(row, state=H.DEPLOYED) for name, row in view.rows.items()})
    assert ids(done) == set()


def test_controllers_that_differ_and_software_of_developers() -> None:
    found = wanted(a_system("DX"), Facts(diverged=("controller-1",), is_development_allowed=True))
    assert found["900.231", "orchestration=sw-deploy"].endswith("controller-0: controller-1")
    assert set(found) == {("900.231", "orchestration=sw-deploy"), ("500.101", CONTROLLER)}
