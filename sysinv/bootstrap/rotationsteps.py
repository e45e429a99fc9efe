# SPDX-License-Identifier: Apache-2.0
"""The steps of ``flock-rotate``: new certificates of this controller and of the hosts, new accounts of the bus."""
from __future__ import annotations

import datetime
import json
import secrets as random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flock import tls
from flock.conf import shared
from flock.core.errors import DeadlineExceeded, Refused
from flock.db import Database, utcnow
from flock.exec.atomic import replace_file, replace_kept
from flock.exec.process import run
from flock.rpc.accounts import SALT_BYTES, host_account, service_account
from flock.rpc.login import accepted
from sm.client.running import unmanaged
from sysinv.bootstrap import bus, following, management
from sysinv.bootstrap.certificates import ROLES
from sysinv.bootstrap.front import KEYSTONE_PORT
from sysinv.bootstrap.presented import shown_by, wait_presented
from sysinv.bootstrap.rotation import PROGRESS, Progress, Step, save
from sysinv.bootstrap.secrets import KEY_BYTES, SystemSecrets
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.model import busaccounts, busconf

POSTGRESQL_VERSION = "15"
COMMAND_TIMEOUT_S = 120.0
POLL_S = 1.0
NAMED_MAX = 20
BUS_KEY, RENEWAL, SHOWN = "bus_key", "renewal", "shown by"
OTHERS_RENEW = "the other controller renews the certificates of its servers"
RESTARTED = ("flock-fm-manager", "flock-fm-api", "flock-sysinv-conductor", "flock-sysinv-api", "flock-mtce-conductor",
             "flock-mtce-api", "flock-patching-conductor", "flock-patching-api", "flock-patching-orchestrator",
             "flock-patching-vim-api", "flock-sm-alarms", "flock-sysinv-agent", "flock-mtce-agent",
             "flock-patching-agent")
"""The units that read a password of the bus at their start."""
MANAGED = ("fm-mgr", "fm-api", "sysinv-conductor", "sysinv-inv", "mtc-agent", "mtce-api",
           "patching-conductor", "patching-api", "patching-orchestrator", "patching-vim-api")
"""Those that service management runs, by its names."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of this controller: the role of its certificate, its port, and the command that makes it load a new
    certificate without dropping connections."""

    role: str
    port: int
    reload: tuple[str, ...]


SERVERS = (
    Server("front", KEYSTONE_PORT, ("systemctl", "--no-ask-password", "reload", "flock-front")),
    # RabbitMQ reads the files at each new connection, after its cache of them is empty.
    Server("rabbitmq", busaccounts.BUS_PORT, ("rabbitmqctl", "--quiet", "eval", "ssl:clear_pem_cache().")),
    Server("postgresql", management.DATABASE_PORT,
           ("systemctl", "--no-ask-password", "reload", f"postgresql@{POSTGRESQL_VERSION}-main")),
)
IMPORT = ("rabbitmqctl", "--quiet", "import_definitions")
# A few at a time, so that hosts do not all come back in one moment.
DISCONNECT = ("rabbitmqctl", "--quiet", "close_all_connections", "--global", "--per-connection-delay", "5",
              "the certificate authority was replaced")
