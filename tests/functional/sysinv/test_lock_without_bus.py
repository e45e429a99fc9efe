# SPDX-License-Identifier: Apache-2.0
"""A lock that host maintenance cannot get ends with a reason, whatever is wrong with the message bus."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.sysinv.conftest import Sysinv

STEP_S = 5
# Begins the step again with a pause that doubles; the last call waits for the bus once more.
LIMIT_S = 40.0
BROKEN: dict[str, tuple[Callable[[RabbitNode], object], Callable[[RabbitNode], object]]] = {
    "dead": (RabbitNode.kill, RabbitNode.start),
    "frozen": (RabbitNode.freeze, RabbitNode.thaw),
    "blocked": (lambda node: node.control("set_vm_memory_high_watermark", "0.00001"),
                lambda node: node.control("set_vm_memory_high_watermark", "0.6")),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_lock_without_a_bus_ends_with_a_reason(own_rabbit: RabbitNode, keystone: KeystoneServer, tmp_path: Path,
                                                 how: str) -> None:
    own_rabbit.start()
    sysinv = Sysinv(tmp_path, f"sqlite:///{tmp_path}/sysinv.sqlite", own_rabbit, keystone)
    breaks, mends = BROKEN[how]
    try:
        file = sysinv.conf_dir / "sysinv.conf"
        file.write_text(file.read_text().replace("[sysinv]\n", f"[sysinv]\nmtce_step_timeout_s = {STEP_S}\n"))
        sysinv.start()
        uuid = sysinv.call("POST", "/v1/ihosts", {"hostname": "worker-0", "personality": "worker",
                                                  "mgmt_mac": "08:00:27:00:00:05"}).body["uuid"]
        sysinv.wait(lambda: uuid in sysinv.mtce.hosts, "host maintenance to have the host")
        sysinv.state(uuid, administrative="unlocked", operational="enabled", availability="available")
        breaks(own_rabbit)
        assert sysinv.patch(f"/v1/ihosts/{uuid}", action="lock").status in (200, 504)
        sysinv.wait(lambda: not sysinv.host(uuid)["task"] and not sysinv.host(uuid)["ihost_action"],
                    "the lock to end", LIMIT_S)
        host = sysinv.host(uuid)
        assert host["administrative"] == "unlocked"
        assert host["last_error"].startswith(f"Step configure did not end within {STEP_S} s: ")
        assert "mtce.conductor" in host["last_error"] or "message bus" in host["last_error"]
        mends(own_rabbit)
    finally:
        sysinv.stop()
