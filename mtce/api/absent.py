# SPDX-License-Identifier: Apache-2.0
"""Resources of StarlingX's maintenance API that this release does not have yet."""
from __future__ import annotations

from flock.api.absent import Absent

ABSENT = (
    Absent("Sensors", ("/v1/isensors", "/v1/isensorgroups", "/v1/sensors", "/v1/hosts/*/isensors")),
    Absent("Passwords of the system's user", ("/v1/iuser",)),
)
