# SPDX-License-Identifier: Apache-2.0
"""Scenario 27: enough hosts of an aggregate go on; a dry run shows it too."""
from __future__ import annotations

from tests.functional.patching.conftest import MakeOrchestrated
from tests.functional.patching.orchestrated import BODY, stages


def test_case_27_at_most_half_of_an_aggregate_with_servers_is_away(make_orchestrated: MakeOrchestrated) -> None:
    cloud = make_orchestrated(workers=6)
    cloud.upload(cloud.patch("10.0.1", reboot_required=True))
    workers = [f"compute-{number}" for number in range(6)]
    cloud.neighbours.aggregates = {"all": workers}
    for name in workers[:4]:
        cloud.neighbours.run(name, f"vm-{name}")
    body = {**BODY, "worker-apply-type": "parallel", "max-parallel-worker-hosts": 5}
    preview = cloud.ask("POST", "sw-upgrade/strategy?dry_run=true", body).json()["strategy"]
    assert cloud.rows() == 0 and cloud.strategy() is None
    built = cloud.create(worker_apply_type="parallel", max_parallel_worker_hosts=5)
    groups = [line.split()[1:] for line in stages(built) if line.startswith("worker-hosts")]
    assert groups == [["compute-4", "compute-5"], ["compute-0", "compute-1", "compute-2"], ["compute-3"]]
    assert preview["apply-phase"]["stages"] == built["apply-phase"]["stages"]