RESTART = ("systemctl", "--no-ask-password", "try-restart", *RESTARTED)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the rotation works. ``hosts_wait_s``: how long to wait for hosts; those that are away renew later.

    ``without``: names of hosts that nothing waits for. ``others``: the other controllers, and their addresses on the
    management network.
    """

    hostname: str
    db: Database
    say: Callable[[str], None]
    hosts_wait_s: float
    conf_dir: Path = Path("/etc/flock")
    secrets: Path = shared.SECRETS
    definitions: Path = shared.BUS_DEFINITIONS
    authority: Path = shared.AUTHORITY
    servers: tuple[Server, ...] = SERVERS
    import_definitions: tuple[str, ...] = IMPORT
    restart: tuple[str, ...] = RESTART
    disconnect: tuple[str, ...] = DISCONNECT
    without: frozenset[str] = frozenset()
    others: Mapping[str, str] = field(default_factory=dict)
    answers: Callable[[], None] = lambda: None

    @property
    def progress(self) -> Path:
        """The rotation that has not ended."""
        return self.conf_dir / PROGRESS

    @property
    def tls_directory(self) -> Path:
        """Keys and certificates."""
        return self.conf_dir / "tls"

    def pair(self, role: str) -> tls.Pair:
        """Key and certificate of one role."""
        return tls.Pair(self.tls_directory, role)


def certificate_steps(site: Site, *, only_due: bool) -> list[Step]:
    """Replace keys and certificates of this controller, then of the hosts. ``only_due``: only those of this controller
    that are due; the conductor asks the hosts by itself."""
    steps = controller_steps(site, only_due=only_due)
    if not only_due:
        steps.append((OTHERS_RENEW, lambda progress: renew_others(site, progress)))
        steps.append(("hosts renew their certificates",
                      lambda progress: _hosts(site, progress, Credential.CERTIFICATE)))
    return steps


def controller_steps(site: Site, *, only_due: bool) -> list[Step]:
    """Replace keys and certificates of this controller, all or those that are due."""
    return [
        ("new keys and certificates", lambda _progress: _issue(site, only_due=only_due)),
        ("keys and certificates put in place", lambda _progress: _install(site)),
        ("servers load and show them", lambda _progress: load_servers(site)),
    ]


def renew_others(site: Site, progress: Progress) -> None:
    """Have the other controllers renew the certificates of their servers, and wait at most ``hosts_wait_s`` until their
    databases show new ones. Each does it as soon as it has the order; one that is away when it is back."""
    if not site.others:
        return
    if RENEWAL not in progress.values:
        progress.values.update({f"{SHOWN} {name}": _shown(site, name) for name in site.others})
        progress.values[RENEWAL] = random.token_hex(8)
        # Before anybody renews: a repetition must neither ask again nor take a new certificate for an old one.
        save(site.progress, progress)
    replace_file(site.conf_dir / following.DONE, f"{progress.values[RENEWAL]}\n")
    following.order_renewal(site.authority, progress.values[RENEWAL])
    deadline = time.monotonic() + site.hosts_wait_s
    while waiting := [name for name in site.others
                      if _shown(site, name) in ("", progress.values.get(f"{SHOWN} {name}", ""))]:
        if time.monotonic() > deadline:
            site.say(f"    not yet: {named(waiting)}, which renews them when it has all data")
            return
        time.sleep(POLL_S)
    site.say(f"    {named(sorted(site.others))} shows its new certificate")


def _shown(site: Site, name: str) -> str:
    host = site.pair("host")
    return shown_by(site.others[name], name, management.DATABASE_PORT, str(site.tls_directory / "ca.crt"),
                    str(host.certificate), str(host.key))


def bus_steps(site: Site) -> list[Step]:
    """Replace the passwords of all accounts of the bus: services, administrator, this controller, then the hosts."""
    return [
        ("new passwords", lambda progress: _new_key(site, progress)),
        ("passwords written into the services' files", lambda progress: _write_passwords(site, progress)),
        ("message bus takes them", lambda _progress: _import(site)),
        ("services start with them", lambda _progress: _restart(site)),
        ("hosts set new passwords", lambda progress: _hosts(site, progress, Credential.PASSWORD)),
    ]


def command(words: tuple[str, ...]) -> None:
    """Run one of the site's commands; CommandFailed, DeadlineExceeded."""
    run(list(words), timeout_s=COMMAND_TIMEOUT_S)


def signing_authority(site: Site) -> tls.Authority:
    """The authority that signs now; Refused when it cannot be read, InvalidInput without the key's certificate."""
    directory = site.authority
    try:
        return tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(detail=f"The certificate authority in {directory} cannot be used: {error}. "
                             "Run this on the active controller.") from error


def _issue(site: Site, *, only_due: bool) -> None:
    now, authority = datetime.datetime.now(datetime.UTC), signing_authority(site)
    for role in ROLES:
        pair = site.pair(role.name)
        if not pair.certificate.exists():
            continue
        old = pair.certificate.read_bytes()
        try:
            if only_due and not tls.due(tls.lifetime(old), now):
                continue
            issued = tls.reissue(authority, old, pair.next_request(role.name), now)
        except ValueError as error:
            raise Refused(detail=f"{pair.certificate} cannot be used: {error}. Run flock-bootstrap, which makes it "
                                 "again.") from error
        pair.stage(issued)


def _install(site: Site) -> None:
    for role in ROLES:
        site.pair(role.name).install()


def load_servers(site: Site, shown: str = "shows its new certificate") -> None:
    """Make all servers read their files again, and wait until each shows its certificate; ``shown`` says so."""
    host = site.pair("host")
    for server in site.servers:
        pair = site.pair(server.role)
        if not pair.certificate.exists():
            continue
        command(server.reload)
        wait_presented(server.role, pair.certificate.read_bytes(), server.port, str(site.tls_directory / "ca.crt"),
                       str(host.certificate), str(host.key), postgresql=server.role == "postgresql")
        site.say(f"    {server.role} {shown}")


def _new_key(site: Site, progress: Progress) -> None:
    progress.values.setdefault(BUS_KEY, random.token_hex(KEY_BYTES))
    # Before anything uses it: a repetition must not make another.
    save(site.progress, progress)


