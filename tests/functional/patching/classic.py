# SPDX-License-Identifier: Apache-2.0
"""sw-patch as a process, with a token of an administrator."""
from __future__ import annotations

import json
from typing import Any

from flock.exec import Completed, run
from flock.testing.daemons import BIN
from tests.functional.patching.running import Cloud

RUN_S = 120.0


def sw_patch(cloud: Cloud, *arguments: str, rc: int = 0) -> str:
    """What a command prints; it must end with ``rc``."""
    assert cloud.keystone is not None
    done: Completed = run(
        [str(BIN / "sw-patch"), "--os-auth-token", cloud.keystone.token("admin"), "--patching-url", cloud.base,
         *arguments], timeout_s=RUN_S, check=False)
    assert done.rc == rc, f"{arguments}: {done.rc} {done.out} {done.err}"
    return done.out


def patch_state(cloud: Cloud, release_id: str) -> str:
    """The state of a patch in the table that people read."""
    titles, ruler, *rows = sw_patch(cloud, "query").splitlines()
    assert titles.split() == ["Patch", "ID", "RR", "Release", "Patch", "State"] and set(ruler) == {"=", " "}
    return next(row.split()[-1] for row in rows if row.startswith(f"{release_id} "))


def host(cloud: Cloud, name: str) -> dict[str, Any]:
    """A host as ``query-hosts`` tells it to programs."""
    found = json.loads(sw_patch(cloud, "query-hosts", "-f", "json"))
    return dict(next(one for one in found if one["hostname"] == name))
