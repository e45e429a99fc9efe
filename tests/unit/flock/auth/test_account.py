# SPDX-License-Identifier: Apache-2.0
"""The options of a program's own account, with and without those of the token check."""
from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import cfg

from flock.auth import account, tokens

SETTINGS = """
[keystone_authtoken]
auth_type = password
auth_url = https://controller:5000/v3
cafile = /etc/ca.pem
region_name = RegionOne
"""


@pytest.mark.parametrize("checks_tokens", [False, True])
def test_the_options_are_the_same_in_programs_that_check_tokens(tmp_path: Path, checks_tokens: bool) -> None:
    (tmp_path / "x.conf").write_text(SETTINGS)
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(tmp_path / "x.conf")], project="x")
    if checks_tokens:
        tokens.register(conf)
    for _ in range(2):
        chosen = account.options(conf)
        assert (chosen.auth_type, chosen.cafile, chosen.region_name) == ("password", "/etc/ca.pem", "RegionOne")
        assert account.verify(chosen) == "/etc/ca.pem"
    conf.set_override("insecure", True, account.GROUP)
    assert account.verify(chosen) is False
    conf.clear_override("insecure", account.GROUP)
    conf.set_override("cafile", None, account.GROUP)
    assert account.verify(chosen) is True
