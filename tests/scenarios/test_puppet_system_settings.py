# SPDX-License-Identifier: Apache-2.0
"""What system-wide settings do on a host, with the real Puppet above a private /etc and /home."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.exec.process import Completed
from sysinv.agent import puppet
from tests.functional.sysinv.test_puppet_modules import HostWithUnits, clean

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/systemd-detect-virt").exists(),
                                reason="needs root for a private /etc, and systemd")
HASH = "$6$rounds=5000$abcdefgh$" + "x" * 86
OTHER = "$y$j9T$abcdefghijkl$" + "y" * 43
USERS, LOGS = "platform::users", "platform::remotelogging"


class PrivateHost(HostWithUnits):
    """A host whose /home and /usr/sbin/rsyslogd are private too; without ``rsyslog`` it has none."""

    rsyslog = False

    def run(self, argv: list[str], **more: Any) -> Completed:
        program = "/bin/true" if self.rsyslog else "/dev/null"
        hide = ("mount -t tmpfs tmpfs /home && mount -t tmpfs tmpfs /mnt && cp -a /usr/sbin/. /mnt/ && "
                f"rm -f /mnt/rsyslogd && {{ test {program} = /dev/null || cp {program} /mnt/rsyslogd; }} && "
                "mount --bind /mnt /usr/sbin && exec \"$@\"")
        return super().run(["sh", "-c", hide, "sh", *argv], **more)

    def password(self, value: str | None, **params: Any) -> puppet.Outcome:
        names = {f"{USERS}::params::sysadmin_password_{name}": each for name, each in params.items()}
        secret = {} if value is None else {f"{USERS}::params::sysadmin_password": value}
        return puppet.apply(self.directory, (USERS,), {"secure_system": secret, "system": names}, self.run)

    def shadow(self) -> list[str]:
        """Return the fields of the user's entry."""
        (line,) = [line for line in self.text("shadow").splitlines() if line.startswith("sysadmin:")]
        return line.split(":")

    def logs(self, **params: Any) -> puppet.Outcome:
        return self.apply({f"{LOGS}::params::{name}": value for name, value in params.items()}, LOGS)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PrivateHost]:
    yield PrivateHost(tmp_path)


def test_the_password_of_the_system_becomes_that_of_the_host(host: PrivateHost) -> None:
    assert clean(host.password(None, signature="")).changed == 0
    assert not (host.etc / "shadow").exists() or "sysadmin:" not in host.text("shadow")
    assert clean(host.password(HASH, max_age=90, last_change=19700, signature="one")).changed > 0
    assert (host.shadow()[1], host.shadow()[2], host.shadow()[4]) == (HASH, "19700", "90")
    assert host.text("platform/user.signature") == "one\n"
    assert (host.etc / "platform/user.signature").stat().st_mode & 0o777 == 0o600
    assert clean(host.password(OTHER, max_age=45, last_change=19701, signature="two")).changed > 0
    assert (host.shadow()[1], host.shadow()[2], host.shadow()[4]) == (OTHER, "19701", "45")
    assert host.text("platform/user.signature") == "two\n"


def test_the_same_password_changes_nothing_and_no_record_of_a_run_has_it(host: PrivateHost) -> None:
    clean(host.password(HASH, signature="one"))
    # The home is private to each run.
    second = clean(host.password(HASH, signature="one"))
    assert second.failures == {}
    assert host.shadow()[1] == HASH
    with_hash = [path for path in host.directory.rglob("*") if path.is_file() and HASH in path.read_text("latin-1")]
    assert [path.name for path in with_hash] == ["secure_system.yaml"]
    assert {path.stat().st_mode & 0o077 for path in with_hash} == {0}


def test_without_the_secret_the_host_keeps_its_password(host: PrivateHost) -> None:
    clean(host.password(HASH, signature="one"))
    clean(host.password(None, signature="two", max_age=1))
    assert host.shadow()[1] == HASH
    assert host.text("platform/user.signature") == "one\n"


def test_a_log_server_becomes_a_file_of_rsyslog_and_goes_with_it(host: PrivateHost) -> None:
    host.rsyslog = True
    name = "rsyslog.d/60-flock-remote.conf"
    assert clean(host.logs(enabled=True, ip_address="10.0.0.9", port=514, transport="udp")).changed > 0
    assert 'target="10.0.0.9" port="514"' in host.text(name)
    assert 'protocol="udp"' in host.text(name)
    assert "StreamDriver" not in host.text(name)
    assert clean(host.logs(enabled=True, ip_address="10.0.0.9", port=514, transport="udp")).changed == 0
    clean(host.logs(enabled=True, ip_address="fd00::9", port=6514, transport="tcp"))
    assert 'target="fd00::9" port="6514"\n  protocol="tcp"\n  action' in host.text(name)
    clean(host.logs(enabled=False))
    assert not (host.etc / name).exists()
    assert clean(host.logs(enabled=False)).changed == 0


def test_tls_shows_the_hosts_certificate_and_needs_its_driver(host: PrivateHost) -> None:
    host.rsyslog = True
    outcome = host.logs(enabled=True, ip_address="10.0.0.9", port=6514, transport="tls", key_file="/etc/ssl/host.pem")
    assert outcome.error == ""
    text = host.text("rsyslog.d/60-flock-remote.conf")
    assert 'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"' in text
    assert 'StreamDriver.KeyFile="/etc/ssl/host.pem" StreamDriver.CertFile="/etc/ssl/host.pem"' in text
    if not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")):
        assert "rsyslog-gnutls" in outcome.failures[LOGS]


def test_a_host_without_rsyslog_says_so(host: PrivateHost) -> None:
    outcome = host.logs(enabled=True, ip_address="10.0.0.9", port=514, transport="udp")
    assert "rsyslog is installed" in outcome.failures[LOGS]
    clean(host.logs(enabled=False))
