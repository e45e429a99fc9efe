# SPDX-License-Identifier: Apache-2.0
"""A host is not unlocked with interfaces that its hardware does not have, or without a source of time."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.actions.facts import ActionFacts
from sysinv.resources.interface.checks import InterfaceFacts, ports_refusal
from sysinv.resources.interface.view import HostInterfaces
from sysinv.resources.ptpinstance.checks import CHECKS, PtpFacts, ptp_refusal
from tests.unit.sysinv.resources.interfaces import STANDARD, WORKER, bond, host, with_sriov
from tests.unit.sysinv.resources.test_ptp import instance, interface, members, with_ports

PREFIX = "Cannot unlock host worker-0: "


def refusal(view: HostInterfaces | None) -> str | None:
    known = {InterfaceFacts: InterfaceFacts(view)}
    return ports_refusal(ActionFacts(WORKER, STANDARD, "controller-0", resources=known))


def with_port(view: HostInterfaces, **changes: Any) -> HostInterfaces:
    """The view with another port eth1."""
    return replace(view, ports=(replace(view.ports[0], **changes), *view.ports[1:]))


def test_interfaces_on_their_ports() -> None:
    for view in (None, host(), host(ifclass="data", channels=16), with_sriov(host()), bond(host(), ifclass="data")):
        assert refusal(view) is None


@pytest.mark.parametrize(("view", "text"), [
    (with_port(host(ifclass="data"), interface_id=None),
     "interface eth1 has no port any more. Delete it or restore the port."),
    (with_port(host(ifclass="data", channels=16), maxchannels=8),
     "interface eth1: channels must be at most 8, the channels that port eth1 supports."),
    (with_port(with_sriov(host()), sriov_totalvfs=4),
     "interface eth1: The number of SR-IOV VFs must be at most 4, the VFs that port eth1 supports."),
    (with_port(with_sriov(host()), sriov_totalvfs=None), "interface eth1: SR-IOV is not supported by port eth1."),
    (with_port(with_sriov(host()), interface_id=None),
     "interface eth1 has no port any more. Delete it or restore the port.")])
def test_ports_that_are_gone_or_can_less(view: HostInterfaces, text: str) -> None:
    assert refusal(view) == PREFIX + text


def test_members_of_an_aggregate() -> None:
    view = bond(host(), ifclass="data")
    lost = replace(view, ports=tuple(replace(port, interface_id=None) for port in view.ports))
    # One port of two is enough: that is what the aggregate is for.
    assert refusal(replace(view, ports=view.ports[1:])) is None
    assert refusal(lost) == f"{PREFIX}interface ae has no port any more. Delete it or restore the port."
    empty = view.after(replace(view.interfaces[-1], uses=()))
    assert refusal(empty) == f"{PREFIX}interface ae has no members."


def test_interfaces_without_use_are_not_judged() -> None:
    assert refusal(with_port(host(), interface_id=None)) is None


@pytest.mark.parametrize(("facts", "text"), [
    (PtpFacts(), None), (PtpFacts(wanted=(("if1", "ptp1"),)), None),
    (PtpFacts(True, frozenset({"ptp1"}), (("if1", "ptp1"),)), None),
    (PtpFacts(True), "its clock_synchronization is ptp and it has no PTP instance. Assign one, or set "
                     "clock_synchronization to ntp."),
    (PtpFacts(True, frozenset({"ptp1"}), (("if1", "ptp1"), ("if2", "ptp2"))),
     "it has PTP interface if2 and not its PTP instance ptp2. Assign the instance to the host.")])
def test_a_host_has_its_source_of_time(facts: PtpFacts, text: str | None) -> None:
    found = ptp_refusal(ActionFacts(WORKER, STANDARD, "controller-0", resources={PtpFacts: facts}))
    assert found == (None if text is None else PREFIX + text)
    assert [check.skipped_by_force for check in CHECKS] == [True]


def test_what_is_stored_about_ptp_refuses_an_unlock(cloud: Any) -> None:
    uuid, found = with_ports(cloud)
    first, second = instance(cloud), instance(cloud, "ptp2")
    on = interface(cloud, second, "if2")
    cloud.inventory.inventory_completed(host_uuid=uuid)
    cloud.state("worker-0", administrative="locked", operational="disabled", availability="online")
    assert cloud.patch("/v1/ihosts/worker-0", clock_synchronization="ptp").status == 200
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").fault == (
        f"{PREFIX}its clock_synchronization is ptp and it has no PTP instance. Assign one, or set "
        "clock_synchronization to ntp.")
    for path, value, name in ((f"/v1/ihosts/{uuid}", first["id"], "ptp_instances"),
                              (f"/v1/iinterfaces/{found['eth5']['uuid']}", on["id"], "ptp_interfaces")):
        assert members(cloud, path, "add", value, name=name).status == 200
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").fault == (
        f"{PREFIX}it has PTP interface if2 and not its PTP instance ptp2. Assign the instance to the host.")
