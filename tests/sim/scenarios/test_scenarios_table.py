# SPDX-License-Identifier: Apache-2.0
"""The acceptance scenarios of service management by number, and the tests that run them."""
import importlib
import re

import pytest

FILES = ("services", "moves", "networks", "messages")
SCENARIOS = {
    1: ("services", "a service with a pid file is killed once"),
    2: ("services", "a critical service is killed twice within 90 s"),
    3: ("services", "the same with impact minor"),
    4: ("services", "the same with impact major"),
    5: ("services", "the same while the peer is locked"),
    6: ("services", "the stop of a critical service fails"),
    7: ("services", "16 failed transitions"),
    8: ("services", "a start exceeds its time"),
    9: ("services", "an audit reports data-syncing"),
    10: ("services", "a member of an active/active group crashes on one controller"),
    11: ("moves", "host-swact"),
    12: ("moves", "swact while the peer synchronizes data"),
    13: ("moves", "swact while a start on the peer fails"),
    14: ("moves", "lock of a sole provider"),
    15: ("moves", "lock and unlock of the standby"),
    16: ("networks", "power off of the active controller, standard"),
    17: ("networks", "power off of the active controller, all-in-one duplex"),
    18: ("moves", "reboot of the standby"),
    19: ("networks", "the management port of the active controller"),
    20: ("networks", "the management port of the standby"),
    21: ("networks", "the OAM port of the active controller"),
    22: ("networks", "the direct cable"),
    23: ("networks", "all paths, with BMCs"),
    24: ("networks", "all paths, without BMCs"),
    25: ("networks", "the active controller is isolated, standard"),
    26: ("networks", "SIGSTOP of the active daemon"),
    27: ("moves", "restart of a daemon"),
    28: ("messages", "a wrong HMAC"),
    29: ("services", "unmanaged services"),
    30: ("moves", "a service is added and removed while all runs"),
}


def names(file):
    return [name for name in vars(importlib.import_module(f"tests.sim.scenarios.test_scenarios_{file}"))
            if name.startswith("test_")]


def test_all_scenarios_are_there():
    assert sorted(SCENARIOS) == list(range(1, 31))
    found = {(int(match[1]), file) for file in FILES for name in names(file)
             if (match := re.match(r"test_scenario_(\d\d)_", name))}
    assert found == {(number, file) for number, (file, _) in SCENARIOS.items()}


@pytest.mark.parametrize("file", FILES)
def test_every_test_of_a_scenario_has_its_number(file):
    assert all(re.match(r"test_scenario_\d\d_[a-z]", name) for name in names(file))
