# SPDX-License-Identifier: Apache-2.0
"""Options by alarm id: read, checked, changed while the daemons run."""
from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import cfg

from fm.conf import lifecycle, options
from fm.core.flapping import FlapLimits
from fm.core.policy import LifePolicy


def conf_of(tmp_path: Path, *lines: str) -> cfg.ConfigOpts:
    (tmp_path / "fm.conf").write_text("\n".join(["[fm]", *lines]))
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(tmp_path / "fm.conf")], default_config_dirs=[])
    options.register(conf)
    lifecycle.register(conf)
    return conf


def test_nothing_waits_by_default(tmp_path: Path) -> None:
    policy = lifecycle.life_policy(conf_of(tmp_path))
    assert policy == LifePolicy()


def test_by_alarm_id(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, "raise_hold_off_s = 100.101:30, 200.004:10", "clear_hold_off_s = 100.101:5",
                   "flap_changes_max = 300.001:4", "flap_window_s = 60", "log_unchanged_set = true",
                   "stale_after_s = 100.103:900")
    policy = lifecycle.life_policy(conf)
    assert policy == LifePolicy(True, {"100.101": 30, "200.004": 10}, {"100.101": 5}, FlapLimits({"300.001": 4}, 60))
    assert conf.fm.stale_after_s == {"100.103": 900}


@pytest.mark.parametrize("value", ["100.101", "100.101:0", "100.101:-5", "100.101:x", "host:5", "100.101:100000"])
def test_what_is_no_duration_by_id_is_refused(tmp_path: Path, value: str) -> None:
    conf = conf_of(tmp_path, f"raise_hold_off_s = {value}")
    with pytest.raises((cfg.ConfigFileValueError, ValueError)):
        lifecycle.life_policy(conf)


def test_a_reload_brings_new_values(tmp_path: Path) -> None:
    conf = conf_of(tmp_path, "raise_hold_off_s = 100.101:30")
    assert lifecycle.life_policy(conf).raise_hold_off_s == {"100.101": 30}
    (tmp_path / "fm.conf").write_text("[fm]\nraise_hold_off_s =\nflap_changes_max = 100.101:3\n")
    conf.mutate_config_files()
    assert lifecycle.life_policy(conf) == LifePolicy(flaps=FlapLimits({"100.101": 3}))


def test_every_option_is_explained_and_may_change() -> None:
    ((group, found),) = lifecycle.list_opts()
    assert group == "fm" and all(option.help and option.mutable for option in found)
