# SPDX-License-Identifier: Apache-2.0
"""Rules of the paths between the controllers."""
import pytest

from flock.core.records import replace
from sm.catalogue import check
from sm.catalogue.rows import Configured
from tests.unit.sm.catalogue.sites import changed, rows

OAM = ("controller", "oam-interface")
MANAGEMENT = ("controller", "management-interface")


@pytest.mark.parametrize(("key", "fields", "field", "rule"), [
    (OAM, {"peer_address": "fd00::3"}, "peer_address", "must be an IPv4 address"),
    (OAM, {"peer_address": "192.168.10.2"}, "peer_address", "must differ in name and address from others"),
    (OAM, {"address": "224.0.0.1"}, "address", "must be a unicast IP address"),
    (OAM, {"port": 0}, "port", "must be a number from 1 to 65535"),
    (OAM, {"peer_port": 0}, "peer_port", "must be a number from 1 to 65535"),
    (MANAGEMENT, {"multicast": "192.168.204.9"}, "multicast", "must be an IPv4 multicast address"),
    (MANAGEMENT, {"peer_port": 2300}, "peer_port", "must be the port of the multicast group"),
    (OAM, {"device": "eth-management"}, "device", "must differ from path to path; eth-management has several"),
])
def test_rows_with_which_the_daemon_would_not_start_are_refused(
        key: tuple[str, str], fields: dict[str, object], field: str, rule: str) -> None:
    """Each of them was stored, and kept sm-daemon from starting afterwards."""
    found = check.problems(changed(rows(), "service_domain_interfaces", key, **fields))
    assert (" ".join(key), field, rule) in [(one.row, one.field, one.rule) for one in found]


def test_what_is_no_path_has_no_rules() -> None:
    """A path that is not provisioned, and the paths of a single controller."""
    good, bad = rows(), {"peer_address": "fd00::3", "device": "eth-management"}
    check.check(changed(good, "service_domain_interfaces", OAM, provisioned=False, **bad))
    alone: Configured = rows("simplex")
    check.check(replace(alone, service_domain_interfaces=tuple(
        replace(row, device="eth0") for row in alone.service_domain_interfaces)))
