# SPDX-License-Identifier: Apache-2.0
"""The command line program: global options, authentication, logging, exit codes."""
from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cliff.app import App
from cliff.commandmanager import CommandManager

from flock.cli import scan
from flock.cli.client import ApiClient, client_for
from flock.cli.commands import positive_seconds
from flock.cli.completion import BashCompletion, Complete
from flock.cli.credentials import TIMEOUT_DEFAULT_S, Credentials
from flock.cli.errors import ApiError, CliError, UsageError
from flock.cli.output import stdout_closed_quietly
from flock.cli.tokens import Keyring, SessionKeyring, TokenCache

EXIT_INTERRUPTED = 130
API_VERSION = "1"

# option without "--os-", help. The environment variable is OS_<OPTION>; every option also exists with underscores.
_OS_OPTIONS = (
    ("username", "user name"),
    ("user-id", "user id"),
    ("password", "password"),
    ("tenant-id", "older name of --os-project-id"),
    ("tenant-name", "older name of --os-project-name"),
    ("project-id", "project id"),
    ("project-name", "project name"),
    ("auth-url", "URL of Keystone"),
    ("region-name", "region whose endpoints are used"),
    ("auth-token", "a token instead of user name and password"),
    ("endpoint", "URL of the API instead of the catalogue's"),
    ("user-domain-id", "domain id of the user"),
    ("user-domain-name", "domain name of the user"),
    ("project-domain-id", "domain id of the project"),
    ("project-domain-name", "domain name of the project"),
    ("service-type", "service type in the catalogue"),
    ("endpoint-type", "catalogue interface: publicURL (default), internalURL or adminURL"),
    ("cacert", "CA certificate file that verifies the servers"),
)


def plain_sentence(problem: ApiError) -> str:
    """The server's sentence; with status and request id for errors that the operator should report."""
    return problem.text if problem.status < 500 else problem.detailed()


@dataclass(frozen=True, slots=True)
class Program:
    """One command line program.

    ``url_option``/``url_env`` bypass the catalogue (``--system-url``/``SYSTEM_URL``). ``env_prefix`` is the prefix of
    the program's own variables (``SYSTEMCLIENT_DEBUG``). ``resources`` are the packages whose slices hold the
    commands. ``cache_name`` is the prefix of the key in the session keyring; empty means no cache. ``sentence``
    formats API errors. ``timeout_s``: how long it waits for one response when nobody says otherwise.
    """

    name: str
    description: str
    api_name: str
    service_type: str
    url_option: str
    url_env: str
    env_prefix: str
    resources: Sequence[str]
    cache_name: str = ""
    sentence: Callable[[ApiError], str] = plain_sentence
    timeout_s: float = TIMEOUT_DEFAULT_S


ClientFactory = Callable[[Credentials, str, str], ApiClient]


class ClientManager:
    """Makes the client at its first use, as an attribute with the same name as in the OpenStack client."""

    def __init__(self, api_name: str, make: Callable[[], ApiClient]) -> None:
        self._api_name = api_name
        self._make = make

    def __getattr__(self, name: str) -> ApiClient:
        if name != self._api_name:
            raise AttributeError(name)
        client = self._make()
        setattr(self, name, client)
        return client


