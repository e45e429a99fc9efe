# SPDX-License-Identifier: Apache-2.0
"""A local user of a controller reaches no cache, key or configuration; services have their own users."""
from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.services.keystone import KeystoneServer
from sysinv.bootstrap import accounts, front, render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.secrets import generate

UNITS = Path(__file__).parents[2] / "etc/systemd"
OWN_USER = {"flock-keystone": "flock-keystone", "flock-keystone-cache": "flock-keystone", "flock-fm-api": "flock-fm",
            "flock-fm-manager": "flock-fm", "flock-sysinv-api": "flock-sysinv", "flock-mtce-api": "flock-mtce",
            "flock-sm-api": "flock-sm", "flock-sm-alarms": "flock-sm", "flock-patching-api": "flock-patching",
            "flock-patching-orchestrator": "flock-patching", "flock-patching-vim-api": "flock-patching"}
EXPOSURE_MAX = {**dict.fromkeys(OWN_USER, 2.0), "flock-sysinv-conductor": 3.0, "flock-mtce-conductor": 3.0,
                "flock-mtce-heartbeat": 3.0, "flock-fm-snmp-agent": 3.0, "flock-dnsmasq": 3.5, "flock-front": 3.5,
                "flock-sm-mirror": 4.5}
"""Exposure level by systemd-analyze security, 0 to 10."""
NOT_CONFINED = {"flock-mtce-agent", "flock-sysinv-agent", "flock-patching-agent", "flock-patching-boot",
                "flock-patching-conductor", "flock-config", "flock-rotate",
                "flock-sm", "flock-join", "flock-pair", "flock-follow"}
STRANGER, OWNER = 64_001, 64_002
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")


def unit_names() -> list[str]:
    return sorted(path.stem for path in UNITS.glob("*.service"))


def service(name: str) -> dict[str, list[str]]:
    """The options of the unit's [Service] section; an option that is repeated has several values."""
    found: dict[str, list[str]] = {}
    text = (UNITS / f"{name}.service").read_text().partition("[Service]\n")[2].partition("\n[")[0]
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_every_unit_is_judged_here():
    assert set(unit_names()) <= set(EXPOSURE_MAX) | NOT_CONFINED


@pytest.mark.parametrize("name", OWN_USER)
def test_service_has_its_own_user_and_no_capability(name):
    options = service(name)
    assert options["User"] == [OWN_USER[name]]
    assert OWN_USER[name] in accounts.USERS
    assert options["CapabilityBoundingSet"] == [""]
    assert "AmbientCapabilities" not in options


def test_only_a_service_and_the_front_enter_the_directory_of_its_socket():
    lines = [line.split() for line in accounts.TMPFILES.splitlines()]
    directories = {path: (mode, user, group) for _, path, mode, user, group, _ in lines}
    apis = front.published_apis()
    assert {os.path.dirname(api.socket) for api in apis} == set(directories) - {"/run/flock"}
    for api in apis:
        directory = os.path.dirname(api.socket)
        name = f"flock-{os.path.basename(directory)}"
        assert directories[directory] == ("0710", OWN_USER[name], accounts.FRONT_GROUP)
        assert directory in service(name)["ReadWritePaths"]
        assert "RuntimeDirectory" not in service(name)


@pytest.mark.parametrize("name", sorted(set(unit_names()) - set(OWN_USER)))
def test_unit_that_runs_as_root_says_why(name):
    assert re.search(r"^# .*\b[Rr]oot\b", (UNITS / f"{name}.service").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(unit_names()) & set(EXPOSURE_MAX)))
