# SPDX-License-Identifier: Apache-2.0
"""A new password in a configuration file changes that and nothing else."""
from __future__ import annotations

import configparser

import pytest

from flock.core.errors import Refused
from sysinv.model import busconf

TEXT = """\
# Written by hand: transport_url = nothing
[DEFAULT]
debug = true
transport_url = rabbit://host.worker-0:old%2Fword@controller:5671/

[oslo_messaging_rabbit]
ssl = true

[bus_admin]
url = http://127.0.0.1:15672
password = old
audit_interval_s = 7

[keystone_authtoken]
password = another
"""


def test_only_the_password_changes() -> None:
    changed = busconf.with_password(TEXT, "flock.conf", "host.worker-0", "ne/w$word")
    assert busconf.password_of(busconf.transport_url(changed, "flock.conf")) == "ne/w$word"
    assert [(old, new) for old, new in zip(TEXT.splitlines(), changed.splitlines(), strict=True) if old != new] == [
        ("transport_url = rabbit://host.worker-0:old%2Fword@controller:5671/",
         "transport_url = rabbit://host.worker-0:ne%2Fw%24word@controller:5671/")]


def test_only_the_administrators_password_changes() -> None:
    known = configparser.RawConfigParser()
    known.read_string(busconf.with_admin_password(TEXT, "sysinv-conductor.conf", "new"))
    assert known["bus_admin"]["password"] == "new" and known["keystone_authtoken"]["password"] == "another"
    assert known["bus_admin"]["audit_interval_s"] == "7"


@pytest.mark.parametrize("text", ["", "[DEFAULT]\n# transport_url = rabbit://a:b@c/\n",
                                  "[bus_admin]\n\n[x]\npassword = y\n"])
def test_a_file_without_the_option_is_named(text: str) -> None:
    with pytest.raises(Refused, match=r"flock\.conf has no transport_url.*flock-bootstrap"):
        busconf.with_password(text, "flock.conf", "host.worker-0", "word")
    with pytest.raises(Refused, match=r"c\.conf has no \[bus_admin\] password"):
        busconf.with_admin_password(text, "c.conf", "word")