class _Version(argparse.Action):
    """Reads the installed version only for ``--version``."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option_string: str | None = None) -> None:
        try:
            found = version("stx-flock")
        except PackageNotFoundError:
            found = "0"
        sys.stdout.write(f"{parser.prog} {found}\n")
        raise SystemExit(0)


class FlockShell(App):
    """A cliff application over one API."""

    flock_native = True

    def __init__(self, program: Program, environ: Mapping[str, str] | None = None,
                 make_client: ClientFactory | None = None, commands: CommandManager | None = None,
                 keyring: Keyring | None = None, **streams: Any) -> None:
        self.program = program
        self.environ = os.environ if environ is None else environ
        self.NAME = program.name
        self._make_client = make_client
        self._keyring = keyring or SessionKeyring()
        self._failure: BaseException | None = None
        super().__init__(program.description, None, commands or scan.manager(program.resources), **streams)
        for name in ("bash-completion", "bash_completion"):
            self.command_manager.add_command(name, BashCompletion)
        self.command_manager.add_command("complete", Complete)
        self.client_manager = ClientManager(program.api_name, self._client)

    def build_option_parser(self, description: str | None, version: str | None,
                            argparse_kwargs: dict[str, Any] | None = None) -> argparse.ArgumentParser:
        """The parser of the global options, which precede the command; the rest belongs to the command."""
        program, environ = self.program, self.environ
        parser = super().build_option_parser(
            description, version, {"prog": program.name, "conflict_handler": "resolve", "allow_abbrev": False})
        parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
        parser.add_argument("--debug", action="store_true", default=_flag(environ, f"{program.env_prefix}_DEBUG"),
                            help="show requests, responses and tracebacks")
        group = parser.add_argument_group("authentication")
        for option, text in _OS_OPTIONS:
            _add(group, f"os-{option}", environ.get(f"OS_{option.replace('-', '_').upper()}", ""), text)
        _add(group, program.url_option[2:], environ.get(program.url_env, ""), "URL of the API, like --os-endpoint",
             dest="program_url", env=program.url_env)
        _add(group, "ca-file", "", "older name of --os-cacert")
        _add(group, "cert-file", environ.get("OS_CERT", ""), "client certificate file", env="OS_CERT")
        _add(group, "key-file", environ.get("OS_KEY", ""), "key file of the client certificate", env="OS_KEY")
        group.add_argument("-k", "--insecure", action="store_true",
                           default=_flag(environ, f"{program.env_prefix}_INSECURE"),
                           help="do not verify the servers' certificates")
        group.add_argument("--timeout", type=positive_seconds, default=float(program.timeout_s), metavar="SECONDS",
                           help="longest wait for one response, defaults to %(default)g")
        if program.cache_name:
            env = f"{program.cache_name.upper()}_NO_CACHE"
            group.add_argument("--no-cache", action="store_true", default=_flag(environ, env),
                               help=f"neither use nor keep a token in the session keyring (env {env})")
            group.add_argument("--refresh-cache", action="store_true",
                               help="get a new token and keep that in the session keyring")
        group.add_argument("--stx-auth-type", type=partial(_one_of, ("keystone", "oidc")), metavar="TYPE",
                           default=environ.get("STX_AUTH_TYPE") or "keystone",
                           help="keystone (default), or oidc: --os-auth-token is a token of an OpenID provider "
                                "(env STX_AUTH_TYPE)")
        env = f"{program.name.upper()}_API_VERSION"
        for option, text, default in (
                (f"--{program.name}-api-version", f"version of the API, only 1 (env {env})",
                 environ.get(env) or API_VERSION),
                (f"--{program.name}_api_version", argparse.SUPPRESS, argparse.SUPPRESS)):
            group.add_argument(option, dest="api_version", type=partial(_one_of, (API_VERSION,)), metavar="VERSION",
                               default=default, help=text)
        parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        return parser

    def configure_logging(self) -> None:
        """Log errors to stderr as plain sentences; with --debug also requests (keystoneauth masks tokens)."""
        console = logging.StreamHandler(self.stderr)
        console.setLevel(logging.DEBUG if self.options.debug else logging.ERROR)
        console.setFormatter(logging.Formatter("%(message)s"))
        root = logging.getLogger("")
        root.handlers[:] = [console]
        root.setLevel(logging.DEBUG if self.options.debug else logging.WARNING)
        if self.options.log_file:
            to_file = logging.FileHandler(self.options.log_file)
            to_file.setFormatter(logging.Formatter(self.LOG_FILE_MESSAGE_FORMAT))
            root.addHandler(to_file)
        logging.getLogger("stevedore").setLevel(logging.WARNING)

    def run(self, argv: list[str]) -> int:
        """Run one command: 0 success, 1 error, 2 usage, 130 interrupted."""
        try:
            self.options = self.parser.parse_args(argv)
            self.interactive_mode = False
            self.configure_logging()
            if not self.options.command:
                self.run_subcommand(["help"])
                return 0
            return int(self.run_subcommand(self.options.command) or 0)
        except BrokenPipeError:
            return 0  # the reader has closed the pipe
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED

    def run_subcommand(self, argv: list[str]) -> int:
        try:
            self.command_manager.find_command(argv)
        except ValueError:
            self._say_unknown(argv[0])
            return UsageError.exit_code
        result: int = super().run_subcommand(argv)
        if isinstance(self._failure, CliError):
            return self._failure.exit_code
        if isinstance(self._failure, argparse.ArgumentTypeError):
            return UsageError.exit_code
        return result

    def clean_up(self, cmd: Any, result: int, err: BaseException | None) -> None:
        self._failure = err

    def _say_unknown(self, name: str) -> None:
        self.stderr.write(f"{self.NAME}: {name!r} is not a command. See '{self.NAME} --help'.\n")
        near = self.get_fuzzy_matches(name)
        if near:
            self.stderr.write("Did you mean one of these?\n" + "".join(f"  {match}\n" for match in near))

    def _client(self) -> ApiClient:
        service_type = self.options.os_service_type or self.program.service_type
        given = credentials(self.options)
        if self._make_client is not None:
            return self._make_client(given, service_type, self.program.url_option)
        return client_for(given, service_type, self.program.url_option, self._token_cache(given, service_type))

    def _token_cache(self, given: Credentials, service_type: str) -> TokenCache | None:
        if not self.program.cache_name or self.options.no_cache:
            return None
        name = f"{self.program.cache_name}:session:{given.username or given.user_id}"
        return TokenCache(self._keyring, name, service_type, self.options.refresh_cache)


def credentials(options: argparse.Namespace) -> Credentials:
    """The parsed global options as credentials."""
    return Credentials(
        auth_url=options.os_auth_url, username=options.os_username, password=options.os_password,
        user_id=options.os_user_id, token=options.os_auth_token, oidc=options.stx_auth_type == "oidc",
        project_id=options.os_project_id or options.os_tenant_id,
        project_name=options.os_project_name or options.os_tenant_name,
        user_domain_id=options.os_user_domain_id, user_domain_name=options.os_user_domain_name,
        project_domain_id=options.os_project_domain_id, project_domain_name=options.os_project_domain_name,
        region_name=options.os_region_name, interface=_interface(options.os_endpoint_type),
        endpoint=options.program_url or options.os_endpoint, cacert=options.os_cacert or options.ca_file,
        cert=options.cert_file, key=options.key_file, insecure=options.insecure, timeout_s=options.timeout)


def _interface(endpoint_type: str) -> str:
    return endpoint_type.removesuffix("URL") or "public"


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


def _one_of(known: Sequence[str], text: str) -> str:
    """argparse type: one of ``known``."""
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is not known; known: {', '.join(known)}")
    return text


def _add(group: Any, option: str, default: str, text: str, dest: str | None = None, env: str | None = None) -> None:
    """Add ``--option`` and, hidden from the help, the same option with underscores."""
    dest = dest or option.replace("-", "_")
    env = env or (option.replace("-", "_").upper() if option.startswith("os-") else None)
    group.add_argument(f"--{option}", dest=dest, default=default, metavar="VALUE",
                       help=f"{text} (env {env})" if env else text)
    group.add_argument(f"--{option.replace('-', '_')}", dest=dest, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(program: Program, argv: Sequence[str] | None = None) -> int:
    """Run a program with ``argv`` (by default the process's arguments); returns the exit code."""
    code = FlockShell(program).run(list(sys.argv[1:] if argv is None else argv))
    return stdout_closed_quietly(told=code != 0) or code