def test_exposure_by_systemd_is_below_its_limit(name, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    out = subprocess.run([program, "security", "--offline=true", str(UNITS / f"{name}.service")], capture_output=True,
                         text=True, timeout=60, check=False).stdout
    level = re.search(rf"Overall exposure level for {name}\.service: ([0-9.]+)", out)
    assert level is not None, out
    assert float(level[1]) <= EXPOSURE_MAX[name]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all users may enter, unlike pytest's."""
    made = Path(tempfile.mkdtemp(prefix="flock-confinement-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@as_root
def test_local_user_cannot_open_the_cache_of_keystone(folder):
    if not KeystoneServer.available():
        pytest.fail("Keystone is missing") if os.environ.get("FLOCK_REQUIRE_SERVICES") else pytest.skip("no Keystone")
    unit = service("flock-keystone-cache")
    directory = folder / "run"
    directory.mkdir(mode=int(unit["RuntimeDirectoryMode"][0], 8))
    os.chown(directory, OWNER, OWNER)
    conf = configparser.RawConfigParser()
    conf.read_string(next(file.content for file in render.keystone_files(parse({"admin_password": "correct-horse"}),
                                                                         generate())
                          if file.path.endswith("keystone.conf")))
    server = conf["cache"]["memcache_servers"]
    product, path = server.removeprefix("unix:"), str(directory / "cache.sock")
    assert f"/run/{unit['RuntimeDirectory'][0]}/cache.sock" == product
    argv = shlex.split(unit["ExecStart"][0].replace(product, path))
    cache = subprocess.Popen(argv, user=OWNER, group=OWNER, extra_groups=[])
    try:
        deadline = time.monotonic() + 10
        while not os.path.exists(path):
            assert time.monotonic() < deadline, "memcached does not listen"
            time.sleep(0.01)
        code = ("import memcache, sys; c = memcache.Client([sys.argv[1]]); "
                "print(bool(c.set('k', 'v')), c.get('k'))")
        python = str(KeystoneServer.venv() / "bin/python")

        def said(user: int) -> str:
            return subprocess.run([python, "-W", "ignore", "-c", code, server.replace(product, path)], user=user,
                                  group=user, extra_groups=[], capture_output=True, text=True, timeout=60, cwd="/",
                                  check=True).stdout.strip()

        assert said(OWNER) == "True v"
        assert said(STRANGER) == "False None"
        # The folder keeps strangers out, and the socket does so by itself.
        directory.chmod(0o755)
        assert said(STRANGER) == "False None"
    finally:
        cache.kill()
        cache.wait(10)


KEYS = ("opt/platform/keystone/fernet-keys", "opt/platform/keystone/credential-keys")


@pytest.fixture
def system(folder, monkeypatch) -> dict[str, int]:
    """Users by systemd-sysusers, files as the bootstrap writes them; returns user ids by name."""
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is not installed")
    for directory in ("etc/flock/tls", "etc/keystone", "opt/platform/flock/authority", *KEYS):
        (folder / directory).mkdir(parents=True)
    subprocess.run(["systemd-sysusers", f"--root={folder}", "-"], input=accounts.SYSUSERS, text=True, timeout=60,
                   check=True)
    ids = {}
    for kind in ("passwd", "group"):
        rows = [line.split(":") for line in (folder / "etc" / kind).read_text().splitlines()]
        ids[kind] = {"root": 0, **{row[0]: int(row[2]) for row in rows}}
    monkeypatch.setattr(accounts.shutil, "chown",
                        lambda path, user, group: os.chown(path, ids["passwd"][user], ids["group"][group]))
    answers, secrets = parse({"admin_password": "correct-horse"}), generate()
    for file in (*render.service_files(answers, secrets, "controller-0"), *render.keystone_files(answers, secrets)):
        path = folder / file.path.lstrip("/")
        path.write_text(file.content)
        path.chmod(file.mode)
    for name in ("secrets.key", "secrets.json"):
        (folder / "opt/platform/flock" / name).write_text("key")
        (folder / "opt/platform/flock" / name).chmod(0o600)
    (folder / "opt/platform/keystone/fernet-keys/0").write_text("key")
    for name in ("opt/platform/flock/authority/ca", "etc/flock/tls/front", "etc/flock/tls/host",
                 "etc/flock/tls/rabbitmq"):
        (folder / f"{name}.key").touch(0o600)
        (folder / f"{name}.key").write_text("key")
    for path, owner in accounts.owned(folder):
        accounts.give(path, owner)
    return ids["passwd"] | {"group": ids["group"]["flock"]}


def readable(folder: Path, user: int, groups: list[int]) -> set[str]:
    script = "for f in $(cat); do { head -c1 $f > /dev/null; } 2> /dev/null && echo $f; done; true"
    files = [str(path) for path in (folder / "etc/flock").rglob("*.*")] + [
        str(path) for path in (folder / "opt/platform/flock").rglob("*.*")] + [
        str(folder / "etc/keystone/keystone.conf"), str(folder / "opt/platform/keystone/fernet-keys/0")]
    out = subprocess.run(["sh", "-c", script], user=user, group=user, extra_groups=groups, input="\n".join(files),
                         capture_output=True, text=True, timeout=60, check=True, cwd="/").stdout
    return {Path(line).name for line in out.split()}


@as_root
def test_each_user_reads_its_own_files_and_a_stranger_none(folder, system):
    shared = [system["group"]]
    every = {"flock.conf", "host.key"}
    assert readable(folder, STRANGER, []) == set()
    assert readable(folder, system["flock-fm"], shared) == every | {"fm.conf", "fm-api.conf", "fm-manager.conf"}
    assert readable(folder, system["flock-mtce"], shared) == every | {"mtce.conf", "mtce-api.conf"}
    assert readable(folder, system["flock-sysinv"], shared) == every | {
        "sysinv.conf", "sysinv-api.conf", "secrets.key", "heartbeat.key", "ca.key"}
    assert readable(folder, system["flock-keystone"], []) == {"keystone.conf", "0"}
