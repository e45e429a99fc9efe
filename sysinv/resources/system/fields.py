# SPDX-License-Identifier: Apache-2.0
"""``isystems``: the system."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Text
from sysinv.contract.enums import SystemMode, SystemType

ASCII = Text(255, 0, r"[\x09\x0a\x20-\x7e]*", "Value must be ASCII.")
SECURITY_FEATURES = ("spectre_meltdown_v1", "spectre_meltdown_all")
FOLDED = ("sdn_enabled", "https_enabled", "vswitch_type")


class System(Record):
    """The system in replies."""

    envelope = "isystems"
    name = attr(ASCII, nullable=False)
    system_type = attr(SystemType)
    system_mode = attr(SystemMode)
    description = attr(ASCII)
    contact = attr(ASCII)
    location = attr(ASCII)
    latitude = attr(str)
    longitude = attr(str)
    timezone = attr(ASCII, nullable=False)
    software_version = attr(str, writer=SYSTEM, nullable=False)
    services = attr(int, writer=SYSTEM)
    region_name = attr(str, writer=SYSTEM, nullable=False)
    service_project_name = attr(str, writer=SYSTEM, nullable=False)
    distributed_cloud_role = attr(str)
    security_profile = attr(str, writer=SYSTEM)
    security_feature = attr(SECURITY_FEATURES)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)


class SystemChange(System):
    """Fields of a PATCH; the last three are stored in ``capabilities``."""

    envelope = "isystems"
    sdn_enabled = attr(bool)
    https_enabled = attr(bool)
    vswitch_type = attr(("none", "ovs-dpdk"))
