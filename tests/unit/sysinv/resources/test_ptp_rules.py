# SPDX-License-Identifier: Apache-2.0
"""Rules of PTP parameters, names and assignments, without a database."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import FlockError
from sysinv.resources.ptpinstance import rules as instances
from sysinv.resources.ptpinstance.rules import InstanceView
from sysinv.resources.ptpinterface import rules as interfaces
from sysinv.resources.ptpparameter.rules import (
    GLOBAL,
    PARAMETERS_MAX,
    TRANSPORTS,
    UNICAST_TABLE,
    Operation,
    Owner,
    Parameter,
    ParameterExists,
    ParameterNotFound,
    ParameterRefused,
    changed,
    check,
    operation,
    with_value,
)

INSTANCE, INTERFACE = Owner("PTP instance p", sections=True), Owner("PTP interface i", sections=False)
TABLE = "unicast_master_table_1"
UUID = "5c5f3a4e-0000-4000-8000-00000000000A"


def of(section: str, *pairs: str) -> list[Parameter]:
    return [Parameter(section, *pair.split("=", 1)) for pair in pairs]


def refused(parameters: Sequence[Parameter], owner: Owner = INSTANCE) -> str:
    with pytest.raises(ParameterRefused) as caught:
        check(owner, parameters)
    return str(caught.value)


def adding(*parameters: Parameter) -> list[Operation]:
    return [Operation(True, one) for one in parameters]


def test_operations_name_a_parameter_by_its_text_or_uuid() -> None:
    known = Parameter("s", "n", "v")
    assert operation(True, "cmdline_opts=-s eth0 -n=24", GLOBAL, {}) == Operation(
        True, Parameter(GLOBAL, "cmdline_opts", "-s eth0 -n=24"))
    assert operation(False, UUID, GLOBAL, {UUID.lower(): known}) == Operation(False, known)
    assert operation(False, UUID, GLOBAL, {}) is None


def test_parameters_are_added_and_removed_in_order() -> None:
    one, two, three = of(GLOBAL, "a=1", "b=2", "c=3")
    assert changed(INSTANCE, [one, two], [*adding(three), Operation(False, one)]) == (two, three)
    with pytest.raises(ParameterExists, match=r"^PTP instance p already has parameter a=1 in section global\.$"):
        changed(INSTANCE, [one], adding(one))
    with pytest.raises(ParameterNotFound, match=r"^PTP instance p has no parameter b=2 in section global\.$"):
        changed(INSTANCE, [one], [Operation(False, two)])


def test_a_name_has_one_value_in_a_section_and_one_request_replaces_it() -> None:
    old, new = of(GLOBAL, "domainNumber=24", "domainNumber=25")
    assert refused([old, new]) == (
        "PTP instance p: section global: domainNumber can have only one value, not 24 and 25. Remove the other one "
        "first, or in the same request.")
    assert changed(INSTANCE, [old], [*adding(new), Operation(False, old)]) == (new,)
    check(INSTANCE, [old, *of("other", "domainNumber=25")])


def test_interfaces_have_one_section() -> None:
    check(INTERFACE, of(GLOBAL, "masterOnly=1"))
    assert refused(of("ens1f0", "a=1"), INTERFACE) == (
        "PTP interface i: parameters of PTP interfaces have no other section than global, so ens1f0 is not possible.")


def test_an_owner_has_a_bounded_number_of_parameters() -> None:
    most = of(GLOBAL, *(f"n{number}=1" for number in range(PARAMETERS_MAX)))
    check(INSTANCE, most)
    assert refused([*most, *of("other", "a=1")]) == f"PTP instance p: at most {PARAMETERS_MAX} parameters are possible."


@pytest.mark.parametrize("pairs", [
    ("table_id=1", "logQueryInterval=-128", "peer_address=10.0.0.1", "L2=00:01:02:0F:ab:ff", "L2=00:01:02:0F:ab:fe"),
    ("table_id=2147483647", "logQueryInterval=127", "peer_address=fd00::1", "UDPv4=10.0.0.1", "UDPv4=10.0.0.2"),
    ("logQueryInterval=0", "UDPv6=fd00::1", "UDPv6=fd00::2")])
def test_tables_of_unicast_masters(pairs: tuple[str, ...]) -> None:
    check(INSTANCE, of(TABLE, *pairs))


@pytest.mark.parametrize(("pair", "rule"), [
    *((f"table_id={bad}", "table_id must be a positive integer.")
      for bad in ("0", "-1", "x", "01", "1.5", "2147483648")),
    *((f"logQueryInterval={bad}", "logQueryInterval must be an integer from -128 to 127.")
      for bad in ("128", "-129", "+1", "", "-0", "9" * 400)),
    *((f"peer_address={bad}", "peer_address must be an IPv4 or IPv6 address.") for bad in ("10.0.0", "ntp.org", "::g")),
    *((f"L2={bad}", "L2 must be a MAC address.")
      for bad in ("00:01:02:03:04", "00-01-02-03-04-05", "00:01:02:03:04:0g")),
    *((f"UDPv4={bad}", "UDPv4 must be an IPv4 address.") for bad in ("fd00::1", "10.0.0.256", "1")),
    *((f"UDPv6={bad}", "UDPv6 must be an IPv6 address.") for bad in ("10.0.0.1", "fd00:::1"))])
def test_values_of_tables(pair: str, rule: str) -> None:
    assert refused(of(TABLE, pair)) == f"PTP instance p: section {TABLE}: {pair} is not possible. {rule}"


def test_what_a_table_does_not_have_together() -> None:
    start = f"PTP instance p: section {TABLE}: "
    assert refused(of(TABLE, "domainNumber=1")) == (
        start + "parameter domainNumber is not possible there. It must be one of: table_id, logQueryInterval, "
                "peer_address, L2, UDPv4, UDPv6.")
    for name, values in (("table_id", "12"), ("logQueryInterval", "34")):
        assert refused(of(TABLE, *(f"{name}={value}" for value in values))) == (
            f"{start}{name} can have only one value, not {' and '.join(values)}. Remove the other one first, or in the "
            "same request.")
    assert "peer_address can have only one value" in refused(
        of(TABLE, "peer_address=10.0.0.1", "peer_address=10.0.0.2"))
    assert refused(of(TABLE, "UDPv6=fd00::1", "L2=00:01:02:03:04:05")) == (
        start + "L2, UDPv4, UDPv6 can not be mixed in one table, but it would have L2 and UDPv6.")
    # Two tables may use different transports, but not one id.
    other = "unicast_master_table_2"
    check(INSTANCE, [*of(TABLE, "table_id=1", "UDPv4=10.0.0.1"), *of(other, "table_id=2", "L2=00:01:02:03:04:05")])
    assert refused([*of(TABLE, "table_id=1"), *of(other, "table_id=1")]) == (
        f"PTP instance p: section {other}: table_id 1 is that of section {TABLE}.")


def test_another_value_is_checked_with_the_other_parameters_of_an_owner() -> None:
    known = [*of(TABLE, "table_id=1"), *of("unicast_master_table_2", "table_id=2")]
    assert with_value(INSTANCE, known, known[1], "3") == Parameter("unicast_master_table_2", "table_id", "3")
    with pytest.raises(ParameterRefused, match="table_id 1 is that of section"):
        with_value(INSTANCE, known, known[1], "1")


PARAMETERS = st.builds(
    Parameter, st.sampled_from([GLOBAL, TABLE, "unicast_master_table_2", "other"]),
    st.sampled_from(["table_id", "logQueryInterval", "peer_address", *TRANSPORTS, "n"]),
    st.sampled_from(["1", "2", "-3", "10.0.0.1", "10.0.0.2", "fd00::1", "00:01:02:03:04:05"]))


@given(st.lists(st.builds(Operation, st.booleans(), PARAMETERS), max_size=12), st.sampled_from([INSTANCE, INTERFACE]))
def test_whatever_is_accepted_complies(operations: list[Operation], owner: Owner) -> None:
    known: tuple[Parameter, ...] = ()
    for one in operations:
        before = known
        try:
            known = changed(owner, known, [one])
        except FlockError:
            assert known == before
    check(owner, known)
    assert len(set(known)) == len(known)
    names = Counter((one.section, one.name) for one in known
                    if not (one.section.startswith(UNICAST_TABLE) and one.name in TRANSPORTS))
    assert all(number == 1 for number in names.values())
    for section in {one.section for one in known if one.section.startswith(UNICAST_TABLE)}:
        assert len({one.name for one in known if one.section == section and one.name in TRANSPORTS}) <= 1
    ids = [one.value for one in known if one.name == "table_id" and one.section.startswith(UNICAST_TABLE)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ["apply", "detail", UUID])
def test_names_that_stand_for_something_else(name: str) -> None:
    text = rf"^The name {name} is reserved\.$"
    with pytest.raises(instances.PtpInstanceRefused, match=text):
        instances.check_new(name)
    with pytest.raises(interfaces.PtpInterfaceRefused, match=text):
        interfaces.check_new(name)


def test_what_is_in_use_is_not_deleted() -> None:
    for used, text in (({"hosts": True, "interfaces": False}, "host(s)"),
                       ({"hosts": True, "interfaces": True}, "PTP interface(s)")):
        with pytest.raises(instances.PtpInstanceRefused) as caught:
            instances.check_delete("u", **used)
        assert str(caught.value) == f"PTP instance u is still associated with {text}"
    instances.check_delete("u", hosts=False, interfaces=False)
    with pytest.raises(interfaces.PtpInterfaceRefused) as refusal:
        interfaces.check_delete("u", interfaces=True)
    assert str(refusal.value) == "PTP interface u is still associated with host interface(s)"
    interfaces.check_delete("u", interfaces=False)


def views(*services: str) -> list[InstanceView]:
    return [InstanceView(number, f"{service}-{number}", service) for number, service in enumerate(services, 1)]


def test_a_host_has_an_instance_once() -> None:
    one, two = views("ptp4l", "ptp4l")
    both = instances.assigned("h", {}, [instances.Assignment(True, one), instances.Assignment(True, two)])
    assert both == {1: one, 2: two}
    assert instances.assigned("h", both, [instances.Assignment(False, one)]) == {2: two}
    with pytest.raises(instances.PtpInstanceAssigned, match=r"^PTP instance ptp4l-1 is already assigned to host h\.$"):
        instances.assigned("h", both, [instances.Assignment(True, one)])
    with pytest.raises(instances.PtpInstanceNotAssigned, match=r"^PTP instance ptp4l-1 is not assigned to host h\.$"):
        instances.assigned("h", {2: two}, [instances.Assignment(False, one)])


@pytest.mark.parametrize("service", instances.SERVICES)
def test_of_some_services_a_host_has_one(service: str) -> None:
    one, two = views(service, service)
    changes = [instances.Assignment(True, two)]
    if service not in instances.SINGLE:
        assert len(instances.assigned("h", {1: one}, changes)) == 2
        return
    with pytest.raises(instances.PtpInstanceRefused) as caught:
        instances.assigned("h", {1: one}, changes)
    assert str(caught.value) == (
        f"Host h can have only one PTP instance of service {service}, not {service}-1 and {service}-2.")
    # One request may replace it.
    assert instances.assigned("h", {1: one}, [*changes, instances.Assignment(False, one)]) == {2: two}


def test_an_interface_has_a_ptp_interface_once() -> None:
    change = interfaces.Assignment(True, 7, "i")
    assert interfaces.assigned("eth0", {}, [change]) == {7: "i"}
    with pytest.raises(interfaces.PtpInterfaceAssigned,
                       match=r"^PTP interface i is already assigned to interface eth0\.$"):
        interfaces.assigned("eth0", {7: "i"}, [change])
    with pytest.raises(interfaces.PtpInterfaceNotAssigned,
                       match=r"^PTP interface i is not assigned to interface eth0\.$"):
        interfaces.assigned("eth0", {}, [interfaces.Assignment(False, 7, "i")])