def _write_passwords(site: Site, progress: Progress) -> None:
    stored = site.secrets
    secrets = replace(_secrets(site), bus_key=progress.values[BUS_KEY])
    changed: dict[Path, str] = {}
    passwords = bus.passwords(secrets, site.hostname)
    for name, account in _accounts(site).items():
        path = site.conf_dir / name
        changed[path] = busconf.with_password(_text(path), name, account, passwords[account])
    conductor = site.conf_dir / "sysinv-conductor.conf"
    changed[conductor] = busconf.with_admin_password(changed[conductor], conductor.name, bus.admin_password(secrets))
    definitions = _definitions(site, secrets)
    # Everything was read and checked; now the files change together.
    replace_kept(stored, json.dumps(asdict(secrets), indent=1))
    replace_kept(site.definitions, definitions)
    for path, text in changed.items():
        replace_kept(path, text)


def _accounts(site: Site) -> dict[str, str]:
    """The files with a transport_url, and the account in it."""
    return {"flock.conf": host_account(site.hostname)} | {
        f"{daemon}.conf": service_account(daemon) for daemon in busaccounts.SERVICES}


def _import(site: Site) -> None:
    # On standard input: sysinv-conductor may write into the file meanwhile what the bus has now.
    run(list(site.import_definitions), timeout_s=COMMAND_TIMEOUT_S, input=_definitions(site, _secrets(site)))
    host = site.pair("host")
    for name, account in _accounts(site).items():
        url = busconf.transport_url(_text(site.conf_dir / name), name)
        if not accepted(url, site.tls_directory / "ca.crt", host.certificate, host.key):
            raise Refused(detail=f"The message bus refuses the new password of {account}. "
                                 "See the log in /var/log/rabbitmq.")


def _secrets(site: Site) -> SystemSecrets:
    try:
        return SystemSecrets(**json.loads(site.secrets.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise Refused(detail=f"{site.secrets} cannot be used: {error}. Run this on the active controller.") from error


def _definitions(site: Site, secrets: SystemSecrets) -> str:
    return json.dumps(bus.definitions(secrets, random.token_bytes(SALT_BYTES), site.hostname), indent=1) + "\n"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise Refused(detail=f"{path} cannot be read: {error}. Run this on the active controller.") from error


def _restart(site: Site) -> None:
    with unmanaged(MANAGED):
        command(site.restart)
    site.answers()


def _hosts(site: Site, progress: Progress, credential: Credential) -> None:
    ask_hosts(site, progress, credential)
    wait_hosts(site, credential)


def ask_hosts(site: Site, progress: Progress, credential: Credential) -> None:
    """Ask all hosts for ``credential``, once per rotation: a repetition must not ask again those that have renewed."""
    if "hosts_asked" not in progress.values:
        credentials.want(site.db, credential, site.hostname)
        progress.values["hosts_asked"] = "yes"
        save(site.progress, progress)


def wait_hosts(site: Site, credential: Credential) -> None:
    """Wait at most ``hosts_wait_s`` for the hosts, and say which have not renewed."""
    deadline, told = time.monotonic() + site.hosts_wait_s, -1
    while waiting := waiting_hosts(site, credential):
        if len(waiting) != told:
            told = len(waiting)
            site.say(f"    {told} hosts have not renewed yet")
        if time.monotonic() > deadline:
            site.say(f"    not yet: {named(waiting)}")
            site.say("    They renew when they are reachable. 'flock-rotate status' shows them.")
            return
        time.sleep(POLL_S)


def waiting_hosts(site: Site, credential: Credential) -> list[str]:
    """The names of the hosts that have not renewed, in order, but for those that the site goes on without."""
    wanted = None
    if credential is Credential.AUTHORITIES:
        authority = signing_authority(site)
        wanted = tls.trust_word(authority.trusted_pem, authority.certificate_pem)
    with site.db.reader() as conn:
        return [host.hostname for host in credentials.stored(conn, site.hostname, utcnow(), wanted)
                if credential in host.waiting and host.hostname not in site.without]


def named(hosts: list[str]) -> str:
    """The first names of a list, for a message."""
    return ", ".join(hosts[:NAMED_MAX]) + (" ..." if len(hosts) > NAMED_MAX else "")


def wait_answers(wait_one: Callable[[str], None], urls: list[str]) -> None:
    """Wait until every URL answers; DeadlineExceeded names the one that does not, and where to look."""
    for url in urls:
        try:
            wait_one(url)
        except DeadlineExceeded as error:
            raise Refused(detail=f"{error} See 'journalctl -u flock-*', then run the command again.") from error
