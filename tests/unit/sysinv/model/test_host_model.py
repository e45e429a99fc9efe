# SPDX-License-Identifier: Apache-2.0
"""Names, MAC addresses and subfunctions of hosts."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.model.host import (
    client_mac,
    join_subfunctions,
    next_controller_name,
    normal_mac,
    split_subfunctions,
)
from sysinv.model.hostname import hostname_refusal


@pytest.mark.parametrize(("text", "mac"), [
    ("08:00:27:BE:6E:25", "08:00:27:be:6e:25"), ("08-00-27-be-6e-25", "08:00:27:be:6e:25"),
    ("08:00:27:be:6e", None), ("08:00:27-be-6e-25", None), ("01:00:5e:00:00:01", None), ("00:00:00:00:00:00", None),
    ("08:00:27:be:6e:2g", None), ("", None), ("08:00:27:be:6e:25\n", "08:00:27:be:6e:25"), ("x" * 1000, None)])
def test_mac_addresses_are_brought_to_one_form(text: str, mac: str | None) -> None:
    assert normal_mac(text) == mac


@pytest.mark.parametrize(("hostname", "personality", "accepted"), [
    ("worker-0", "worker", True), ("compute.rack-1", "worker", True), ("rack_1", "worker", False),
    ("a" * 63, "worker", True), ("a" * 64, "worker", False), ("a.".rjust(64, "b") + "c", "worker", False),
    (".".join(["a" * 31, "b" * 32]), "worker", True), ("-a", "worker", False), ("Controller-0", "worker", False),
    ("controller-0", "worker", False), ("storage-7", "worker", False), ("storage-7", "storage", True),
    ("storage-x", "storage", False), ("controller-1", "controller", True), ("controller-2", "controller", False),
    ("wörker", "worker", False), ("w\n", "worker", False), ("", "worker", False), ("a b", "edgeworker", False)])
def test_host_names_follow_the_personality(hostname: str, personality: str, accepted: bool) -> None:
    assert (hostname_refusal(hostname, personality) is None) == accepted


def test_names_given_by_the_system_fill_gaps() -> None:
    assert next_controller_name(["controller-0"]) == "controller-1"
    assert next_controller_name(["controller-0", "controller-1"]) is None


@given(st.sets(st.sampled_from(["controller", "worker", "storage", "lowlatency"])))
def test_subfunctions_survive_the_wire(names: set[str]) -> None:
    assert set(split_subfunctions(join_subfunctions(names))) == names


@pytest.mark.parametrize(("text", "mac"), [
    ("f4:52:14:03:00:77", "f4:52:14:03:00:77"), ("20-f4:52:14:03:00:77:88:90", None), ("f4:52:14:03:00:77:88:90", None),
    ("06-f4:52:14:03:00:77", None), ("80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:77:88:90", None),
    ("00:01:00:01:2c:11:22:33:08:00:27:be:6e:25", "08:00:27:be:6e:25"),
    ("00:03:00:01:08:00:27:be:6e:25", "08:00:27:be:6e:25"),
    ("00:03:00:20:f4:52:14:03:00:77", None), ("00:02:00:00:0d:e9:08:00:27:be:6e:25", None),
    ("00:04:" + ":".join(["08"] * 16), None), ("", None), ("20-", None)])
def test_a_client_is_known_by_a_whole_ethernet_address_only(text: str, mac: str | None) -> None:
    assert client_mac(text) == mac
