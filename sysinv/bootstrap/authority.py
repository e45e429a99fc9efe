# SPDX-License-Identifier: Apache-2.0
"""The steps of ``flock-rotate authority``: a new certificate authority takes the place of the old one.

First the new one is trusted beside the old one, and hosts get certificates of it; servers go on showing certificates of
the old one, so a host that was away can come back at any time. Only when every host has confirmed, the servers change,
and the old one is trusted no more.
"""
from __future__ import annotations

import datetime
import re
import tempfile
from pathlib import Path

from flock import tls
from flock.core.errors import DeadlineExceeded, Refused
from flock.exec.atomic import NEXT, replace_file, replace_kept
from flock.tls.identity import COMMON_NAME_MAX
from sysinv.bootstrap.presented import wait_admits
from sysinv.bootstrap.rotation import PROGRESS, Progress, Step, load, save
from sysinv.bootstrap.rotationsteps import (
    OTHERS_RENEW,
    Site,
    ask_hosts,
    command,
    controller_steps,
    load_servers,
    named,
    renew_others,
    signing_authority,
    wait_hosts,
    waiting_hosts,
)
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential

KIND = "authority"
OLD_KEY = "ca.key.old"
OLD_CERTIFICATE, NEW_CERTIFICATE = "old_certificate", "new_certificate"
FINISH = "flock-rotate authority --finish"
_NUMBERED = re.compile(r"(.*) (\d{1,6})")


def begin_steps(site: Site) -> list[Step]:
    """Until all hosts trust the new authority and have certificates of it."""
    return [
        ("new authority", lambda progress: _make(site, progress)),
        ("trusted here beside the old one", lambda progress: _trust_both(site, progress)),
        ("it signs from now on", lambda progress: _sign(site, progress)),
        ("hosts trust it and get certificates of it", lambda progress: _hosts_renew(site, progress)),
    ]


def finish_steps(site: Site) -> list[Step]:
    """The servers show certificates of the new authority, and nobody trusts the old one any more."""
    return [
        ("every host has confirmed", lambda _progress: _check(site)),
        *controller_steps(site, only_due=False),
        (OTHERS_RENEW, lambda progress: renew_others(site, progress)),
        ("old authority not trusted here", lambda progress: _drop(site, progress)),
        ("connections of the message bus closed; they open again", lambda _progress: command(site.disconnect)),
        ("key of the old authority removed", lambda _progress: _forget(site)),
        ("hosts do not trust the old authority", lambda _progress: wait_hosts(site, Credential.AUTHORITIES)),
    ]


def begun(site: Site, progress: Progress | None) -> bool:
    """Whether only the finish is left of the rotation ``progress``."""
    return progress is not None and progress.kind == KIND and {
        title for title, _ in begin_steps(site)} <= set(progress.done)


def check_not_rotated(conf_dir: Path) -> None:
    """Refused while the authority is replaced: other new certificates would be of one that not every host trusts."""
    found = load(conf_dir / PROGRESS)
    if found is not None and found.kind == KIND:
        raise Refused(detail=f"'flock-rotate {KIND}' has not ended. Run it and '{FINISH}', then this again.")


def what_is_left(site: Site) -> list[str]:
    """What an operator must do before the finish: lines of text."""
    lines = ["The new authority is trusted beside the old one. Before you go on:",
             f"  copy {site.tls_directory / 'ca.crt'} to every machine from which you operate the cloud (OS_CACERT);",
             "  after the finish, clients with the old file do not trust the cloud any more.",
             f"Then run '{FINISH}'."]
    if waiting := waiting_hosts(site, Credential.AUTHORITIES):
        lines.append(f"Hosts that have not confirmed yet: {named(waiting)}")
    return lines


def next_name(name: str) -> str:
    """The name of the authority after ``name``, so that names tell them apart: ``CA``, ``CA 2``, ``CA 3``."""
    found = _NUMBERED.fullmatch(name)
    text, number = (found[1], int(found[2]) + 1) if found else (name, 2)
    return f"{text[:COMMON_NAME_MAX - len(str(number)) - 1]} {number}"


def _make(site: Site, progress: Progress) -> None:
    old, key, certificate = signing_authority(site), *_next_files(site)
    try:
        complete = tls.fits(certificate.read_bytes(), key.read_bytes())
    except FileNotFoundError:
        complete = False
    if not complete:
        new = tls.Authority.create(next_name(old.name), datetime.datetime.now(datetime.UTC))
        replace_file(key, new.key_pem, 0o600)
        replace_file(certificate, new.certificate_pem, 0o644)
    progress.values[OLD_CERTIFICATE] = old.certificate_pem.decode("ascii")
    progress.values[NEW_CERTIFICATE] = certificate.read_text()
    save(site.progress, progress)


