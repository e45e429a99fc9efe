# SPDX-License-Identifier: Apache-2.0
"""Scenario 30: a killed orchestrator goes on at the same step; what is refused while a strategy is applied."""
from __future__ import annotations

from tests.functional.patching.orchestrated import BODY, OrchestratedCloud


def test_case_30_a_killed_orchestrator_goes_on_at_the_same_step(orchestrated: OrchestratedCloud) -> None:
    cloud = orchestrated
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    cloud.agents["controller-1"].mood = "waits"
    made = cloud.create(worker_apply_type="ignore")
    assert cloud.act("apply-all").status_code == 202
    cloud.when(lambda _: bool(cloud.agents["controller-1"].orders))
    cloud.kill_orchestrator()
    before = cloud.strategy()
    assert before["state"] == "applying", "it can be read while the orchestrator is away"
    cloud.start_orchestrator()

    refused = cloud.act("abort-stage")
    assert refused.status_code == 400
    assert refused.json()["faultstring"].startswith("Stage 1 (sw-upgrade-controllers) cannot be aborted")
    assert cloud.delete().status_code == 409
    second = cloud.ask("POST", "sw-patch/strategy", BODY)
    assert (second.status_code, second.json()["faultstring"]) == (
        409, "A strategy exists already: it is of the kind sw-upgrade and applying. Delete it first.")
    assert cloud.ask("GET", "current-strategy/strategy").json() == {
        "strategy": {"name": "sw-upgrade", "state": "applying"}}
    assert cloud.ask("GET", f"sw-upgrade/strategy/{made['uuid']}").status_code == 200
    assert cloud.ask("GET", "sw-upgrade/strategy/another").status_code == 404
    now = cloud.strategy()
    place = ("current-stage", "stop-at-stage")
    assert [now["apply-phase"][name] for name in place] == [before["apply-phase"][name] for name in place]

    cloud.agents["controller-1"].finish()
    done = cloud.when(lambda one: one["state"] in ("applied", "aborted", "abort-failed"))
    # Activation needs every host, and the workers were left out.
    assert done["apply-phase"]["reason"].startswith("deploy activate is not possible in deploy state host.")
    assert len(cloud.agents["controller-1"].orders) == 1, "nothing is installed twice"
    assert cloud.actions("lock") == ["lock controller-1", "lock controller-0"]
    deleted = cloud.delete()
    assert (deleted.status_code, deleted.content, cloud.rows()) == (204, b"", 0)
    assert cloud.delete().status_code == 404
