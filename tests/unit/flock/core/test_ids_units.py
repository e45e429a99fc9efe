# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core import ids


def test_new_uuids_are_uuids_and_differ() -> None:
    first, second = ids.new_uuid(), ids.new_uuid()
    assert first != second
    assert ids.uuid(first.upper()) == first


@pytest.mark.parametrize("text", ["", "1", "8c5c0a1b0f6c4a2e8f0e0d8c5c0a1b77", "8c5c0a1b-0f6c-4a2e-8f0e-0d8c5c0a1b7g",
                                  "8c5c0a1b-0f6c-4a2e-8f0e-0d8c5c0a1b77\n", None, 5])
def test_what_is_no_uuid(text: object) -> None:
    assert not ids.is_uuid(text)


@pytest.mark.parametrize("text", ["controller-0", "a", "0", "w" * 63, "Rack-1.site", f"{'a' * 31}.{'b' * 32}"])
def test_good_host_names(text: str) -> None:
    assert ids.hostname(text) == text


@pytest.mark.parametrize("text", ["", "-a", "a-", "a_b", "a..b", ".a", "a.", "w" * 64, "a\n", "h\u00f6st",
                                  f"{'a' * 32}.{'b' * 32}"])
def test_bad_host_names(text: str) -> None:
    with pytest.raises(ValueError, match="at most 64 characters"):
        ids.hostname(text)


@given(st.ip_addresses())
def test_addresses_survive(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert ipaddress.ip_address(ids.ip_address(str(address))) == address
