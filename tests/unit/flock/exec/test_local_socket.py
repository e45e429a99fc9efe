# SPDX-License-Identifier: Apache-2.0
"""The kernel says who has connected; nobody else is asked."""
import grp
import os
import socket
from pathlib import Path

import pytest

from flock.core.errors import InvalidInput
from flock.exec.localsocket import bound, is_member, peer

OTHER = next(entry for entry in grp.getgrall() if entry.gr_gid not in (os.getgid(), *os.getgroups()))


def connected(path: Path, groups: list[int], gid: int) -> int:
    """Connect in a child process of these groups, and judge its connection; 1: a member of the group OTHER."""
    with bound(path, "") as server:
        server.listen()
        child = os.fork()
        if child == 0:
            os.setgroups(groups)
            os.setgid(gid)
            path.chmod(0o666)
            with socket.socket(socket.AF_UNIX) as talk:
                talk.connect(str(path))
                talk.recv(1)
            os._exit(0)
        accepted, _ = server.accept()
        with accepted:
            assert peer(accepted) == (os.getuid(), gid)
            found = is_member(OTHER.gr_name, accepted)
        os.waitpid(child, 0)
    return found


@pytest.mark.skipif(os.getuid() != 0, reason="only root may change its groups")
@pytest.mark.parametrize(("groups", "gid", "member"), [
    ([], OTHER.gr_gid, True), ([7, OTHER.gr_gid], os.getgid(), True), ([7], os.getgid(), False),
    ([], os.getgid(), False)])
def test_a_process_is_in_its_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: list[int], gid: int,
                                    member: bool) -> None:
    """Without a look at the accounts, whose directory may be away."""
    monkeypatch.setattr("pwd.getpwuid", None)
    assert connected(tmp_path / "socket", groups, gid) is member


def test_a_group_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such group does not exist"):
        bound(tmp_path / "socket", "no such group")
    one, other = socket.socketpair()
    with one, other:
        assert not is_member("no such group", one)
