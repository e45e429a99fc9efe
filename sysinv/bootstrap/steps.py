# SPDX-License-Identifier: Apache-2.0
"""Bootstrap of the first controller: a list of named steps, each of which is safe to repeat."""
from __future__ import annotations

import datetime
import http.client
import ipaddress
import pwd
import secrets as random
import socket
import time
import urllib.request
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3

from flock import tls
from flock.auth.secrets import SecretBox
from flock.conf import shared
from flock.core.errors import DeadlineExceeded, Refused
from flock.exec.atomic import replace_file
from flock.exec.process import run
from sm.client.running import wait_active
from sysinv.bootstrap import accounts, management, moving, render
from sysinv.bootstrap import bus as bus_rendering
from sysinv.bootstrap.answers import Answers, load
from sysinv.bootstrap.authority import check_not_rotated
from sysinv.bootstrap.catalog import ensure_catalog
from sysinv.bootstrap.certificates import ROLES, authority_files, certificate_files
from sysinv.bootstrap.front import KEYSTONE_PORT, published_apis
from sysinv.bootstrap.secrets import SystemSecrets, load_or_create
from sysinv.model.busaccounts import BUS_PORT
from sysinv.model.hostfiles import AUTHORITIES_FILE, PRIVATE, PUBLIC, RenderedFile
from sysinv.model.hostname import CONTROLLER_0

KEYSTONE_BIN = "/opt/flock/keystone/bin"
CONF_DIR = Path("/etc/flock")
MANAGEMENT_KEY = CONF_DIR / "sm.key"
SUBSYSTEMS = ("fm", "sysinv", "mtce", "patching")
POSTGRESQL_VERSION = "15"
COMMAND_TIMEOUT_S = 120.0
PORT_TIMEOUT_S = 120.0
START_TIMEOUT_S = 300.0
UNIT_OF_MANAGEMENT = "flock-sm"
UNITS_FOLLOWING = ("flock-follow.path", "flock-follow.timer")
UNITS_ENABLED = ("flock-config", UNIT_OF_MANAGEMENT, "flock-mtce-heartbeat", "flock-sysinv-agent", "flock-mtce-agent",
                 "flock-patching-boot", "flock-patching-agent", *UNITS_FOLLOWING)
"""What systemd starts; service management starts the rest."""
UNITS_MANAGED = ("rabbitmq-server", "flock-front", "flock-keystone-cache", "flock-keystone", "flock-fm-manager",
                 "flock-fm-api", "flock-sysinv-conductor", "flock-sysinv-api", "flock-dnsmasq", "flock-mtce-conductor",
                 "flock-mtce-api", "flock-patching-conductor", "flock-patching-api", "flock-patching-orchestrator",
                 "flock-patching-vim-api")


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Input of every step. ``bin_dir`` has the product's programs, ``share_dir`` its unit files."""

    answers: Answers
    answers_file: Path
    secrets: SystemSecrets
    bin_dir: Path
    share_dir: Path
    hostname: str = CONTROLLER_0


Step = tuple[str, Callable[[Bootstrap], None]]


def systemctl(*words: str) -> None:
    """Run systemctl with a timeout."""
    run(["systemctl", "--no-ask-password", *words], timeout_s=COMMAND_TIMEOUT_S)


def write_files(files: Iterable[RenderedFile]) -> None:
    """Write each file atomically with its mode."""
    for file in files:
        replace_file(Path(file.path), file.content, file.mode)


def wait_port(host: str, port: int, timeout_s: float = PORT_TIMEOUT_S) -> None:
    """Wait until the port accepts connections; DeadlineExceeded names the port."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with socket.create_connection((host, port), timeout=1.0):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(what=f"start of the service on {host}:{port}", timeout_s=timeout_s) from None
            time.sleep(0.1)


def wait_answer(url: str, timeout_s: float = PORT_TIMEOUT_S) -> None:
    """Wait until a GET of ``url`` succeeds; DeadlineExceeded names the URL."""
    deadline = time.monotonic() + timeout_s
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls.client_context(AUTHORITIES_FILE)))
    while True:
        try:
            with opener.open(url, timeout=5.0):
                return
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise DeadlineExceeded(what=f"start of the service at {url}", timeout_s=timeout_s) from None
            time.sleep(0.1)


def host_identity(boot: Bootstrap) -> None:
    """Configure host name, addresses and platform facts."""
    own_addresses(boot)
    write_files([render.platform_conf(boot.answers, boot.hostname, None)])
    for network in boot.answers.networks:
        if network.floating_address:
            # Servers that the next steps start bind to it; later service management sets and removes it.
            # The kernel wants the scope of the other address of the network, which systemd-networkd has set.
            scope = "link" if ipaddress.ip_address(network.floating_address).is_link_local else "global"
            run(["ip", "address", "replace", f"{network.floating_address}/{network.prefix}", "dev", network.interface,
                 "scope", scope], timeout_s=10)


def own_addresses(boot: Bootstrap) -> None:
    """Configure host name and the controller's own addresses, and wait until it has them."""
    write_files(render.host_files(boot.answers, boot.hostname))
    run(["hostname", boot.hostname], timeout_s=10)
    systemctl("enable", "systemd-networkd")
    systemctl("restart", "systemd-networkd")
    deadline = time.monotonic() + 30
    while missing := [address for network in boot.answers.networks
                      if (address := network.own_address(boot.hostname)) and not _has_address(address)]:
        if time.monotonic() > deadline:
            raise DeadlineExceeded(what=f"configuration of {', '.join(missing)}", timeout_s=30)
        time.sleep(0.1)


