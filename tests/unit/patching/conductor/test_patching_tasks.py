# SPDX-License-Identifier: Apache-2.0
"""Tasks: orders to agents that may get lost, scripts that nobody waits for any more, uploads, reports."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import InvalidInput
from flock.core.records import replace
from patching.artifact import trust
from patching.conductor import reports
from patching.conductor.reports import Reports
from patching.contract.records import (
    HostFacts,
    InstallProgress,
    InstallResult,
    Mirrored,
    OrderKind,
    ReplyStatus,
    StagedFile,
)
from patching.contract.states import AgentState
from patching.contract.stored import ReleaseDetails
from patching.core.events import Restarted
from tests.unit.patching.artifact.conftest import Authority, a_patch
from tests.unit.patching.conductor.office import Office


def test_an_order_to_install_is_repeated_until_there_is_a_result(office: Office) -> None:
    office.release("10.0.1")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    agent = office.agents["controller-0"]
    for number in (1, 1, 2, 2, 3):
        office.run(later_s=10.0)
        assert len(agent.orders) == number
    assert {(order.deploy_id, order.attempt) for order in agent.orders} == {(office.stored.deploy_uuid, 1)}
    agent.end(attempt=7)
    agent.end(deploy_id="another deployment")
    assert office.state == "host"
    agent.end()
    assert office.state == "host-done"
    told = len(agent.orders)
    for _ in range(2):
        office.run(later_s=30.0)
    assert len(agent.orders) == told


def test_a_result_in_a_report_counts_as_well(office: Office) -> None:
    office.release("10.0.1")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    office.run()
    agent = office.agents["controller-0"]
    order = agent.orders[-1]
    office.reports.install_progress(progress=InstallProgress(order.deploy_id, "controller-0", 1, 40, "fetching"))
    assert office.stored.progress["controller-0"].percent == 40
    agent.report(result=InstallResult(order.deploy_id, "controller-0", order.attempt, "no space"))
    row = office.stored.view.rows["controller-0"]
    assert (office.state, row.state, row.error) == ("host-failed", "failed", "no space")


def with_script(office: Office, text: str) -> None:
    office.release("10.0.1", details=ReleaseDetails(activation_scripts=["10-it"]))
    place = office.repository.release("starlingx-10.0.1") / "extra"
    place.mkdir(parents=True)
    (place / "10-it").write_text(f"#!/bin/sh\n{text}\n")
    (place / "10-it").chmod(0o755)


@pytest.mark.parametrize(("said", "state"), [
    ("10.0.1", "deployed"), ("", "deployed"), ("9.9.9", "failed"), ("10.0.0", "failed"), ("x", "failed")])
def test_a_host_that_has_installed_another_version_has_failed(office: Office, said: str, state: str) -> None:
    """An agent's word about its error was all that counted."""
    office.release("10.0.1")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    office.run()
    office.agents["controller-0"].end(version=said)
    row = office.stored.view.rows["controller-0"]
    assert row.state == state
    assert not row.error or row.error.startswith("The host says that it has installed ") and "not 10.0.1" in row.error


@pytest.mark.parametrize(("digests", "said"), [
    (None, ""), ({"starlingx-10.0.1": "0" * 64}, ""), ({}, "starlingx-10.0.1 is missing"),
    ({"starlingx-10.0.1": "f" * 64}, "starlingx-10.0.1 has the digest ffffffffffff instead of 000000000000")])
def test_a_host_that_has_installed_other_content_has_failed(office: Office, digests: dict[str, str] | None,
                                                            said: str) -> None:
    """The version alone was compared. An agent of an earlier release says no digests."""
    office.release("10.0.1")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    office.run()
    office.agents["controller-0"].end(digests=digests)
    row = office.stored.view.rows["controller-0"]
    assert (row.state == "failed", row.error) == (bool(said), said and (
        f"The host says that it has installed other content than that of 10.0.1: {said}."))


def test_scripts_that_nobody_waits_for_do_not_run(office: Office) -> None:
    ran = office.folder / "ran"
    with_script(office, f"echo $@ >> {ran}")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    office.run()
    office.agents["controller-0"].end()
    office.order(OrderKind.ACTIVATE)
    office.machine.happen(Restarted())
    assert office.state == "activate-failed"
    office.run()
    assert not ran.exists() and office.state == "activate-failed"
    office.order(OrderKind.ACTIVATE)
    office.run()
    assert office.state == "activate-done" and ran.read_text() == "10.0.0 10.0.1 activate\n"


def test_a_deployment_goes_on_without_scripts_that_have_failed(office: Office) -> None:
    """Else a script that always fails held up a removal, which cannot be aborted, and every deployment after it."""
    with_script(office, "echo no such table >&2; exit 3")
    office.start("10.0.1")
    office.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    office.run()
    office.agents["controller-0"].end()
    assert "not possible in deploy state host-done" in office.order(OrderKind.ACTIVATE, force=True).error
    office.order(OrderKind.ACTIVATE)
    office.run()
    assert office.state == "activate-failed"
    error = office.stored.view.deploy.error
    said = office.order(OrderKind.ACTIVATE, force=True)
    assert office.state == "activate-done" and "10-it" in error
    assert f"The deployment goes on although its scripts have failed: {error}" in said.info
    office.order(OrderKind.ABORT)
    office.order(OrderKind.ACTIVATE_ROLLBACK)
    office.run()
    assert office.state == "activate-rollback-failed"
    office.order(OrderKind.ACTIVATE_ROLLBACK, force=True)
    assert office.state == "activate-rollback-done"


