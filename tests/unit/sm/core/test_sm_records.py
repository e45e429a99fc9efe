# SPDX-License-Identifier: Apache-2.0
from sm.contract.states import Impact, RedundancyModel, ServiceAction
from sm.core.cluster import Health
from sm.core.domain.view import Config
from sm.core.model import Catalogue, GroupSpec, MemberSpec, ServiceSpec


def test_failures_count_before_degradations():
    assert Health(failed=1).key < Health(degraded=9, warned=9).key < Health(warned=1).key < Health().key


def test_the_catalogue_knows_the_group_of_a_service():
    group = GroupSpec("web-services", RedundancyModel.N, 2, 0, (MemberSpec("horizon", Impact.CRITICAL),))
    catalogue = Catalogue({"web-services": group}, {"horizon": ServiceSpec("horizon", {})})
    assert catalogue.group_of("horizon") is group
    assert catalogue.group_of("etcd") is None
    assert catalogue.of("horizon", ServiceAction.ENABLE) == ()
    assert not group.movable
    assert not catalogue.services["horizon"].has_standby


def test_only_two_voters_may_keep_a_leader_alone():
    assert Config(("a", "b")).keeps_alone
    assert not Config(("a", "b"), "witness").keeps_alone
    assert Config(("a", "b"), "witness").majority == 2
    assert Config(("a", "b", "c", "d", "e")).majority == 3
