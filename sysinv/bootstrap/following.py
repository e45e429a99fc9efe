# SPDX-License-Identifier: Apache-2.0
"""The standby controller makes its own files anew when what both controllers share has changed: after a rotation of the
bus's passwords, of certificates or of the authority, which runs on the active controller."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flock import tls
from flock.conf import shared
from flock.core.errors import InvalidInput, Refused
from flock.exec.atomic import replace_file, replace_kept
from sm.contract.mirror import ACTIVE_MARK, SOCKET
from sysinv.bootstrap.certificates import ROLES
from sysinv.model.hostfiles import RenderedFile

RENEWAL = "renewal"
"""Beside the authority: the number of the last order to renew all certificates of servers."""
DONE = "renewal.done"
"""In the configuration of a controller: the last order that it has carried out."""
ACTIVE = Path(SOCKET).with_name(ACTIVE_MARK)
ROUNDS_MAX = 5
RESTARTED = {"sm-alarms.conf": "flock-sm-alarms"}
"""Services that run on a standby, by the file from which they read a password at their start."""


@dataclass(frozen=True, slots=True)
class Standby:
    """Where it works. ``files``: those of the services as they shall be; ``restart`` and ``reload`` get names of units.
    """

    conf_dir: Path
    authority: Path
    secrets: Path
    files: Callable[[], Iterable[RenderedFile]]
    restart: Callable[[str], None]
    reload: Callable[[str], None]
    database_unit: str
    say: Callable[[str], None]
    active: Path = ACTIVE

    def inputs(self) -> tuple[bytes, ...]:
        """What the files are made from."""
        return tuple(_content(path) for path in (self.secrets, self.authority / "ca.crt", self.authority / "ca.key",
                                                 self.authority / RENEWAL, self.conf_dir / "tls/ca.crt"))


def follow(site: Standby, now: Callable[[], datetime.datetime]) -> bool:
    """Make the files that differ. False on the active controller, where ``flock-rotate`` has made them.

    Begins again when the input changes meanwhile. Refused: it changes all the time, or the authority cannot be used.
    """
    for _ in range(ROUNDS_MAX):
        if site.active.exists():
            return False
        seen = site.inputs()
        for name in _written(site):
            if name in RESTARTED:
                site.restart(RESTARTED[name])
        renewed = _renewed(site, now())
        if renewed:
            site.say(f"new certificates: {', '.join(renewed)}")
        # It reads certificates and the authorities that it trusts only at a start and when it is told to.
        site.reload(site.database_unit)
        if site.inputs() == seen:
            return True
    raise Refused(detail=f"{shared.DIRECTORY} changes all the time.")


def order_renewal(authority: Path, number: str) -> None:
    """Have every standby renew the certificates of its servers; the file is mirrored to it. May be repeated."""
    replace_file(authority / RENEWAL, f"{number}\n", 0o644)


def _written(site: Standby) -> list[str]:
    """Write the files that differ; their names."""
    changed = []
    for file in site.files():
        path = Path(file.path)
        if _content(path) != file.content.encode():
            replace_kept(path, file.content, file.mode)
            changed.append(path.name)
    if changed:
        site.say(f"written: {', '.join(changed)}")
    return changed


def _renewed(site: Standby, now: datetime.datetime) -> list[str]:
    """Renew the certificates of servers that are due, were ordered to be renewed, or that nobody trusts any more."""
    order = _content(site.authority / RENEWAL)
    ordered = order != _content(site.conf_dir / DONE)
    try:
        authority = tls.Authority(_content(site.authority / "ca.crt"), _content(site.authority / "ca.key"))
    except (ValueError, InvalidInput) as error:
        # Key and certificates change one after the other; the next change begins a new round.
        raise Refused(detail=f"The certificate authority in {site.authority} cannot be used now: {error}") from error
    renewed = []
    for role in ROLES:
        pair = tls.Pair(site.conf_dir / "tls", role.name)
        # That of the host is renewed by its agent, like on every host.
        if role.usage is not tls.Usage.SERVER or not pair.certificate.exists():
            continue
        old = pair.certificate.read_bytes()
        if ordered or tls.due(tls.lifetime(old), now) or tls.issuer_of(old, authority.trusted_pem) is None:
            pair.stage(tls.reissue(authority, old, pair.next_request(role.name), now))
            pair.install()
            renewed.append(role.name)
    if ordered:
        replace_file(site.conf_dir / DONE, order, 0o644)
    return renewed


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