def test_a_script_that_is_missing_has_failed(office: Office) -> None:
    office.release("10.0.1", details=ReleaseDetails(hooks={"pre_start": "pre-start.sh"}))
    office.order(OrderKind.START, "starlingx-10.0.1")
    office.run()
    assert office.state == "start-failed"
    deploy = office.stored.view.deploy
    assert deploy is not None and "pre-start.sh of starlingx-10.0.1: pre-start.sh cannot be started" in deploy.error


def test_the_end_of_a_deployment_is_told_to_agents_and_hosts_that_boot(office: Office) -> None:
    office.release("10.0.1")
    office.start("10.0.1")
    office.order(OrderKind.DELETE_DEPLOY)
    office.run()
    assert office.agents["controller-0"].kept == [["starlingx-10.0.0", "starlingx-10.0.1"]]
    assert '"version":"10.0.0"' in (office.repository.feed / "current.json").read_text()


@pytest.mark.parametrize(("facts", "field"), [
    ({"hostname": ""}, "facts.hostname"), ({"digests": {str(number): "" for number in range(3)}}, "facts.digests"),
    ({"result": InstallResult("d", "another", 1)}, "facts.result.hostname")])
def test_reports_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any],
                             field: str) -> None:
    monkeypatch.setattr(reports, "ITEMS_MAX", 2)
    with pytest.raises(InvalidInput) as caught:
        office.reports.report(facts=replace(HostFacts("controller-0", "", "10.0.0"), **facts))
    assert caught.value.params["field"] == field
    with pytest.raises(InvalidInput):
        office.reports.install_progress(progress=InstallProgress("d", "controller-0", 1, 101))
    with pytest.raises(InvalidInput):
        office.reports.mirrored(mirrored=Mirrored("controller-0", {str(number): "" for number in range(3)}))


def test_what_a_host_says_of_itself_is_made_storable(office: Office) -> None:
    """A version with NUL ended all alarms of software management, and one that was none the list of all hosts."""
    office.reports.report(facts=HostFacts(
        "controller-0", "u" * 300, "a\0b", ip="10.0.0.1\n", installed_version="newest", nodetype="x" * 300,
        digests={"r\0": "d" * 300}, packages={"p" * 300: "1\x1b"}, subfunctions=["\udce9"],
        result=InstallResult("d", "controller-0", 1, "no\0")))
    found = office.store.agents()["controller-0"].facts
    assert (found.version, found.installed_version) == ("", "")
    assert (found.ip, found.host_uuid, found.nodetype) == ("10.0.0.1\\x0a", "u" * 255, "x" * 255)
    assert (found.digests, found.packages) == ({"r\\x00": "d" * 255}, {"p" * 255: "1\\x1b"})
    assert found.subfunctions == ["\\xe9"]
    assert found.result is not None and found.result.error == "no\\x00"
    office.reports.mirrored(mirrored=Mirrored("controller-0", {"r": "\0"}))
    assert office.store.mirrors()["controller-0"] == {"r": "\\x00"}


def test_reports_without_news_cost_no_write(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, stored = [0.0], []
    monkeypatch.setattr(office.store, "seen", stored.append)
    told = Reports(office.machine, office.watch, lambda: now_s[0])
    facts = HostFacts("controller-0", "", "10.0.0")
    for now_s[0], one in ((0.0, facts), (1.0, facts), (2.0, replace(facts, state=AgentState.INSTALLING)), (3.0, facts),
                          (10.0, facts), (30.0, facts)):
        told.report(facts=one)
    assert len(stored) == 4


def staged(office: Office, path: Path) -> StagedFile:
    (office.staging / "one").write_bytes(path.read_bytes())
    return StagedFile(path.name, "one", path.stat().st_size, "")


def test_a_full_disk_is_told_and_leaves_nothing(office: Office, maker: Authority, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_patch: Any) -> Any:
        raise OSError(28, os.strerror(28))

    office.trusted = trust.load(maker.file.parent)
    monkeypatch.setattr(office.repository, "take", full)
    reply = office.order(OrderKind.UPLOAD, files=[staged(office, a_patch(tmp_path, maker.key))])
    assert reply.status is ReplyStatus.REFUSED and "no space is left on the disk" in reply.error
    assert [path for path in (*office.staging.rglob("*"), *office.repository.root.rglob("*")) if path.is_file()] == []
    assert set(office.stored.view.releases) == {"starlingx-10.0.0"}


def test_staged_files_that_nobody_ordered_are_swept_after_a_day(office: Office) -> None:
    old, new = office.staging / "old", office.staging / "new"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    office.uploads.sweep()
    assert not old.exists() and new.exists()
