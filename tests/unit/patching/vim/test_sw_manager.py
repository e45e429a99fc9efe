# SPDX-License-Identifier: Apache-2.0
"""``sw-manager``: its lines, messages and exit codes."""
from __future__ import annotations

from typing import Any

import pytest

from flock.cli import wait
from flock.db import Database
from flock.testing.cli import Answer, FakeApi, Ran, Script, run_cli
from patching.cmd.sw_manager import PROGRAM
from patching.contract.orchestration import StrategyAction
from patching.core.strategy.document import document
from patching.core.strategy.parameters import Kind
from tests.unit.patching.core.systems import a_release
from tests.unit.patching.orchestrator.cloud import Cloud
from tests.unit.patching.orchestrator.driven import Driven

PATH = "/api/orchestration/sw-upgrade/strategy"
AREA = "sw-deploy-strategy"


@pytest.fixture
def driven(database: Database) -> Driven:
    return Driven(Cloud("STD", a_release("10.0.1", reboot_required=True)), database)


def told(strategy: dict[str, Any] | None) -> dict[str, Any]:
    return {"strategy": strategy}


def run(api: FakeApi, words: str) -> Ran:
    return run_cli(PROGRAM, words, api)


def test_a_strategy_that_was_built(driven: Driven) -> None:
    shown = document(driven.create(worker_apply_type="parallel").strategy)
    ran = run(FakeApi({PATH: {"GET": told(shown)}}), f"{AREA} show")
    assert ran.code == 0 and ran.out.splitlines() == [
        "Strategy Software Deploy Strategy:",
        f"  strategy-uuid:                         {shown['uuid']}",
        "  release(s):                            starlingx-10.0.1",
        "  controller-apply-type:                 serial",
        "  storage-apply-type:                    serial",
        "  worker-apply-type:                     parallel",
        "  max-parallel-worker-hosts:             2",
        "  default-instance-action:               stop-start",
        "  alarm-restrictions:                    strict",
        "  current-phase:                         build",
        "  current-phase-completion:              100%",
        "  state:                                 ready-to-apply",
        "  build-result:                          success",
        "  build-reason:"]


def test_what_runs_and_all_details(driven: Driven) -> None:
    driven.create().apply()
    driven.until(lambda: "lock controller-1" in driven.cloud.log)
    api = FakeApi({PATH: {"GET": told(document(driven.strategy))}})
    lines = run(api, f"{AREA} show").out.splitlines()
    assert lines[9:] == [
        "  current-stage:                         sw-upgrade-controllers",
        "  current-step:                          lock-hosts",
        "  entity-names:                          controller-1",
        "  current-phase-completion:              10%",
        "  state:                                 applying",
        "  inprogress:                            true"]
    details = run(api, f"{AREA} show --details").out
    assert details.count("step-name:") == sum(
        len(stage.steps) for phase in (driven.strategy.build, driven.strategy.apply) for stage in phase.stages)
    active = run(api, f"{AREA} show --active").out
    assert active.count("step-name:") == 1 and active.count("stage-name:") == 1
    assert {line.index(line.split(":", 1)[1].strip(), line.index(":")) for line in details.splitlines()
            if ":" in line and line.split(":", 1)[1].strip()} == {41}


def test_a_failure_and_where_it_was(driven: Driven) -> None:
    driven.cloud.broken = {"unlock compute-0"}
    driven.create().apply().finish()
    api = FakeApi({PATH: {"GET": told(document(driven.strategy))}})
    out = run(api, f"{AREA} show --details --error-details").out
    assert "state:                                 abort-failed" in out
    assert "failed-step:                           sw-upgrade-worker-hosts-abort/unlock-hosts" in out
    assert "apply-phase" in out and "abort-phase" in out


def test_other_formats(driven: Driven) -> None:
    shown = document(driven.create().strategy)
    assert run(FakeApi({PATH: {"GET": told(shown)}}), f"{AREA} show -f json").json() == shown
    assert run(FakeApi({PATH: {"GET": told(shown)}}), f"{AREA} show -f yaml").out.startswith("uuid: ")


