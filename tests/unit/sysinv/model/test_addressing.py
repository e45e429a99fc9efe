# SPDX-License-Identifier: Apache-2.0
"""Address pools never give an address twice, nor one with a meaning of its own."""
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from sysinv.model.addressing import (
    AddressPoolExhausted,
    PoolView,
    check_pool,
    controller_addresses,
    default_ranges,
    in_pool,
    next_address,
)

POOL = PoolView(id=1, uuid="u", name="mgmt", network="192.168.204.0", prefix=24, order="random",
                ranges=(("192.168.204.1", "192.168.204.12"),), floating_address="192.168.204.1",
                controller0_address="192.168.204.2", controller1_address="192.168.204.3",
                gateway_address="192.168.204.254")


@given(st.sampled_from(["random", "sequential"]), st.integers(0, 1000))
def test_a_pool_is_used_up_without_repeating(order: str, seed: int) -> None:
    pool = replace(POOL, order=order)
    taken: list[str] = []
    for _ in range(9):
        taken.append(next_address(pool, taken, seed))
    assert sorted(taken, key=lambda text: int(text.split(".")[-1])) == [f"192.168.204.{n}" for n in range(4, 13)]
    with pytest.raises(AddressPoolExhausted):
        next_address(pool, taken, seed)


def test_sequential_pools_give_the_lowest() -> None:
    assert next_address(replace(POOL, order="sequential"), ["192.168.204.4"], 7) == "192.168.204.5"


def test_ipv6_pools_work_alike() -> None:
    pool = PoolView(1, "u", "v6", "fd00::", 64, "random", default_ranges("fd00::", 64))
    assert in_pool(pool, next_address(pool, [], 3))


@pytest.mark.parametrize(("network", "prefix"), [("10.0.0.1", 32), ("10.0.0.0", 31), ("fd00::1", 128)])
def test_a_subnet_without_room_has_no_default_range(network: str, prefix: int) -> None:
    with pytest.raises(InvalidInput, match="prefix"):
        default_ranges(network, prefix)


@pytest.mark.parametrize(("changes", "field"), [
    ({"network": "192.168.204.1"}, "network"), ({"ranges": (("192.168.204.9", "192.168.204.1"),)}, "ranges"),
    ({"ranges": (("10.0.0.1", "10.0.0.9"),)}, "ranges"), ({"ranges": (("192.168.204.1", "192.168.204.2"),)}, "ranges"),
    ({"ranges": (("192.168.204.1", "192.168.204.9"), ("192.168.204.5", "192.168.204.20"))}, "ranges"),
    ({"ranges": (("one", "two"),)}, "ranges"), ({"order": "lucky"}, "order"),
    ({"floating_address": "10.0.0.1"}, "address")])
def test_a_pool_that_contradicts_itself_is_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_pool(replace(POOL, **changes))  # type: ignore[arg-type]
    assert caught.value.params["field"] == field


def test_controllers_and_the_floating_address_have_names() -> None:
    assert controller_addresses(POOL, "mgmt", simplex=False) == {
        "controller-mgmt": "192.168.204.1", "controller-0-mgmt": "192.168.204.2", "controller-1-mgmt": "192.168.204.3"}
    assert controller_addresses(POOL, "mgmt", simplex=True) == {"controller-mgmt": "192.168.204.1"}
