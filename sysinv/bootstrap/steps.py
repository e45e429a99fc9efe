# SPDX-License-Identifier: Apache-2.0
"""Bootstrap of the first controller: a list of named steps, each of which is safe to repeat."""
from __future__ import annotations

import datetime
import http.client
import pwd
import secrets as random
import socket
import time
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3

from flock import tls
from flock.auth.secrets import SecretBox
from flock.core.errors import DeadlineExceeded, Refused
from flock.exec.atomic import replace_file
from flock.exec.process import run
from sysinv.bootstrap import accounts, render
from sysinv.bootstrap import bus as bus_rendering
from sysinv.bootstrap.answers import Answers, load
from sysinv.bootstrap.authority import check_not_rotated
from sysinv.bootstrap.catalog import ensure_catalog
from sysinv.bootstrap.certificates import ROLES, authority_files, certificate_files
from sysinv.bootstrap.front import KEYSTONE_PORT, published_apis
from sysinv.bootstrap.secrets import SystemSecrets, load_or_create
from sysinv.model.hostfiles import AUTHORITIES_FILE, PRIVATE, PUBLIC, TLS_DIRECTORY, RenderedFile

KEYSTONE_BIN = "/opt/flock/keystone/bin"
SECRETS_PATH = Path("/etc/flock/secrets.json")
HOSTNAME = "controller-0"
SUBSYSTEMS = ("fm", "sysinv", "mtce")
POSTGRESQL_VERSION = "15"
COMMAND_TIMEOUT_S = 120.0
PORT_TIMEOUT_S = 120.0
UNITS_BASE = ("rabbitmq-server", "flock-front", "flock-keystone-cache", "flock-keystone")
UNITS_CORE = ("flock-config", "flock-fm-manager", "flock-fm-api", "flock-sysinv-conductor", "flock-sysinv-api",
              "flock-dnsmasq", "flock-mtce-heartbeat", "flock-mtce-conductor", "flock-mtce-api",
              "flock-sm-api")
UNITS_AGENTS = ("flock-sysinv-agent", "flock-mtce-agent")


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Input of every step. ``bin_dir`` has the product's programs, ``share_dir`` its unit files."""

    answers: Answers
    answers_file: Path
    secrets: SystemSecrets
    bin_dir: Path
    share_dir: Path


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
    write_files(render.host_files(boot.answers, HOSTNAME))
    write_files([render.platform_conf(boot.answers, HOSTNAME, None)])
    run(["hostname", HOSTNAME], timeout_s=10)
    systemctl("enable", "systemd-networkd")
    systemctl("restart", "systemd-networkd")
    wanted = [address for network in boot.answers.networks
              for address in (network.controller0_address, network.floating_address) if address]
    deadline = time.monotonic() + 30
    while missing := [address for address in wanted if not _has_address(address)]:
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
    """Install the product's systemd units and go-enabled tests."""
    units = sorted((boot.share_dir / "systemd").glob("*.*"))
    if not units:
        raise Refused(detail=f"No unit files in {boot.share_dir}/systemd. Install the package stx-flock again.")
    write_files(RenderedFile(f"/etc/systemd/system/{unit.name}", PUBLIC, unit.read_text())
                for unit in units)
    write_files(RenderedFile(f"/etc/goenabled.d/{test.name}", 0o755, test.read_text())
                for test in sorted((boot.share_dir / "goenabled.d").glob("*")))
    systemctl("daemon-reload")


def certificates(boot: Bootstrap) -> None:
    """Make the certificate authority, unless there is one, and new keys and certificates of this host's services."""
    now = datetime.datetime.now(datetime.UTC)
    directory = Path(TLS_DIRECTORY)
    if not (directory / "ca.key").exists():
        write_files(authority_files(boot.answers, now))
    authority = tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    for role in ROLES:
        if role.package and boot.answers.database != role.package:
            continue
        files = certificate_files(role, authority, boot.answers, HOSTNAME, now)
        for file in files:
            replace_file(Path(file.path), file.content, file.mode,
                         pwd.getpwnam(role.user).pw_uid if file.mode == PRIVATE else None)


def bus(boot: Bootstrap) -> None:
    """Configure and start RabbitMQ; does not wait until it is ready."""
    write_files(bus_rendering.bus_files(boot.answers, boot.secrets, random.token_bytes(4), HOSTNAME))
    cookie = Path("/var/lib/rabbitmq/.erlang.cookie")
    write_files([RenderedFile(str(cookie), 0o400, boot.secrets.erlang_cookie)])
    for path in (cookie, Path("/etc/rabbitmq/definitions.json")):
        run(["chown", "rabbitmq:rabbitmq", str(path)], timeout_s=10)
    systemctl("daemon-reload")
    systemctl("stop", "rabbitmq-server", "epmd.service", "epmd.socket")
    systemctl("start", "epmd.socket")
    systemctl("enable", "rabbitmq-server")
    systemctl("restart", "--no-block", "rabbitmq-server")


def databases(boot: Bootstrap) -> None:
    """Create the schemas of Keystone and of every subsystem, in one process each, in parallel."""
    write_files(render.service_files(boot.answers, boot.secrets, HOSTNAME))
    write_files(render.keystone_files(boot.answers, boot.secrets))
    for directory in ("keystone", "flock/fm", "flock/sysinv", "flock/mtce"):
        Path("/var/lib", directory).mkdir(parents=True, exist_ok=True, mode=0o700)
    if boot.answers.database == "postgresql":
        _create_postgresql_databases(boot.secrets.database_password)
    with ThreadPoolExecutor(max_workers=3) as pool:
        work = [pool.submit(_keystone_schema, boot.answers)]
        work += [pool.submit(_subsystem_schema, boot.bin_dir / f"{name}-dbsync") for name in SUBSYSTEMS]
        for item in work:
            item.result()


