# SPDX-License-Identifier: Apache-2.0
import pytest

from devstack.virtualcloud import boot
from devstack.virtualcloud.boot import After, Device, Override, Stage

NONE = Override()


@pytest.mark.parametrize(("override", "bootable", "device", "left"), [
    (NONE, True, Device.DISK, NONE),
    (NONE, False, Device.NETWORK, NONE),
    (Override("pxe", True), True, Device.NETWORK, NONE),
    (Override("pxe", False), True, Device.NETWORK, Override("pxe", False)),
    (Override("hdd", True), True, Device.DISK, NONE),
    (Override("hdd", True), False, Device.NETWORK, NONE),
    (Override("cd", True), True, Device.DISK, NONE),
    (Override("cd", False), False, Device.NETWORK, Override("cd", False)),
])
def test_boot_order(override, bootable, device, left):
    assert boot.choose_device(override, bootable) == (device, left)


@pytest.mark.parametrize(("status", "after"), [
    (0, After.POWER_OFF), (133, After.BOOT), (1, After.CRASHED), (137, After.CRASHED), (None, After.CRASHED),
])
def test_what_follows_the_end_of_a_system(status, after):
    assert boot.after_exit(status) is after


def test_polling_starts_at_one_second_and_never_exceeds_three():
    pauses = [boot.poll_interval_ms(polls) for polls in range(100)]
    assert pauses[0] == 1000
    assert pauses == sorted(pauses)
    assert max(pauses) == 3000


def test_retries_back_off_to_eight_seconds():
    assert [boot.retry_interval_ms(failures) for failures in (1, 2, 3, 4, 50)] == [1000, 2000, 4000, 8000, 8000]


def test_a_frozen_host_is_shown_as_hung():
    assert boot.shown_stage(Stage.UP, True) is Stage.HUNG
    assert boot.shown_stage(Stage.UP, False) is Stage.UP
