# SPDX-License-Identifier: Apache-2.0
"""Unix users of the services and the files that each of them may read.

A file that no rule names stays readable by root only.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flock.conf import shared

SHARED_GROUP = "flock"
"""May read the configuration that all services share."""
USERS = ("flock-fm", "flock-sysinv", "flock-mtce", "flock-sm", "flock-patching", "flock-keystone")
SYSUSERS = "".join([f"g {SHARED_GROUP} -\n",
                    *(f'u {user} - "Service of the flock"\n' for user in USERS),
                    *(f"m {user} {SHARED_GROUP}\n" for user in USERS if user != "flock-keystone")])
"""Input of systemd-sysusers(8)."""
FRONT_GROUP = "www-data"
"""The workers of the front, which connect to the APIs' sockets."""
SOCKETS = {"fm-api": "flock-fm", "sysinv-api": "flock-sysinv", "mtce-api": "flock-mtce", "sm-api": "flock-sm",
           "patching-api": "flock-patching", "patching-vim-api": "flock-patching",
           "keystone": "flock-keystone"}
TMPFILES_PATH = "/etc/tmpfiles.d/flock.conf"
# Not RuntimeDirectory= of the units: systemd would give it the group that also reads the service's files.
TMPFILES = "".join(["d /run/flock 0755 root root -\n",
                    *(f"d /run/flock/{name} 0710 {user} {FRONT_GROUP} -\n" for name, user in SOCKETS.items())])
"""Input of systemd-tmpfiles(8): the directories of the sockets."""


@dataclass(frozen=True, slots=True)
class Owner:
    """User, group and permission bits of a file."""

    user: str
    group: str
    mode: int


def _below(path: Path) -> str:
    return str(path.relative_to("/"))


_READ_ONLY = 0o640
RULES: tuple[tuple[str, Owner], ...] = (
    ("etc/flock/flock.conf", Owner("root", SHARED_GROUP, _READ_ONLY)),
    *((f"etc/flock/{name}.conf", Owner("root", f"flock-{name}", _READ_ONLY))
      for name in ("fm", "sysinv", "mtce", "sm", "patching")),
    *((f"etc/flock/{daemon}.conf", Owner("root", f"flock-{daemon.partition('-')[0]}", _READ_ONLY))
      for daemon in ("fm-api", "fm-manager", "sm-alarms", "sysinv-api", "mtce-api", "patching-api",
                     "patching-orchestrator", "patching-vim-api")),
    # sysinv-api seals passwords; mtce-conductor opens them, as root.
    (_below(shared.SECRETS_KEY), Owner("root", "flock-sysinv", _READ_ONLY)),
    # sysinv-api derives from it the keys of the hosts that it installs; mtce-heartbeat reads it as root.
    ("etc/flock/heartbeat.key", Owner("root", "flock-sysinv", _READ_ONLY)),
    # sysinv-api issues the certificates of the hosts that it installs.
    (_below(shared.AUTHORITY / "ca.key"), Owner("root", "flock-sysinv", _READ_ONLY)),
    ("etc/flock/tls/host.key", Owner("root", SHARED_GROUP, _READ_ONLY)),
    ("etc/keystone/keystone.conf", Owner("root", "flock-keystone", _READ_ONLY)),
    *((_below(shared.IDENTITY_KEYS / keys), Owner("flock-keystone", "flock-keystone", 0o700))
      for keys in ("fernet-keys", "credential-keys")),
    *((_below(shared.IDENTITY_KEYS / keys / "*"), Owner("flock-keystone", "flock-keystone", 0o600))
      for keys in ("fernet-keys", "credential-keys")),
)
"""Pattern of the path below the root, and the owner."""


def owned(root: Path) -> Iterator[tuple[Path, Owner]]:
    """Yield each existing file below ``root`` that a rule names, with its owner."""
    for pattern, owner in RULES:
        for path in sorted(root.glob(pattern)):
            yield path, owner


def give(path: Path, owner: Owner) -> None:
    """Set owner and permission bits; OSError (also for a symbolic link) or LookupError when that is not possible."""
    # A service that owns the directory could have put a link there, to a file that no rule gives it.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # First the bits of nobody, so that the new owner never has more than the rule grants.
        os.chmod(file, owner.mode & 0o700)
        shutil.chown(file, owner.user, owner.group)
        os.chmod(file, owner.mode)
    finally:
        os.close(file)