def test_there_is_none() -> None:
    api = FakeApi({PATH: {"GET": told(None)}})
    assert run(api, f"{AREA} show").out == "No strategy available\n"
    gone = run(api, f"{AREA} delete --yes")
    assert (gone.code, gone.out) == (0, "Nothing to delete\n")
    there = FakeApi({PATH: {"DELETE": Answer(None, 204)}})
    assert run(there, f"{AREA} delete --force").out == "Strategy deleted\n"
    assert there.calls == [("DELETE", PATH, {"force": True}, None)]


def test_what_is_asked_for(driven: Driven) -> None:
    shown = document(driven.create().strategy)
    api = FakeApi({PATH: {"POST": told(shown)}, "/api/orchestration/sw-patch/strategy": {"POST": told(shown)}})
    ran = run(api, f"{AREA} create starlingx-10.0.1 --worker-apply-type parallel --max-parallel-worker-hosts 4 "
                   "--instance-action migrate --alarm-restrictions relaxed --delete --not-before 2026-05-01T22:00 "
                   "--continue-on-failure 1")
    assert ran.code == 0
    assert api.calls[0] == ("POST", PATH, {
        "controller-apply-type": "serial", "storage-apply-type": "serial", "worker-apply-type": "parallel",
        "swift-apply-type": "ignore", "default-instance-action": "migrate", "alarm-restrictions": "relaxed",
        "max-parallel-worker-hosts": 4, "release": ["starlingx-10.0.1"], "not-before": 1777672800000,
        "continue-on-failure": 1, "delete": True}, None)
    assert run(api, "patch-strategy create starlingx-10.0.1 --dry-run").code == 0
    assert api.calls[1][1] == "/api/orchestration/sw-patch/strategy" and api.calls[1][3] == {"dry_run": "true"}
    assert run(api, f"{AREA} create --not-before soon").code == 2


def test_actions(driven: Driven) -> None:
    shown = document(driven.create().strategy)
    api = FakeApi({f"{PATH}/actions": {"POST": Answer(told(shown), 202)}})
    for words, body in (("apply", {"action": "apply-all", "stage-id": None}),
                        ("apply --stage-id 2 --yes", {"action": "apply-stage", "stage-id": 2}),
                        ("abort", {"action": "abort-stage", "stage-id": None}),
                        ("pause", {"action": "pause", "stage-id": None}),
                        ("resume", {"action": "resume", "stage-id": None})):
        assert run(api, f"{AREA} {words}").code == 0
        assert api.calls[-1][2] == body
    refused = FakeApi({f"{PATH}/actions": {"POST": Answer({"faultstring": "The strategy is building."}, 400)}})
    ran = run(refused, f"{AREA} apply")
    assert (ran.code, ran.out, ran.err) == (1, "", "The strategy is building.\n")


def test_waiting_for_the_end(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "POLL_INTERVAL_S", 0.0)
    ready = document(driven.create().strategy)
    driven.apply()
    driven.until(lambda: "lock compute-0" in driven.cloud.log)
    running = document(driven.strategy)
    driven.act(StrategyAction.ABORT)
    aborting = document(driven.strategy)
    driven.finish()
    aborted = document(driven.strategy)
    driven.keeper.delete(Kind.DEPLOY, False)
    driven.cloud.pass_time(60)
    applied = document(driven.create().apply().finish().strategy)
    posted = Answer(told(running), 202)

    def waited(words: str, *seen: dict[str, Any] | None) -> Ran:
        return run(FakeApi({PATH: {"GET": Script(*map(told, seen)), "POST": told(ready)},
                            f"{PATH}/actions": {"POST": posted}}), f"{AREA} {words} --wait")

    done = waited("apply", running, running, applied)
    assert done.code == 0 and "Applying the strategy: [########" in done.err and "lock-hosts compute-0" in done.err
    failed = waited("apply", running, aborting, aborted)
    assert failed.code == 1 and failed.out == ""
    assert "Applying the strategy failed: aborted: aborted by an operator" in failed.err
    assert waited("abort", aborting, aborted).code == 0
    assert waited("apply", None).code == 1
    assert waited("create starlingx-10.0.1", ready).code == 0