def _next_files(site: Site) -> tuple[Path, Path]:
    return site.authority / f"ca.key{NEXT}", site.authority / f"ca.crt{NEXT}"


def _trust_both(site: Site, progress: Progress) -> None:
    new = progress.values[NEW_CERTIFICATE].encode()
    _set_trusted(site, tls.joined(signing_authority(site).trusted_pem, new))
    key, _certificate = _next_files(site)
    _bus_admits(site, tls.Authority(new, key.read_bytes()), wanted=True)


def _set_trusted(site: Site, trusted: bytes) -> None:
    # In this order: a host that is told of an authority can ask for it.
    replace_kept(site.authority / "ca.crt", trusted, 0o644)
    replace_kept(site.tls_directory / "ca.crt", trusted, 0o644)
    load_servers(site, "has read its files again")


def _sign(site: Site, progress: Progress) -> None:
    authority, (key, certificate) = signing_authority(site), _next_files(site)
    if tls.fingerprint(authority.certificate_pem) != tls.fingerprint(progress.values[NEW_CERTIFICATE].encode()):
        # Kept until the bus was seen to refuse what it has signed.
        replace_file(site.authority / OLD_KEY, authority.key_pem, 0o600)
        # From here on it signs: whoever issues a certificate takes the authority of this key.
        replace_kept(site.authority / "ca.key", key.read_bytes())
    key.unlink(missing_ok=True)
    certificate.unlink(missing_ok=True)


def _hosts_renew(site: Site, progress: Progress) -> None:
    # An agent of an older release cannot confirm, but gets the authorities with its new certificate.
    ask_hosts(site, progress, Credential.CERTIFICATE)
    wait_hosts(site, Credential.AUTHORITIES)


def _check(site: Site) -> None:
    with site.db.reader() as conn:
        installing = set(credentials.installing(conn, site.hostname))
        known = {host.hostname for host in credentials.stored(conn, site.hostname, datetime.datetime.now(datetime.UTC))}
    if unknown := sorted(site.without - known - installing):
        raise Refused(detail=f"There is no host {named(unknown)}. Correct '--without'.")
    reasons = []
    if waiting := waiting_hosts(site, Credential.AUTHORITIES):
        reasons.append(f"Hosts that have not confirmed the new authority: {named(waiting)}.")
    if busy := sorted(installing - site.without):
        reasons.append(f"Hosts that are being installed: {named(busy)}.")
    if reasons:
        raise Refused(detail=" ".join([
            *reasons, "The old authority stays trusted, and nothing has changed. Bring the hosts back, or wait until "
            f"they are installed, then run '{FINISH}' again. Or delete a host, or go on without it by '--without "
            "HOST': unless it has the new authority, it is cut off and must be installed again."]))


def _drop(site: Site, progress: Progress) -> None:
    _set_trusted(site, signing_authority(site).certificate_pem)
    old = site.authority / OLD_KEY
    try:
        authority = tls.Authority(progress.values[OLD_CERTIFICATE].encode(), old.read_bytes())
    except OSError as error:
        raise Refused(detail=f"{old} cannot be read: {error}. It is needed to see that the message bus refuses "
                             "certificates of the old authority.") from error
    try:
        _bus_admits(site, authority, wanted=False)
    except DeadlineExceeded as error:
        raise Refused(detail=f"{error} It still takes certificates of the old authority. Run 'sm-restart-safe "
                             f"service rabbit', then '{FINISH}' again.") from error


def _bus_admits(site: Site, authority: tls.Authority, *, wanted: bool) -> None:
    """See whether the message bus takes a client's certificate of ``authority``, with one that nobody else has."""
    for server in site.servers:
        if server.role == "rabbitmq" and site.pair(server.role).certificate.exists():
            with tempfile.TemporaryDirectory(prefix="flock-rotate-") as directory:
                pair = tls.Pair(Path(directory), "probe")
                pair.key.touch(0o600)
                pair.key.write_bytes(tls.new_key())
                pair.certificate.write_bytes(authority.issue(
                    tls.new_request(pair.key.read_bytes(), "flock-rotate"), tls.Usage.CLIENT, "flock-rotate", [],
                    datetime.datetime.now(datetime.UTC), days=1))
                wait_admits(wanted, server.port, str(site.tls_directory / "ca.crt"), str(pair.certificate),
                            str(pair.key))
            site.say(f"    {server.role} {'takes' if wanted else 'refuses'} certificates of "
                     f"{authority.name}")


def _forget(site: Site) -> None:
    (site.authority / OLD_KEY).unlink(missing_ok=True)
