# SPDX-License-Identifier: Apache-2.0
"""What software management says that the system and its hosts run."""
from __future__ import annotations

import pytest

from flock.core.errors import InvalidInput
from flock.db import Database
from sysinv.conductor.versions import SoftwareVersionsEndpoint


@pytest.mark.parametrize(("system", "hosts", "field"), [
    ("10", {}, "system"), ("10.0.1", {}, "system"), ("10.0", {"worker-0": ""}, "worker-0"),
    ("10.0", {f"h{number}": "10.0" for number in range(1001)}, "hosts")])
def test_what_is_no_version_is_refused(system: str, hosts: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        SoftwareVersionsEndpoint(Database("sqlite://")).set_versions(system=system, hosts=hosts)
