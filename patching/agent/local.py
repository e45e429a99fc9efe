# SPDX-License-Identifier: Apache-2.0
"""Without a conductor. At the boot of a host, one installation: what it missed, or what it was ended in. Before a boot:
what boots next gets what was configured since the installation."""
from __future__ import annotations

import enum
import logging
import threading
import time

from flock.core.backoff import Backoff
from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from flock.exec import platformconf
from flock.exec.root import Root
from patching.agent import decide
from patching.agent.installer import Installer
from patching.agent.memory import Book
from patching.content.errors import FetchFailed
from patching.content.fetch import Feed
from patching.content.manifest import CURRENT, Current
from patching.contract.version import of_installation

LOG = logging.getLogger(__name__)
TIMEOUT_S = 3600
RETRY = Backoff(1.0, 4.0)


class Ended(enum.IntEnum):
    """Exit status: nothing to do or done, done and a boot is needed, failed."""

    OK = 0
    BOOT_NEEDED = 1
    FAILED = 2


def catch_up(installer: Installer, book: Book, feed: Feed, root: Root, hostname: str, wait_s: float = 0.0) -> Ended:
    """Install what the host lacks. A feed that does not answer for ``wait_s`` is no failure: there may be no controller
    yet."""
    try:
        current = _current(feed, wait_s)
        base = of_installation(platformconf.value(root, "sw_version") or "")
        order = decide.catch_up(book.memory, current, base, hostname, TIMEOUT_S)
    except InvalidInput as error:
        LOG.error("%s", error)
        return Ended.FAILED
    if order is None:
        return Ended.OK
    LOG.info("installing %s", order.version)
    result = installer.install(order, root.text("proc/sys/kernel/random/boot_id"), _told, threading.Event())
    if result.error:
        return Ended.FAILED
    return Ended.BOOT_NEEDED if result.needs_reboot else Ended.OK


def settle(installer: Installer, book: Book) -> Ended:
    """The host boots soon."""
    if book.memory.needs_reboot:
        try:
            installer.settle()
        except FlockError as error:
            LOG.error("configuration since the installation is lost at the boot: %s", error)
            return Ended.FAILED
    return Ended.OK


def _current(feed: Feed, wait_s: float) -> Current | None:
    end_s = time.monotonic() + wait_s
    for pause_s in RETRY.pauses_s():
        try:
            found: Current = codec_for(Current).decode(feed.small(CURRENT), CURRENT)
            return found
        except FetchFailed as error:
            if time.monotonic() + pause_s > end_s:
                LOG.warning("%s", error)
                return None
        time.sleep(pause_s)
    raise AssertionError("endless")


def _told(percent: int, text: str) -> None:
    LOG.info("%d %%: %s", percent, text)
