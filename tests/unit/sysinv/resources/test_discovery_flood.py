# SPDX-License-Identifier: Apache-2.0
"""Hundreds of machines on the pxeboot network at once: few become hosts, and known hosts keep their addresses."""
from __future__ import annotations

import datetime
from typing import Any

import pytest

from flock.db import utcnow
from sysinv.hosts.discovery import DiscoveryLimits, discovery_refusal
from tests.unit.sysinv.resources.test_host_lifecycle import worker

SAME_VENDOR = [f"08:00:27:00:01:{number:02x}" for number in range(238)]
MADE_UP = [f"{number:02x}:00:27:00:01:01" for number in range(2, 256, 4)]
MANY_VENDORS = [f"00:{number:02x}:27:00:01:01" for number in range(238)]


def machines(cloud: Any) -> list[Any]:
    return [host for host in cloud.get("/v1/ihosts").body["ihosts"] if host["personality"] is None]


@pytest.mark.parametrize(("macs", "most"), [(SAME_VENDOR, 16), (MADE_UP, 16), (MANY_VENDORS, 64)])
def test_a_flood_makes_few_hosts(cloud: Any, macs: list[str], most: int) -> None:
    for number, mac in enumerate(macs):
        cloud.discovery.lease(["pxeboot"], mac, f"169.254.202.{number + 10}", 9000)
    assert cloud.discovery.sweep([(mac, "169.254.202.9", 9000) for mac in macs]) == 0
    assert len(machines(cloud)) == most
    assert "not made hosts" in cloud.discovery.trouble()
    # A machine of another vendor is found while the flood goes on, unless all room is taken.
    assert (cloud.discovery.lease(["pxeboot"], "3c:ec:ef:00:00:01", "169.254.202.8", 0) is not None) == (most < 64)


def test_a_flood_takes_no_fixed_address(cloud: Any) -> None:
    worker(cloud)
    lines = [f"9000 {mac} 169.254.202.{number + 10} * 01:{mac}\n" for number, mac in enumerate(SAME_VENDOR)]
    (cloud.folder / "dnsmasq/dnsmasq.leases").write_text("".join(lines))
    for number, mac in enumerate(SAME_VENDOR):
        cloud.discovery.lease(["pxeboot"], mac, f"169.254.202.{number + 10}", 9000)
    cloud.dnsmasq.refresh()
    known = (cloud.folder / "dnsmasq/dnsmasq.hosts").read_text()
    assert not [mac for mac in SAME_VENDOR if mac in known]
    assert "08:00:27:be:6e:25" in known.lower()


def test_the_rate_is_of_the_present() -> None:
    now, limits = utcnow(), DiscoveryLimits()
    before = [(mac, now - datetime.timedelta(seconds=61)) for mac in SAME_VENDOR[:16]]
    assert discovery_refusal("08:00:27:00:00:01", before, now, limits) is None
    just_now = [(mac, now) for mac in SAME_VENDOR[:16]]
    assert "of vendor 08:00:27" in str(discovery_refusal("08:00:27:00:00:01", just_now, now, limits))
