# SPDX-License-Identifier: Apache-2.0
"""The units of two controllers in a real systemd: the standby follows what both share, and pairing leaves service
management running."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock.testing.services.process import wait_for
from tests.functional.sm.plugins.conftest import SystemdHost, systemd_host

__all__ = ["systemd_host"]
UNITS = Path(__file__).parents[3] / "etc/systemd"
WATCHED = ("/opt/platform/flock/secrets.json", "/opt/platform/flock/authority/ca.crt",
           "/opt/platform/flock/authority/ca.key", "/opt/platform/flock/authority/renewal", "/etc/flock/tls/ca.crt")
RUNS = "/run/follow-runs"


def put(host: SystemdHost, path: str, text: str) -> None:
    """Replace a file as the mirror does: under another name, then renamed into place."""
    command = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1.half" && mv "$1.half" "$1"'
    host.run("sh", "-c", command, "sh", path, text)


def runs(host: SystemdHost) -> int:
    return int(host.run("sh", "-c", f"cat {RUNS} 2>/dev/null | wc -l"))


@pytest.fixture
def following(systemd_host: SystemdHost) -> SystemdHost:
    """The units as shipped; instead of the program a line is written."""
    service = (UNITS / "flock-follow.service").read_text().replace(
        "/opt/flock/venv/bin/flock-bootstrap --follow", f"/bin/sh -c 'echo run >> {RUNS}; ! rm /run/fails 2>/dev/null'")
    put(systemd_host, "/etc/systemd/system/flock-follow.service", service)
    put(systemd_host, "/etc/systemd/system/flock-follow.path", (UNITS / "flock-follow.path").read_text())
    put(systemd_host, "/etc/platform/.initial_config_complete", "")
    for path in WATCHED[:-2]:
        put(systemd_host, path, "old")
    systemd_host.run("systemctl", "daemon-reload")
    systemd_host.run("systemctl", "start", "flock-follow.path")
    return systemd_host


def test_each_shared_file_that_is_replaced_or_new_starts_the_work(following: SystemdHost) -> None:
    for path in WATCHED:
        before = runs(following)
        put(following, path, "new")
        wait_for(lambda before=before: runs(following) > before, 20, f"a run after {path} was replaced")
        wait_for(lambda: following.run("systemctl", "show", "-P", "ActiveState", "flock-follow").strip() == "inactive",
                 20, "the end of the run")


def test_a_run_that_fails_is_repeated(following: SystemdHost) -> None:
    before = runs(following)
    following.run("touch", "/run/fails")
    put(following, WATCHED[0], "newer")
    wait_for(lambda: runs(following) >= before + 2, 40, "a second run")


PAIRS = ("systemctl restart flock-sm", "systemctl stop flock-sm; exit 1", "systemctl stop flock-sm; kill -9 $$")


@pytest.mark.parametrize("work", PAIRS)
def test_however_the_pairing_ends_service_management_runs(systemd_host: SystemdHost, work: str) -> None:
    """Its own unit is ordered after the one that it restarts, which must not wait for it."""
    host = systemd_host
    put(host, "/etc/systemd/system/flock-sm.service", "[Service]\nExecStart=/bin/sleep 1d\n")
    put(host, "/etc/systemd/system/flock-pair.service", (UNITS / "flock-pair.service").read_text().replace(
        "/opt/flock/venv/bin/flock-bootstrap --pair", f"/bin/sh -c '{work.replace('$$', '$$$$')}'"))
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "flock-sm")
    before = host.processes("flock-sm.service")
    host.run("systemctl", "start", "--no-block", "flock-pair")
    wait_for(lambda: host.processes("flock-sm.service") not in ([], before), 20, "service management to run anew")
    wait_for(lambda: host.run("systemctl", "show", "-P", "ActiveState", "flock-pair").strip() in ("inactive", "failed"),
             20, "the end of the pairing")
    assert host.run("systemctl", "is-active", "flock-sm").strip() == "active"
