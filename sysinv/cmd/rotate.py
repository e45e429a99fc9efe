# SPDX-License-Identifier: Apache-2.0
"""flock-rotate: new keys, certificates, authority and passwords of the message bus, while the cloud runs."""
from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

from flock import tls
from flock.conf import conf_dir, setup, shared
from flock.core.errors import FlockError, Refused, Unavailable
from flock.db import Database, from_conf, utcnow
from sysinv.bootstrap import authority, management, rotation
from sysinv.bootstrap.front import published_apis
from sysinv.bootstrap.rotationsteps import Site, bus_steps, certificate_steps, wait_answers
from sysinv.bootstrap.steps import wait_answer
from sysinv.hosts import credentials
from sysinv.hosts.issuing import wanted_trust

EPILOG = """examples:
  flock-rotate certificates          new keys and certificates of this controller and of all hosts
  flock-rotate certificates --due    only those of this controller that expire soon
  flock-rotate bus                   new passwords of all accounts of the message bus
  flock-rotate authority             a new certificate authority, trusted beside the old one
  flock-rotate authority --finish    when all clients have the new ca.crt: the old authority is trusted no more
  flock-rotate status                when certificates end, and which hosts have not renewed yet

Run it as root on the active controller. A command that was interrupted goes on when it is run again. Nothing stops
while certificates are replaced; 'bus' restarts the daemons of this controller and the agents of the hosts. A host that
is away renews when it is back.
"""


def main() -> int:
    """Return the exit status: 0 done, 1 a step failed (reason on stderr), 2 not root or bad arguments."""
    parser = _parser()
    args = parser.parse_args()
    if args.what == "authority" and args.without and not args.finish:
        parser.error("--without needs --finish")
    if os.geteuid() != 0:
        print("flock-rotate must run as root.", file=sys.stderr)
        return 2
    try:
        with rotation.alone(conf_dir()), contextlib.ExitStack() as stack:
            database = from_conf(setup("flock-rotate", "sysinv", logging_too=False))
            stack.callback(database.dispose)
            if args.what == "status":
                _show(database)
                return 0
            _rotate(args, Site(socket.gethostname(), database, _say, args.hosts_wait, conf_dir=conf_dir(),
                               authority=shared.AUTHORITY, others=management.peers(Path(management.DATABASE)),
                               answers=lambda: wait_answers(wait_answer, _urls())))
    except (FlockError, OSError) as error:
        print(f"flock-rotate stopped: {error}\nRun the same command again when the cause is removed; it goes on from "
              "there.", file=sys.stderr)
        return 1
    return 0


def _rotate(args: argparse.Namespace, site: Site) -> None:
    if args.what == "certificates" and args.due:
        # A rotation of its own: it ends none that replaces everything, and none such skips what it has done. It writes
        # only files of this controller, which may be the standby one.
        rotation.carry_out("certificates --due", certificate_steps(site, only_due=True), site.progress, _say,
                           wait=lambda: None)
    elif args.what == "bus":
        rotation.carry_out("bus", bus_steps(site), site.progress, _say)
    elif args.what == "certificates":
        rotation.carry_out("certificates", certificate_steps(site, only_due=False), site.progress, _say)
    else:
        _rotate_authority(replace(site, without=frozenset(args.without)), finish=args.finish)


def _rotate_authority(site: Site, *, finish: bool) -> None:
    begin = authority.begin_steps(site)
    steps = [*begin, *authority.finish_steps(site)]
    if finish:
        if not authority.begun(site, rotation.load(site.progress)):
            raise Refused(detail="The new authority is not trusted everywhere yet. Run 'flock-rotate authority' first.")
        rotation.carry_out(authority.KIND, steps, site.progress, _say)
        print("The old authority is not trusted any more. Copy "
              f"{site.tls_directory / 'ca.crt'} to the clients once more, and destroy\nyour backups of the old ca.key.")
        return
    rotation.carry_out(authority.KIND, steps, site.progress, _say, stop_after=len(begin))
    for line in authority.what_is_left(site):
        print(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flock-rotate", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, said in (("certificates", "replace keys and certificates"), ("bus", "replace passwords of the bus"),
                       ("authority", "replace the certificate authority, in two stages")):
        command = commands.add_parser(name, help=said, description=said.capitalize() + ".", epilog=EPILOG,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_argument("--hosts-wait", type=float, default=300.0, metavar="SECONDS",
                             help="how long to wait for the hosts (default: 300); they renew later as well")
        if name == "certificates":
            command.add_argument("--due", action="store_true",
                                 help="only certificates of this controller that expire soon")
        if name == "authority":
            command.add_argument("--finish", action="store_true",
                                 help="second stage: the old authority is trusted no more")
            command.add_argument("--without", action="append", default=[], metavar="HOST",
                                 help="finish although this host has not confirmed; may be given several times")
    commands.add_parser("status", help="show ends of certificates and hosts that have not renewed yet")
    return parser


def _urls() -> list[str]:
    return [f"https://127.0.0.1:{api.port}/" for api in published_apis() if api.checks_tokens]


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _show(database: Database) -> None:
    site = Site(socket.gethostname(), database, _say, 0.0, conf_dir=conf_dir(), authority=shared.AUTHORITY)
    unfinished, wanted = rotation.load(site.progress), None
    if authority.begun(site, unfinished):
        print("\n".join(authority.what_is_left(site)))
    elif unfinished is not None:
        print(f"'flock-rotate {unfinished.kind}' has not ended; run it again.")
    now = datetime.datetime.now(datetime.UTC)
    for path in sorted(site.tls_directory.glob("*.crt")):
        for pem in tls.split(path.read_bytes()):
            print(_line(f"{site.hostname} {path.stem}", tls.lifetime(pem).end, now))
    with contextlib.suppress(Unavailable):
        wanted = wanted_trust(site.authority)
    with database.reader() as conn:
        hosts = credentials.stored(conn, site.hostname, utcnow(), wanted)
    for host in hosts:
        waits = f"; has not renewed: {', '.join(host.waiting)}" if host.waiting else ""
        print(_line(f"{host.hostname} host", host.certificate_end, now) + waits)


def _line(what: str, end: datetime.datetime | None, now: datetime.datetime) -> str:
    return f"{what:<32} " + ("unknown" if end is None else f"{end.date()} ({(end - now).days} days)")


if __name__ == "__main__":
    sys.exit(main())
