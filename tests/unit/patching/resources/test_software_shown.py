# SPDX-License-Identifier: Apache-2.0
"""Releases, the deployment and its hosts as clients see them, and what clients send to begin one."""
from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from flock.core.errors import InvalidInput
from patching.contract.records import PrecheckReply
from patching.contract.stored import ReleaseDetails
from patching.core import events
from patching.db.views import Progress, Stored
from patching.resources.deploy import fields as deploy
from patching.resources.deploy_host import fields as deploy_host
from patching.resources.release import fields as release
from tests.unit.patching.core.systems import System, a_release, a_system


def stored(system: System) -> Stored:
    details = {name: ReleaseDetails(summary=f"what {name} is") for name in system.view.releases}
    return Stored(system.view, details=details, progress={"controller-1": Progress(40, "packages")})


def deploying() -> System:
    system = System(a_system("STD", a_release("10.0.1"), a_release("10.0.2", requires=("starlingx-10.0.1",))))
    system.start("10.0.2")
    system.happen(events.DeployHost("controller-0"))
    return system


def test_every_release_has_all_fields() -> None:
    known = stored(deploying())
    for name in known.view.releases:
        shown = release.shown(known, name)
        jsonschema.validate(shown, release.RELEASE)
        assert shown["summary"] == f"what {name} is"
    assert release.shown(known, "starlingx-10.0.2")["requires"] == ["starlingx-10.0.1"]


@pytest.mark.parametrize(("state", "family", "found"), [
    (None, None, ["10.0.0", "10.0.1", "10.0.2", "11.0.0"]), ("deploying", None, ["10.0.1", "10.0.2"]),
    ("patch", None, ["10.0.0", "10.0.1", "10.0.2", "11.0.0"]), (None, "10.0", ["10.0.0", "10.0.1", "10.0.2"]),
    (None, "starlingx-10.0", ["10.0.0", "10.0.1", "10.0.2"]), (None, "10.0.1", ["10.0.0", "10.0.1", "10.0.2"]),
    ("available", "10.0", []), (None, "1.0", []), (None, "0.0.1", []), (None, "noise", [])])
def test_releases_are_chosen_by_state_and_major_release(state: str | None, family: str | None,
                                                        found: list[str]) -> None:
    system = System(a_system("SX", a_release("10.0.1"), a_release("10.0.2", requires=("starlingx-10.0.1",)),
                             a_release("11.0.0")))
    system.start("10.0.2")
    assert release.chosen(stored(system), state, family) == [f"starlingx-{text}" for text in found]


def test_the_deployment_and_its_hosts_have_all_fields() -> None:
    known = stored(deploying())
    shown = deploy.shown(known)
    jsonschema.validate(shown, deploy.DEPLOY)
    assert (shown["from_release"], shown["to_release"], shown["feed_repo"]) == (
        "10.0.0", "10.0.2", "feed/starlingx-10.0.2")
    hosts = deploy_host.shown(known)
    for host in hosts:
        jsonschema.validate(host, deploy_host.DEPLOY_HOST)
    assert [(host["hostname"], host["host_state"]) for host in hosts][:3] == [
        ("controller-0", "deploying"), ("controller-1", "pending"), ("compute-0", "pending")]
    assert hosts[1]["progress"] == 40
    assert deploy_host.shown(Stored(a_system("SX"))) == []


@pytest.mark.parametrize(("path", "body", "asked"), [
    ("starlingx-10.0.1", {}, (["starlingx-10.0.1"], False, {})),
    (None, {"releases": ["starlingx-10.0.1"], "force": False}, (["starlingx-10.0.1"], True, {})),
    ("starlingx-10.0.1", {"releases": ["starlingx-10.0.1"], "options": ["a=1", "b=x=y"]},
     (["starlingx-10.0.1"], False, {"a": "1", "b": "x=y"}))])
def test_both_forms_of_an_order(path: str | None, body: dict[str, Any], asked: tuple[Any, ...]) -> None:
    found = deploy.asked(body, path)
    assert (found.releases, found.force, found.options, found.unsupported) == (*asked, "")


@pytest.mark.parametrize(("path", "body", "field"), [
    (None, [], "body"), (None, {"releases": "starlingx-10.0.1"}, "releases"), (None, {"releases": [1]}, "releases"),
    ("starlingx-10.0.1", {"releases": ["starlingx-10.0.2"]}, "releases"), (None, {"options": ["a"]}, "options"),
    (None, {"options": ["=1"]}, "options")])
def test_a_wrong_order_names_the_field(path: str | None, body: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        deploy.asked(body, path)


@pytest.mark.parametrize(("body", "said"), [
    ({"releases": []}, "Name one release"), ({"releases": ["a", "b"]}, "Name one release"),
    ({"releases": ["a"], "options": ["snapshot=true"]}, "Snapshots"), ({"releases": ["a"], "remove": True}, "Removals"),
    ({"releases": ["a"], "pre_upgrade_deploy": True}, "before an upgrade"),
    ({"releases": ["a"], "region_name": "subcloud1"}, "other regions")])
def test_what_is_not_part_of_this_release_is_said(body: dict[str, Any], said: str) -> None:
    assert said in deploy.asked(body, None).unsupported


def test_the_answer_to_a_precheck_serves_old_and_new_orchestrators() -> None:
    assert deploy.checked(None, "", "")["system_healthy"] is None
    found = deploy.checked(PrecheckReply("starlingx-10.0.1", "10.0.0", "10.0.1", True), "ok", "")
    assert found["system_healthy"] is found["additional_data"]["starlingx-10.0.1"]["system_healthy"] is True


@pytest.mark.parametrize(("body", "forced"), [
    (None, False), ({}, False), ({"force": False}, False), ({"force": True}, True)])
def test_a_step_is_forced_by_true_only(body: Any, forced: bool) -> None:
    assert deploy.is_forced(body) is forced


@pytest.mark.parametrize(("body", "words"), [
    ([], "body: must be a JSON object"), ({"force": "true"}, "force: must be true or false"), ({"force": 1}, "force:")])
def test_what_is_neither_true_nor_false_forces_nothing(body: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        deploy.is_forced(body)
