# SPDX-License-Identifier: Apache-2.0
"""For programs that change services which the daemon of this node runs."""
from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator

from flock.core.errors import DeadlineExceeded, FlockError, Refused, Unavailable
from sm.client.control import NotRunning, ask
from sm.contract.control import SOCKET, Reply, Request, StatusReport, Verb
from sm.contract.states import GroupState

POLL_S = 0.2
MANAGE_S = 30.0
Ask = Callable[[Request], Reply]


def restart(service: str, path: str = SOCKET) -> None:
    """Have the daemon restart a service that it runs, and nothing that uses it; returns before that is done. Refused;
    Unavailable: no daemon runs."""
    ask(Request("", Verb.RESTART, service=service, alone=True), path)


@contextlib.contextmanager
def unmanaged(services: Iterable[str], path: str = SOCKET) -> Iterator[None]:
    """Keep the daemon from repairing services while the caller stops or restarts them.

    Where no daemon runs, nothing has to be kept from anything. FlockError when the daemon refuses, or runs and does not
    answer: it would start what the caller stops.
    """
    held: list[str] = []
    try:
        with contextlib.suppress(NotRunning):
            for name in services:
                _unmanage(name, held, path)
        yield
    finally:
        _manage(held, path)


def _unmanage(service: str, held: list[str], path: str) -> None:
    try:
        ask(Request("", Verb.UNMANAGE, service=service), path)
    except NotRunning:
        raise
    except Unavailable:
        # The daemon may have done it, and only its answer is missing.
        held.append(service)
        raise
    held.append(service)


def _manage(services: list[str], path: str) -> None:
    ends_s = time.monotonic() + MANAGE_S
    while services:
        try:
            ask(Request("", Verb.MANAGE, service=services[0]), path)
        except Unavailable as error:
            # The daemon may be restarting; it would leave unmanaged what is.
            if time.monotonic() >= ends_s:
                raise Refused(detail=f"Service management does not answer ({error}). Run 'sm-manage service NAME' for "
                              f"{', '.join(services)} when it does.") from error
            time.sleep(POLL_S)
        else:
            services.pop(0)


def wait_active(timeout_s: float, asked: Ask = ask, clock: Callable[[], float] = time.monotonic,
                sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until all groups are active on this node; DeadlineExceeded names what is not, and why."""
    ends_s = clock() + timeout_s
    while True:
        try:
            known = asked(Request("", Verb.STATUS)).status
            missing = _missing(known) if known is not None else "the daemon tells nothing"
        except FlockError as error:
            missing = str(error)
        if not missing:
            return
        if clock() >= ends_s:
            raise DeadlineExceeded(what=f"start of all services ({missing})", timeout_s=timeout_s)
        sleep(POLL_S)


def _missing(known: StatusReport) -> str:
    """What is not active on the node that tells; empty when everything is."""
    here = [line for line in known.groups if line.node == known.node]
    if not here:
        return f"no group has an order yet: {known.reason}"
    late = [line.name for line in here if line.state is not GroupState.ACTIVE]
    services = [f"{line.name} is {line.state}{f', {line.reason}' if line.reason else ''}" for line in known.services
                if line.group in late and line.state != line.desired]
    return "; ".join([*late, *services])
