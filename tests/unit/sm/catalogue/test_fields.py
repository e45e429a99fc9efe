# SPDX-License-Identifier: Apache-2.0
"""Rules of single fields that the tests of whole systems do not reach."""
import pytest

from sm.catalogue.fields import TEXT_MAX, field_problems, setting_rule
from sm.catalogue.rows import DomainMemberRow, InterfaceRow, ServiceRow
from sm.contract.states import RedundancyModel


@pytest.mark.parametrize(("key", "value", "good"), [
    ("FAILPENDING_TIMEOUT_MS", "2000", True), ("FAILPENDING_TIMEOUT_MS", "0", False),
    ("sm_server_port", "65536", False),
    ("sm_process_priority", "-20", True), ("sm_process_priority", "-21", False), ("sm_process_priority", "x", False),
    ("RESET_PEER_WAIT_TIMEOUT_SEC", "99999999999999999999", False), ("SYSTEM_ROLE", "subcloud", True),
    ("SYSTEM_ROLE", "edge", False), ("of_a_newer_release", "anything", True)])
def test_settings(key: str, value: str, good: bool) -> None:
    assert (setting_rule(key, value) == "") is good


def test_a_name_has_a_limit() -> None:
    assert not list(field_problems("services", ServiceRow("a" * 64)))
    for name in ("a" * 65, "", "-a", "a_b", "ä"):
        assert [problem.field for problem in field_problems("services", ServiceRow(name))] == ["name"], name
    assert not list(field_problems("service_domain_members", DomainMemberRow("d", "g", model=RedundancyModel.N)))


def test_text_has_a_limit_and_is_printable() -> None:
    for path in ("/" + "a" * TEXT_MAX, "/a\x00b", "/a\nb"):
        assert [problem.field for problem in field_problems("services", ServiceRow("a", pid_file=path))] == ["pid_file"]


def test_an_address_may_be_empty_or_of_either_family() -> None:
    for address in ("", "192.0.2.1", "2001:db8::1"):
        assert not list(field_problems("service_domain_interfaces", InterfaceRow("d", "i", address=address)))
