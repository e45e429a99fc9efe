# SPDX-License-Identifier: Apache-2.0
"""What failed members mean for their group."""
import pytest

from sm.contract.states import Condition, Impact, OnFailure, Status
from sm.core.cluster import Health
from sm.core.local.impact import Finding, judge, share
from sm.core.local.view import ServiceView
from sm.core.model import Catalogue, GroupSpec, MemberSpec, RedundancyModel
from tests.sim.service_catalogues import service

FAILED = {"failure": Condition.RECOVERY_FAILURE}
DEGRADED = {"reported": Status.DEGRADED, "reported_condition": Condition.DATA_SYNCING}


@pytest.mark.parametrize(("impact", "policy", "fields", "expected"), [
    (Impact.NONE, OnFailure.RESTART, FAILED, Status.WARN),
    (Impact.MINOR, OnFailure.RESTART, FAILED, Status.WARN),
    (Impact.MAJOR, OnFailure.RESTART, FAILED, Status.DEGRADED),
    (Impact.CRITICAL, OnFailure.RESTART, FAILED, Status.FAILED),
    (Impact.CRITICAL, OnFailure.RESTART, {"counted_ms": 5}, Status.FAILED),
    (Impact.CRITICAL, OnFailure.RESTART, DEGRADED, Status.DEGRADED),
    (Impact.MINOR, OnFailure.RESTART, DEGRADED, Status.DEGRADED),
    (Impact.CRITICAL, OnFailure.RESTART, {}, Status.NONE),
    (Impact.CRITICAL, OnFailure.DEGRADE, FAILED, Status.DEGRADED),
    (Impact.MINOR, OnFailure.DEGRADE, FAILED, Status.WARN),
    (Impact.CRITICAL, OnFailure.IGNORE, FAILED, Status.NONE),
    (Impact.CRITICAL, OnFailure.IGNORE, DEGRADED, Status.NONE)])
def test_share_of_one_member(impact, policy, fields, expected):
    assert share(ServiceView("a", **fields), impact, policy) is expected


def members(**impacts):
    return GroupSpec("g", RedundancyModel.N_PLUS_M, 1, 1,
                     tuple(MemberSpec(name, impact) for name, impact in impacts.items()))


def test_the_worst_member_counts_and_its_condition():
    group = members(a=Impact.MAJOR, b=Impact.CRITICAL, c=Impact.CRITICAL, d=Impact.MINOR, e=Impact.CRITICAL)
    catalogue = Catalogue({"g": group}, {name: service(name) for name in "abcde"})
    services = [ServiceView("a", failure=Condition.FATAL_FAILURE), ServiceView("b", failure=Condition.ACTION_FAILURE),
                ServiceView("c", failure=Condition.RECOVERY_FAILURE), ServiceView("d", counted_ms=9), ServiceView("e")]
    assert judge(group, services, catalogue) == Finding(
        Status.FAILED, Condition.RECOVERY_FAILURE, Health(2, 1, 1),
        "a(initial, failed, fatal-failure), b(initial, failed, action-failure), c(initial, failed, recovery-failure),"
        " d(initial, failed)")


def test_a_removed_service_does_not_count():
    group = members(a=Impact.CRITICAL)
    catalogue = Catalogue({"g": group}, {"a": service("a")})
    assert judge(group, [ServiceView("gone", **FAILED), ServiceView("a")], catalogue) == Finding()


def test_a_group_without_members_is_well():
    assert judge(members(), [], Catalogue({}, {})) == Finding()
