# SPDX-License-Identifier: Apache-2.0
"""Units of systemd over D-Bus: jobs that are awaited by signal, states, and news of units that end."""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from flock.core.backoff import Backoff

LOG = logging.getLogger(__name__)

SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
CALL_S = 5.0
LOOK_S = 1.0
JOBS_KEPT_MAX = 256
WATCHES_MAX = 512
RUNNING = frozenset({"active", "reloading", "refreshing"})
_SYSTEMD, _PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
_MANAGER, _UNIT, _SERVICE = f"{_SYSTEMD}.Manager", f"{_SYSTEMD}.Unit", f"{_SYSTEMD}.Service"
_BUS, _PROPERTIES = "org.freedesktop.DBus", "org.freedesktop.DBus.Properties"
_PEER = "org.freedesktop.DBus.Peer"
_PAUSES = Backoff(first_s=0.2, max_s=10.0)


class UnitsUnavailable(Exception):
    """systemd, or the bus to it, does not answer; nothing is known about units."""


class UnitRefused(Exception):
    """systemd refused a call; the text is its reason."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """``load``: loaded, not-found, masked ...; ``active``: active, inactive, failed ...; ``sub``: finer, by kind."""

    load: str
    active: str
    sub: str


@dataclass(slots=True)
class _Watch:
    unit: str
    report: Callable[[str], None]
    path: str = ""
    running: bool = False


class Units:
    """One connection to systemd, made at the first use and again after it broke.

    A watched unit whose end fell into an outage of the bus is reported when the connection is back.
    """

    def __init__(self, address: str = SYSTEM_BUS) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._lacking = asyncio.Event()
        """Set while a watch has not begun that the keeper does not know of yet."""
        self._results: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._watches: dict[str, _Watch] = {}
        self._changed: dict[str, asyncio.Event] = {}

    async def run_job(self, method: str, unit: str) -> str:
        """Have systemd do ``StartUnit``, ``StopUnit``, ``ReloadUnit`` ... and wait for the end of the job.

        Returns the result: done, canceled, timeout, failed, dependency, skipped. A cancelled call cancels the job.
        Raises UnitsUnavailable, UnitRefused.
        """
        job = str((await self._call(method, "ss", unit, "replace"))[0])
        if job in self._results:
            return self._results.pop(job)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[job] = future
        try:
            return await future
        except asyncio.CancelledError:
            with contextlib.suppress(UnitsUnavailable, UnitRefused):  # it may have ended in this moment
                await self._call("CancelJob", "u", int(job.rpartition("/")[2]))
            raise
        finally:
            del self._waiting[job]

    async def state(self, unit: str) -> UnitState:
        """The unit's state; ``not-found`` when there is no such unit. Raises UnitsUnavailable, UnitRefused."""
        rows = (await self._call("ListUnitsByNames", "as", [unit]))[0]
        if not rows:
            return UnitState("not-found", "inactive", "dead")
        return UnitState(str(rows[0][2]), str(rows[0][3]), str(rows[0][4]))

    async def status_text(self, unit: str) -> str:
        """What the daemon of a service has told systemd of itself last. Raises UnitsUnavailable, UnitRefused."""
        return await self._status_text(str((await self._call("LoadUnit", "s", unit))[0]))

    async def until_status(self, unit: str, texts: Collection[str]) -> UnitState:
        """Wait until the daemon of a service says one of ``texts``, or does not run; the state then.

        Raises UnitsUnavailable, UnitRefused.
        """
        path = str((await self._call("LoadUnit", "s", unit))[0])
        changed = self._changed.setdefault(path, asyncio.Event())
        while True:
            changed.clear()
            state = await self.state(unit)
            if state.active not in RUNNING or await self._status_text(path) in texts:
                self._changed.pop(path, None)
                return state
            with contextlib.suppress(TimeoutError):  # a signal may have been lost with a connection
                await asyncio.wait_for(changed.wait(), LOOK_S)

    async def kill(self, unit: str, number: int = 9, whom: str = "all") -> None:
        """A signal, SIGKILL, to all processes of the unit, or to its ``main`` one. Raises UnitsUnavailable,
        UnitRefused."""
        await self._call("KillUnit", "ssi", unit, whom, number)

    async def forget_failures(self, unit: str) -> None:
        """Have systemd forget how often the unit has failed and was started. Raises UnitsUnavailable, UnitRefused."""
        await self._call("ResetFailedUnit", "s", unit)

    async def ping(self, name: str) -> str:
        """What is wrong with the program that has this name on the bus; empty when it answers.

        The caller limits the wait. Raises UnitsUnavailable.
        """
        asked = Message(destination=name, path="/", interface=_PEER, member="Ping", flags=MessageFlag.NO_AUTOSTART)
        try:
            reply = await (await self._connected()).call(asked)
        except (OSError, EOFError) as exc:
            raise UnitsUnavailable(f"The bus broke: {exc!r}") from exc
        if reply is None:
            raise UnitsUnavailable("The bus does not reply.")
        return f"{name} on D-Bus: {reply.error_name}" if reply.message_type is MessageType.ERROR else ""

    async def watch(self, name: str, unit: str, report: Callable[[str], None]) -> None:
        """Call ``report`` with a sentence when the unit stops being active; one watch for each ``name``.

        A unit that is not active now is reported at once. While the bus is away nothing is reported.
        """
        if name not in self._watches and len(self._watches) >= WATCHES_MAX:
            raise UnitRefused(f"{WATCHES_MAX} units are watched, which is the limit")
        self._watches[name] = watch = _Watch(unit, report, running=True)
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        try:
            await self._connected()
            if not watch.path:
                await self._begin(watch)
        except (UnitsUnavailable, UnitRefused):
            self._lacking.set()  # the keeper begins it

    def unwatch(self, name: str) -> None:
        """End the watch; nothing more is reported for it."""
        self._watches.pop(name, None)

    async def close(self) -> None:
        """Leave the bus."""
        self._watches.clear()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _status_text(self, path: str) -> str:
        found = await _asked(await self._connected(), Message(
            destination=_SYSTEMD, path=path, interface=_PROPERTIES, member="Get", signature="ss",
            body=[_SERVICE, "StatusText"]))
        return str(found[0].value)

    async def _call(self, method: str, signature: str, *body: Any) -> list[Any]:
        return await _asked(await self._connected(), Message(
            destination=_SYSTEMD, path=_PATH, interface=_MANAGER, member=method, signature=signature,
            body=list(body)))

    async def _connected(self) -> MessageBus:
        async with self._connecting:
            if self._bus is not None and self._bus.connected:
                return self._bus
            self._lose()
            bus = MessageBus(bus_address=self._address)
            try:
                async with asyncio.timeout(CALL_S):
                    await bus.connect()
            except (OSError, EOFError, ValueError, TimeoutError) as exc:
                raise UnitsUnavailable(f"The bus {self._address} cannot be reached: {exc!r}") from exc
            bus.add_message_handler(self._handle)
            try:
                for rule in (f"interface='{_MANAGER}',member='JobRemoved'",
                             f"interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{_UNIT}'",
                             f"interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{_SERVICE}'"):
                    await _asked(bus, Message(
                        destination=_BUS, path="/org/freedesktop/DBus", interface=_BUS, member="AddMatch",
                        signature="s", body=[f"type='signal',sender='{_SYSTEMD}',{rule}"]))
                await _asked(bus, Message(destination=_SYSTEMD, path=_PATH, interface=_MANAGER, member="Subscribe"))
            except (UnitsUnavailable, UnitRefused):
                bus.disconnect()
                raise
            self._bus = bus
            return bus

    def _lose(self) -> None:
        """What was awaited from the broken connection will not come."""
        self._results.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(UnitsUnavailable("The connection to systemd broke during the job."))
        for watch in self._watches.values():
            watch.path = ""

    async def _keep(self) -> None:
        """Keep the connection while units are watched, and begin the watches that have not begun."""
        failed = 0
        while True:
            try:
                bus = await self._connected()
                failed = failed + 1 if await self._begin_all() else 0
                if not await _broke(bus, self._lacking, _PAUSES.pause_s(failed) if failed else None):
                    continue
                LOG.warning("The connection to systemd broke")
                self._lose()
            except UnitsUnavailable as exc:
                failed += 1
                LOG.warning("Units cannot be watched: %s", exc)
                await asyncio.sleep(_PAUSES.pause_s(failed))

    async def _begin_all(self) -> bool:
        """Begin each watch that has not begun; whether systemd refuses one. That one keeps no other from beginning."""
        self._lacking.clear()
        refused = False
        for watch in [watch for watch in self._watches.values() if not watch.path]:
            try:
                await self._begin(watch)
            except UnitRefused as exc:
                refused = True
                LOG.warning("Unit %s cannot be watched: %s", watch.unit, exc)
        return refused

    async def _begin(self, watch: _Watch) -> None:
        watch.path = str((await self._call("LoadUnit", "s", watch.unit))[0])
        state = await self.state(watch.unit)
        self._seen(watch, state.active, state.sub)

    def _handle(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "JobRemoved" and message.signature == "uoss":
            self._job_removed(str(message.body[1]), str(message.body[3]))
        elif message.member == "PropertiesChanged" and message.signature == "sa{sv}as":
            changed = message.body[1]
            if message.path in self._changed:
                self._changed[message.path].set()
            if "ActiveState" in changed:
                sub = changed["SubState"].value if "SubState" in changed else ""
                for watch in [one for one in self._watches.values() if one.path == message.path]:
                    self._seen(watch, str(changed["ActiveState"].value), str(sub))

    def _job_removed(self, job: str, result: str) -> None:
        future = self._waiting.get(job)
        if future is not None:
            if not future.done():
                future.set_result(result)
            return
        # The signal may come before the task that asked for the job has read its name.
        self._results[job] = result
        if len(self._results) > JOBS_KEPT_MAX:
            del self._results[next(iter(self._results))]

    def _seen(self, watch: _Watch, active: str, sub: str) -> None:
        was, watch.running = watch.running, active in RUNNING
        if was and not watch.running and watch in self._watches.values():
            watch.report(f"unit {watch.unit} is {active}{f' ({sub})' if sub else ''}")


async def _asked(bus: MessageBus, message: Message) -> list[Any]:
    try:
        async with asyncio.timeout(CALL_S):
            reply = await bus.call(message)
    except (OSError, EOFError, TimeoutError) as exc:
        raise UnitsUnavailable(f"systemd does not answer {message.member}: {exc!r}") from exc
    if reply is None or reply.message_type is MessageType.ERROR:
        name = "no reply" if reply is None else str(reply.error_name)
        text = f"{name}: {' '.join(map(str, reply.body)) if reply is not None else ''}"
        if name in ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NoReply",
                    "org.freedesktop.DBus.Error.Disconnected"):
            raise UnitsUnavailable(text)
        raise UnitRefused(text)
    return list(reply.body)


async def _broke(bus: MessageBus, lacking: asyncio.Event, limit_s: float | None) -> bool:
    """Wait for the end of the connection, at most ``limit_s`` and until ``lacking`` is set; whether it has ended."""
    tasks = [asyncio.ensure_future(bus.wait_for_disconnect()),  # type: ignore[no-untyped-call]
             asyncio.ensure_future(lacking.wait())]
    try:
        await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return not bus.connected