def _create_postgresql_databases(password: str) -> None:
    cluster = Path(f"/etc/postgresql/{POSTGRESQL_VERSION}/main")
    if not cluster.exists():
        run(["pg_createcluster", POSTGRESQL_VERSION, "main", "--locale", "C.UTF-8"], timeout_s=COMMAND_TIMEOUT_S)
    write_files([RenderedFile(str(cluster / "pg_hba.conf"), PUBLIC, render.DATABASE_ACCESS),
                 RenderedFile(str(cluster / "conf.d/flock.conf"), PUBLIC, render.database_conf())])
    # Debian's default, but what createcluster.conf says on this host counts.
    run(["pg_conftool", POSTGRESQL_VERSION, "main", "set", "include_dir", "conf.d"], timeout_s=30)
    systemctl("enable", "postgresql", f"postgresql@{POSTGRESQL_VERSION}-main")
    systemctl("restart", f"postgresql@{POSTGRESQL_VERSION}-main")
    psql = ["runuser", "-u", "postgres", "--", "psql", "-X", "-v", "ON_ERROR_STOP=1", "-At"]
    known = run([*psql, "-c", "select rolname from pg_roles union select datname from pg_database"], timeout_s=30,
                cwd="/").out.split()
    verb = "ALTER" if "flock" in known else "CREATE"
    # On standard input, because every user of the host can see an argument list.
    run(psql, timeout_s=30, cwd="/", input=f"{verb} ROLE flock LOGIN PASSWORD '{password}';\n")
    for name in ("keystone", *SUBSYSTEMS):
        if name not in known:
            run([*psql, "-c", f"CREATE DATABASE {name} OWNER flock"], timeout_s=60, cwd="/")


def keystone_manage(*words: str) -> list[str]:
    """Return the argument list of keystone-manage with the system's configuration."""
    return [f"{KEYSTONE_BIN}/keystone-manage", "--config-file", "/etc/keystone/keystone.conf", *words]


def _subsystem_schema(program: Path) -> None:
    run([str(program)], timeout_s=COMMAND_TIMEOUT_S)


def _keystone_keys(command: str, directory: str) -> None:
    if not (Path("/etc/keystone") / directory / "0").exists():
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
    SecretBox.create(str(accounts.SECRETS_KEY))
    # sysinv-conductor writes there, and its unit makes everything that exists elsewhere read-only.
    accounts.BOOT_FILES.mkdir(parents=True, exist_ok=True)
    for path, owner in accounts.owned(Path("/")):
        accounts.give(path, owner)


def identity(boot: Bootstrap) -> None:
    """Start Keystone and create the flock's services, endpoints and users in it."""
    write_files(render.front_files(boot.answers, published_apis()))
    units = ("flock-front", "flock-keystone-cache", "flock-keystone")
    systemctl("enable", *units)
    systemctl("restart", *units)
    url = f"https://127.0.0.1:{KEYSTONE_PORT}/v3"
    wait_answer(url)
    auth = v3.Password(auth_url=url, username="admin", password=boot.answers.admin_password, project_name="admin",
                       user_domain_name="Default", project_domain_name="Default")
    rest = adapter.Adapter(session.Session(auth=auth, timeout=30, verify=AUTHORITIES_FILE), endpoint_override=url)
    try:
        ensure_catalog(rest, boot.answers, boot.secrets.keystone)
    except ClientException as error:
        raise Refused(detail=f"Keystone refused its set-up: {error}") from error


def seed(boot: Bootstrap) -> None:
    """Store the system, its networks and controller-0 in sysinv's database."""
    done = run([str(boot.bin_dir / "sysinv-dbsync"), "--seed", str(boot.answers_file)], timeout_s=COMMAND_TIMEOUT_S)
    known = dict(line.split(" ", 1) for line in done.out.splitlines() if line.startswith(f"{HOSTNAME} "))
    write_files([render.platform_conf(boot.answers, HOSTNAME, known[HOSTNAME])])


def services(boot: Bootstrap) -> None:
    """Start all daemons and wait until their APIs answer through the front."""
    wait_port("127.0.0.1", bus_rendering.BUS_PORT)
    Path("/etc/platform/.initial_config_complete").touch()
    systemctl("enable", *UNITS_CORE, *UNITS_AGENTS)
    systemctl("start", "--no-block", *UNITS_CORE, *UNITS_AGENTS)
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


def bootstrap(answers_file: Path, bin_dir: Path, share_dir: Path, say: Callable[[str], None]) -> None:
    """Run all steps in order; ``say`` gets each finished step with its duration in seconds.

    Raises InvalidInput, before anything is changed, when the answers break a rule; Refused while the certificate
    authority is replaced.
    """
    check_not_rotated(SECRETS_PATH.parent)
    boot = Bootstrap(load(answers_file), answers_file, load_or_create(SECRETS_PATH), bin_dir, share_dir)
    for title, step in STEPS:
        begun = time.monotonic()
        step(boot)
        say(f"{title} ({time.monotonic() - begun:.1f} s)")
