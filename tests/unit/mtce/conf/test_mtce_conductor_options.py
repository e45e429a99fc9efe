# SPDX-License-Identifier: Apache-2.0
from flock.testing.fixtures import private_conf
from mtce.conf import bmc, conductor
from mtce.core.settings import Cause, Settings


def conf(**groups):
    made = private_conf()
    conductor.register(made)
    made.set_override("platform_conf", "/nonexistent", group="conductor")
    for group, values in groups.items():
        for name, value in values.items():
            made.set_override(name, value, group=group)
    return made


def test_defaults_of_options_and_settings_are_the_same():
    assert conductor.settings(conf()) == Settings()


def test_options_reach_the_settings():
    settings = conductor.settings(conf(timers={"bmc_reset_delay_s": 5, "lazy_reboot_delay_s": 1},
                                       recovery={"ar_heartbeat_interval_s": 7, "heartbeat_failure_action": "alarm"},
                                       conductor={"system_mode": "simplex"}))
    assert (settings.bmc_reset_delay_ms, settings.lazy_reboot_delay_s, settings.simplex) == (5_000, 1, True)
    assert settings.auto_recovery[Cause.HEARTBEAT].interval_ms == 7_000
    assert settings.heartbeat_failure_action == "alarm"


def test_mode_comes_from_platform_conf(tmp_path):
    (tmp_path / "platform.conf").write_text("nodetype=controller\nsystem_mode=simplex\n")
    made = conf(conductor={"platform_conf": str(tmp_path / "platform.conf")})
    assert conductor.settings(made).simplex


def test_board_management_of_single_hosts():
    made = private_conf()
    bmc.register(made)
    assert bmc.settings(made).systems == {}
    made.set_override("redfish_systems", {"worker-0": "System_0"}, group="bmc")
    made.set_override("ipmi_legacy_boot_hosts", ["worker-1"], group="bmc")
    assert bmc.settings(made).systems == {"worker-0": "System_0"}
    assert bmc.settings(made).legacy_boot == {"worker-1"}
