# SPDX-License-Identifier: Apache-2.0
"""Users of the services: what systemd is told, which files each gets, and how a file is given without a gap."""
import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from sysinv.bootstrap import accounts
from sysinv.bootstrap.accounts import FRONT_GROUP, RULES, SHARED_GROUP, SOCKETS, USERS, Owner, give, owned

ME, MINE = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
SECRETS = {
    "etc/flock/flock.conf": "flock", "etc/flock/fm.conf": "flock-fm", "etc/flock/fm-api.conf": "flock-fm",
    "etc/flock/fm-manager.conf": "flock-fm", "etc/flock/sysinv.conf": "flock-sysinv",
    "etc/flock/sysinv-api.conf": "flock-sysinv", "etc/flock/mtce.conf": "flock-mtce",
    "etc/flock/mtce-api.conf": "flock-mtce", "etc/flock/patching.conf": "flock-patching",
    "etc/flock/patching-api.conf": "flock-patching", "etc/flock/patching-orchestrator.conf": "flock-patching",
    "etc/flock/patching-vim-api.conf": "flock-patching", "opt/platform/flock/secrets.key": "flock-sysinv",
    "etc/flock/heartbeat.key": "flock-sysinv", "opt/platform/flock/authority/ca.key": "flock-sysinv",
    "etc/flock/tls/host.key": "flock", "etc/keystone/keystone.conf": "flock-keystone"}
ROOTS_OWN = ["opt/platform/flock/secrets.json", "etc/flock/sysinv-conductor.conf", "etc/flock/mtce-conductor.conf",
             "etc/flock/tls/rabbitmq.key", "etc/flock/tls/front.key", "etc/keystone/other.conf", "flock.conf",
             "etc/flock/tls/x/host.key", "opt/platform/keystone/fernet-keys/deep/0"]


def bits(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_systemd_makes_all_users_and_keystone_shares_no_configuration() -> None:
    lines = accounts.SYSUSERS.splitlines()
    assert lines[0] == "g flock -"
    assert [line.split()[1] for line in lines if line.startswith("u ")] == list(USERS)
    members = {tuple(line.split()[1:]) for line in lines if line.startswith("m ")}
    assert members == {(user, SHARED_GROUP) for user in ("flock-fm", "flock-sysinv", "flock-mtce", "flock-sm",
                                                      "flock-patching")}
    assert accounts.SYSUSERS.endswith("\n") and len(lines) == 1 + len(USERS) + len(members)


def test_a_directory_for_each_socket_is_entered_by_its_service_and_the_front_only() -> None:
    first, *others = accounts.TMPFILES.splitlines()
    assert first == "d /run/flock 0755 root root -"
    assert others == [f"d /run/flock/{name} 0710 {user} {FRONT_GROUP} -" for name, user in SOCKETS.items()]
    assert set(SOCKETS.values()) == set(USERS) and accounts.TMPFILES.endswith("\n")


def test_no_rule_lets_others_in_or_a_service_write_what_root_made() -> None:
    known = {"root", *USERS}
    for pattern, owner in RULES:
        assert owner.user in known and owner.group in {SHARED_GROUP, *USERS}, pattern
        assert owner.mode & 0o007 == 0 and owner.mode & 0o020 == 0, pattern
        assert owner.user == "root" or pattern.startswith("opt/platform/keystone/")


def test_each_secret_goes_to_the_group_of_its_reader_and_what_no_rule_names_stays(tmp_path: Path) -> None:
    touch(tmp_path, *SECRETS, *ROOTS_OWN)
    found = {str(path.relative_to(tmp_path)): owner for path, owner in owned(tmp_path)}
    assert {name: found.pop(name) for name in SECRETS} == {
        name: Owner("root", group, 0o640) for name, group in SECRETS.items()}
    assert set(found) == {"opt/platform/keystone/fernet-keys", "opt/platform/keystone/fernet-keys/deep"}


@pytest.mark.parametrize("keys", ["fernet-keys", "credential-keys"])
def test_keystone_owns_its_keys_and_their_directory_which_comes_first(tmp_path: Path, keys: str) -> None:
    touch(tmp_path, *(f"opt/platform/keystone/{keys}/{number}" for number in (2, 0, 1)))
    user = "flock-keystone"
    directory = tmp_path / "opt/platform/keystone" / keys
    assert list(owned(tmp_path)) == [
        (directory, Owner(user, user, 0o700)),
        *((directory / str(number), Owner(user, user, 0o600)) for number in range(3))]


def test_a_root_without_files_has_none_to_give(tmp_path: Path) -> None:
    assert list(owned(tmp_path)) == []


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o400])
def test_a_file_gets_owner_and_bits(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.key"
    path.touch(0o666)
    path.chmod(0o666)
    give(path, Owner(ME, MINE, mode))
    assert bits(path) == mode
    assert (path.owner(), path.group()) == (ME, MINE)


def test_a_directory_is_given_as_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.mkdir(0o755)
    give(path, Owner(ME, MINE, 0o700))
    assert bits(path) == 0o700


def test_nobody_else_can_read_while_the_owner_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "x.key", []
    path.touch()
    path.chmod(0o664)

    def chown(file: int, user: str, group: str) -> None:
        seen.append((os.fstat(file).st_ino, user, group, bits(path)))

    monkeypatch.setattr(accounts.shutil, "chown", chown)
    give(path, Owner("root", "flock-fm", 0o640))
    assert seen == [(path.stat().st_ino, "root", "flock-fm", 0o600)]
    assert bits(path) == 0o640


@pytest.mark.parametrize("owner", [Owner("no-such-user", MINE, 0o640), Owner(ME, "no-such-group", 0o640)])
def test_an_unknown_user_or_group_leaves_the_file_to_its_owner_alone(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "x.key"
    path.touch()
    path.chmod(0o644)
    opened = os.listdir("/proc/self/fd")
    with pytest.raises(LookupError):
        give(path, owner)
    assert os.listdir("/proc/self/fd") == opened
    assert bits(path) == 0o600


def test_what_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        give(tmp_path / "gone", Owner(ME, MINE, 0o640))


def test_a_link_in_a_directory_of_a_service_gives_it_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.touch()
    secret.chmod(0o640)
    keys = tmp_path / "opt/platform/keystone/fernet-keys"
    keys.mkdir(parents=True)
    (keys / "9").symlink_to(secret)
    link, _ = list(owned(tmp_path))[-1]
    assert link == keys / "9"
    with pytest.raises(OSError, match="symbolic link"):
        give(link, Owner(ME, MINE, 0o600))
    assert bits(secret) == 0o640


def test_a_pipe_in_a_directory_of_a_service_does_not_stop_the_bootstrap(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o644)
    give(tmp_path / "pipe", Owner(ME, MINE, 0o600))
    assert bits(tmp_path / "pipe") == 0o600
