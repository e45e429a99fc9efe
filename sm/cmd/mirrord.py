# SPDX-License-Identifier: Apache-2.0
"""sm-mirrord: keeps the platform directory equal on the controllers."""
from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.alone import alone
from sm.contract.mirror import PORT
from sm.mirror.control import ControlSocket
from sm.mirror.daemon import MirrorDaemon
from sm.mirror.settings import AUDIT_S, MirrorSettings, mirror_settings

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the daemon until a signal ends it. 0: ended by a signal; 1: it cannot start, with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="sm-mirrord", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Mirrors the platform directory from the active controller to the others.",
        epilog="examples:\n  sm-mirrord\n  sm-mirrord --config /etc/sm/sm.conf --directory /opt/platform\n"
               "Service management starts it with 'sm-mirror start'; 'sm-mirror status' shows what it does.")
    parser.add_argument("--config", type=Path, default=Path("/etc/sm/sm.conf"),
                        help="settings of sm-daemon (default: %(default)s)")
    parser.add_argument("--directory", type=Path, default=Path("/opt/platform"),
                        help="what is mirrored (default: %(default)s)")
    parser.add_argument("--tls", type=Path, default=Path(os.environ.get("FLOCK_CONF_DIR", "/etc/flock"), "tls"),
                        help="directory of host.crt, host.key and ca.crt (default: %(default)s)")
    parser.add_argument("--state", type=Path, default=Path("/var/lib/sm/mirror"),
                        help="where unacknowledged changes are kept that gave way (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="TCP port on the management network (default: %(default)s)")
    parser.add_argument("--audit", type=float, default=AUDIT_S, metavar="SECONDS",
                        help="between two full audits (default: %(default)s)")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return _serve(mirror_settings(args.config, args.tls, args.directory, args.state, port=args.port,
                                      audit_s=args.audit))
    except (FlockError, OSError) as error:
        sys.stderr.write(f"sm-mirrord: {error}\n")
        return 1


def _serve(chosen: MirrorSettings) -> int:
    chosen.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    with alone(chosen.runtime / "mirror.lock", "Another daemon runs."):
        told, tells = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(tells)
        for number in ENDS:
            # The byte in the pipe is all that is wanted of it.
            signal.signal(number, lambda *_: None)
        return MirrorDaemon(chosen).run(
            lambda daemon: ControlSocket(chosen.runtime / "mirror", chosen.group, daemon),
            lambda limit_s: select.select([told], [], [], limit_s)[0])


if __name__ == "__main__":
    main()
