# SPDX-License-Identifier: Apache-2.0
"""The lab's daemon: the one process that runs a lab. It may be killed at any time; the next one adopts the hosts."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from devstack.virtualcloud import probe, process
from devstack.virtualcloud.control import REQUEST_BYTES_MAX, Control
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.lab import Lab
from devstack.virtualcloud.site import Site

LOG = logging.getLogger(__name__)
LOG_BYTES_MAX = 4 * 1024 * 1024


def parse(argv: list[str]) -> Site:
    """Return the site from the command line."""
    parser = argparse.ArgumentParser(prog="flock-labd", description="Owns a virtual cloud.")
    default = Site()
    parser.add_argument("--state-dir", type=Path, default=default.state_dir)
    parser.add_argument("--prefix", default=default.prefix)
    parser.add_argument("--image-dir", type=Path, default=default.image_dir)
    parser.add_argument("--code-dir", type=Path, default=default.code_dir)
    given = parser.parse_args(argv)
    return Site(given.state_dir, given.prefix, given.image_dir, given.code_dir).checked()


async def serve(site: Site) -> None:
    """Run the lab until a signal arrives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    lab = Lab(site)
    await lab.start()
    site.socket.unlink(missing_ok=True)
    old_mask = os.umask(0o177)
    try:
        control = Control(lab, stop.set)
        server = await asyncio.start_unix_server(control.serve, path=site.socket, limit=REQUEST_BYTES_MAX)
    finally:
        os.umask(old_mask)
    LOG.info("serving %s with %d hosts", site.state_dir, len(lab.machines))
    await stop.wait()
    server.close()
    site.socket.unlink(missing_ok=True)
    await lab.leave()
    LOG.info("stopped")


def main(argv: list[str] | None = None) -> int:
    """Run the daemon; returns 1 and prints one line on standard error when it cannot start."""
    try:
        site = parse(sys.argv[1:] if argv is None else argv)
        probe.check_machine(site.state_dir)
    except LabError as exc:
        sys.stderr.write(f"flock-labd: {exc.text}\n")
        return exc.status
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    with site.pid_file.open("a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"flock-labd: another daemon owns {site.state_dir}\n")
            return 1
        stream.truncate(0)
        stream.write(f"{os.getpid()} {process.start_ticks(os.getpid())}\n")
        stream.flush()
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
        try:
            asyncio.run(serve(site))
        except LabError as exc:
            sys.stderr.write(f"flock-labd: {exc.text}\n")
            return exc.status
        site.pid_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