def _has_address(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def unit_files(boot: Bootstrap) -> None:
    """Install the product's systemd units and go-enabled tests; disable what service management starts."""
    units = sorted((boot.share_dir / "systemd").glob("*.*"))
    if not units:
        raise Refused(detail=f"No unit files in {boot.share_dir}/systemd. Install the package stx-flock again.")
    write_files(RenderedFile(f"/etc/systemd/system/{unit.name}", PUBLIC, unit.read_text())
                for unit in units)
    write_files(RenderedFile(f"/etc/goenabled.d/{test.name}", 0o755, test.read_text())
                for test in sorted((boot.share_dir / "goenabled.d").glob("*")))
    systemctl("disable", *UNITS_MANAGED)
    systemctl("daemon-reload")


def certificates(boot: Bootstrap) -> None:
    """Make the certificate authority, unless there is one, and new keys and certificates of this host's services."""
    now = datetime.datetime.now(datetime.UTC)
    trusted, directory = Path(AUTHORITIES_FILE), shared.AUTHORITY
    if not (directory / "ca.key").exists():
        write_files(authority_files(boot.answers, now))
    elif not (directory / "ca.crt").exists():
        replace_file(directory / "ca.crt", trusted.read_bytes())
    replace_file(trusted, (directory / "ca.crt").read_bytes())
    authority = tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    for role in ROLES:
        if role.package and boot.answers.database != role.package:
            continue
        files = certificate_files(role, authority, boot.answers, boot.hostname, now)
        for file in files:
            replace_file(Path(file.path), file.content, file.mode,
                         pwd.getpwnam(role.user).pw_uid if file.mode == PRIVATE else None)


def bus(boot: Bootstrap) -> None:
    """Configure and start RabbitMQ; does not wait until it is ready."""
    bus_files(boot)
    systemctl("restart", "--no-block", "rabbitmq-server")


def bus_files(boot: Bootstrap, *, keep: Collection[Path] = ()) -> None:
    """Configure RabbitMQ and stop it; files in ``keep`` stay as they are."""
    made = bus_rendering.bus_files(boot.answers, boot.secrets, random.token_bytes(4), boot.hostname)
    write_files(file for file in made if Path(file.path) not in keep)
    cookie = Path("/var/lib/rabbitmq/.erlang.cookie")
    write_files([RenderedFile(str(cookie), 0o400, boot.secrets.erlang_cookie)])
    for path in (cookie, shared.BUS_DEFINITIONS):
        run(["chown", "rabbitmq:rabbitmq", str(path)], timeout_s=10)
    systemctl("daemon-reload")
    systemctl("stop", "rabbitmq-server", "epmd.service", "epmd.socket")
    systemctl("start", "epmd.socket")


def databases(boot: Bootstrap) -> None:
    """Create the schemas of Keystone and of every subsystem, in one process each, in parallel."""
    service_files(boot)
    if boot.answers.database == "postgresql":
        _create_postgresql_databases(boot)
    with ThreadPoolExecutor(max_workers=3) as pool:
        work = [pool.submit(_keystone_schema, boot.answers)]
        work += [pool.submit(_subsystem_schema, boot.bin_dir / f"{name}-dbsync") for name in SUBSYSTEMS]
        for item in work:
            item.result()


def service_files(boot: Bootstrap, *, keep: Collection[Path] = ()) -> None:
    """Configure Keystone and the subsystems, and make their directories; files in ``keep`` stay as they are."""
    made = [*render.service_files(boot.answers, boot.secrets, boot.hostname),
            *render.keystone_files(boot.answers, boot.secrets)]
    write_files(file for file in made if Path(file.path) not in keep)
    for directory in ("keystone", "flock/fm", "flock/sysinv", "flock/mtce", "flock/patching"):
        Path("/var/lib", directory).mkdir(parents=True, exist_ok=True, mode=0o700)


def postgresql_files(boot: Bootstrap) -> None:
    """Make the cluster unless there is one, and configure it."""
    cluster = Path(f"/etc/postgresql/{POSTGRESQL_VERSION}/main")
    if not cluster.exists():
        run(["pg_createcluster", POSTGRESQL_VERSION, "main", "--locale", "C.UTF-8"], timeout_s=COMMAND_TIMEOUT_S)
    write_files([RenderedFile(str(cluster / "pg_hba.conf"), PUBLIC, render.DATABASE_ACCESS),
                 RenderedFile(str(cluster / "conf.d/flock.conf"), PUBLIC,
                              render.database_conf(boot.answers, boot.hostname))])
    # Debian's default, but what createcluster.conf says on this host counts.
    run(["pg_conftool", POSTGRESQL_VERSION, "main", "set", "include_dir", "conf.d"], timeout_s=30)


def _create_postgresql_databases(boot: Bootstrap) -> None:
    postgresql_files(boot)
    systemctl("disable", "postgresql", f"postgresql@{POSTGRESQL_VERSION}-main")
    systemctl("restart", f"postgresql@{POSTGRESQL_VERSION}-main")
    psql = ["runuser", "-u", "postgres", "--", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-At"]
    known = run([*psql, "-c", "select rolname from pg_roles union select datname from pg_database"], timeout_s=30,
                cwd="/").out.split()
    verb = "ALTER" if "flock" in known else "CREATE"
    # On standard input, because every user of the host can see an argument list.
    run(psql, timeout_s=30, cwd="/", input=f"{verb} ROLE flock LOGIN PASSWORD '{boot.secrets.database_password}';\n")
    for name in ("keystone", *SUBSYSTEMS):
        if name not in known:
            run([*psql, "-c", f"CREATE DATABASE {name} OWNER flock"], timeout_s=60, cwd="/")


def keystone_manage(*words: str) -> list[str]:
    """Return the argument list of keystone-manage with the system's configuration."""
    return [f"{KEYSTONE_BIN}/keystone-manage", "--config-file", "/etc/keystone/keystone.conf", *words]


def _subsystem_schema(program: Path) -> None:
    run([str(program)], timeout_s=COMMAND_TIMEOUT_S)


def _keystone_keys(command: str, directory: str) -> None:
    if not (shared.IDENTITY_KEYS / directory / "0").exists():
        run(keystone_manage(command, "--keystone-user", "root", "--keystone-group", "root"),
            timeout_s=COMMAND_TIMEOUT_S)


def _keystone_schema(answers: Answers) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        keys = [pool.submit(_keystone_keys, "fernet_setup", "fernet-keys"),
                pool.submit(_keystone_keys, "credential_setup", "credential-keys")]
        run(keystone_manage("db_sync"), timeout_s=COMMAND_TIMEOUT_S)
        for item in keys:
            item.result()
    urls = {"admin": answers.controller_ip, "internal": answers.controller_ip, "public": answers.public_address}
    words = ["bootstrap", "--bootstrap-region-id", answers.region_name]
    for interface, host in urls.items():
        words += [f"--bootstrap-{interface}-url", f"https://{host}:{KEYSTONE_PORT}/v3"]
    # In the environment, because every user of the host can see an argument list.
    run(keystone_manage(*words), timeout_s=COMMAND_TIMEOUT_S, env={"OS_BOOTSTRAP_PASSWORD": answers.admin_password})


def own_users(boot: Bootstrap) -> None:
    """Create the users of the services, and give each the files that it may read."""
    run(["systemd-sysusers", "-"], timeout_s=COMMAND_TIMEOUT_S, input=accounts.SYSUSERS)
    write_files([RenderedFile(accounts.TMPFILES_PATH, PUBLIC, accounts.TMPFILES)])
    run(["systemd-tmpfiles", "--create", accounts.TMPFILES_PATH], timeout_s=COMMAND_TIMEOUT_S)
    SecretBox.create(str(shared.SECRETS_KEY))
    # sysinv-conductor writes there, and its unit makes everything that exists elsewhere read-only.
    shared.BOOT_FILES.mkdir(parents=True, exist_ok=True)
    for path, owner in accounts.owned(Path("/")):
        accounts.give(path, owner)


def identity(boot: Bootstrap) -> None:
    """Start Keystone and create the flock's services, endpoints and users in it."""
    front_files(boot)
    systemctl("restart", "flock-front", "flock-keystone-cache", "flock-keystone")
    url = f"https://127.0.0.1:{KEYSTONE_PORT}/v3"
    wait_answer(url)
    auth = v3.Password(auth_url=url, username="admin", password=boot.answers.admin_password, project_name="admin",
                       user_domain_name="Default", project_domain_name="Default")
    rest = adapter.Adapter(session.Session(auth=auth, timeout=30, verify=AUTHORITIES_FILE), endpoint_override=url)
    try:
        ensure_catalog(rest, boot.answers, boot.secrets.keystone)
    except ClientException as error:
        raise Refused(detail=f"Keystone refused its set-up: {error}") from error


def front_files(boot: Bootstrap) -> None:
    """Configure the web server."""
    write_files(render.front_files(boot.answers, boot.hostname, published_apis()))


def seed(boot: Bootstrap) -> None:
    """Store the system, its networks and controller-0 in sysinv's database."""
    done = run([str(boot.bin_dir / "sysinv-dbsync"), "--seed", str(boot.answers_file)], timeout_s=COMMAND_TIMEOUT_S)
    known = dict(line.split(" ", 1) for line in done.out.splitlines() if line.startswith(f"{boot.hostname} "))
    write_files([render.platform_conf(boot.answers, boot.hostname, known[boot.hostname])])


def management_files(boot: Bootstrap, *, pair: bool = False, fencing: management.Fencing | None = None) -> None:
    """Configure service management and bring in its catalogue for this site."""
    if not MANAGEMENT_KEY.exists():
        run([str(boot.bin_dir / "sm-key"), "create"], timeout_s=COMMAND_TIMEOUT_S)
    *others, settings = management.management_files(boot.answers, boot.hostname, pair=pair, fencing=fencing)
    write_files(others)
    run([str(boot.bin_dir / "sm-configure"), "catalogue"], timeout_s=COMMAND_TIMEOUT_S)
    write_files([settings])


def services(boot: Bootstrap) -> None:
    """Have service management start everything; wait until all is active and the APIs answer through the front."""
    management_files(boot)
    wait_port("127.0.0.1", BUS_PORT)
    Path(management.CONFIGURED).touch()
    systemctl("enable", *UNITS_ENABLED)
    systemctl("start", "--no-block", *UNITS_ENABLED)
    wait_active(START_TIMEOUT_S)
    for api in published_apis():
        if api.checks_tokens:
            wait_answer(f"https://127.0.0.1:{api.port}/")


STEPS: tuple[Step, ...] = (
    ("host name, addresses, platform facts", host_identity),
    ("service units", unit_files),
    ("certificate authority and certificates", certificates),
    ("message bus", bus),
    ("databases", databases),
    ("users of the services", own_users),
    ("identity service, catalogue, service users", identity),
    ("system record, networks, controller-0", seed),
    ("fault management, configuration management, host maintenance", services),
)


def _share(answers_file: Path) -> None:
    """Keep the answers for the second controller, and take over the files of an earlier release."""
    if moving.outdated(shared.MOVED):
        # They know the old places.
        run(["systemctl", "--no-ask-password", "stop", *UNITS_MANAGED], timeout_s=COMMAND_TIMEOUT_S, check=False)
        moving.move(shared.MOVED)
    replace_file(shared.ANSWERS, answers_file.read_bytes(), PRIVATE)


def bootstrap(answers_file: Path, bin_dir: Path, share_dir: Path, say: Callable[[str], None]) -> None:
    """Run all steps in order; ``say`` gets each finished step with its duration in seconds.

    Raises InvalidInput, before anything is changed, when the answers break a rule; Refused while the certificate
    authority is replaced.
    """
    check_not_rotated(CONF_DIR)
    if management.is_paired(Path(management.SETTINGS)):
        raise Refused(detail="This system has two controllers. While the bootstrap stops service management here, the "
                      "other controller would switch this one off.")
    answers = load(answers_file)
    # The steps restart services; until they have ended, it must not take that for failures. The services go on.
    run(["systemctl", "--no-ask-password", "stop", UNIT_OF_MANAGEMENT], timeout_s=COMMAND_TIMEOUT_S, check=False)
    _share(answers_file)
    boot = Bootstrap(answers, answers_file, load_or_create(shared.SECRETS), bin_dir, share_dir)
    for title, step in STEPS:
        begun = time.monotonic()
        step(boot)
        say(f"{title} ({time.monotonic() - begun:.1f} s)")
