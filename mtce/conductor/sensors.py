# SPDX-License-Identifier: Apache-2.0
"""Reads the sensors of all hosts with a BMC, each host at its interval, and passes on what follows.

One thread finds the hosts that are due; a bounded pool reads them. What a reading means is decided by
``mtce.core.sensors``; alarms, degrade and strikes by the state machine, which gets a ``Sensed``; sysinv gets a report.
All of it is told as levels, so that nothing is lost with a message.
"""
from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from flock.core.errors import DeadlineExceeded, FlockError, StaleWrite, Unavailable
from flock.jobs.worker import Worker
from mtce.conductor.bmcjobs import PoweredOff
from mtce.conductor.sensorstore import ModelStore, StoredModel
from mtce.contract.records import ActionReply, MtceHost
from mtce.core.events import Event, Sensed
from mtce.core.sensors import effects, model, reading, telling
from mtce.core.sensors.model import Model
from mtce.core.sensors.samples import Sample, merged
from mtce.core.view import Alarm, provisioned_bmc
from sysinv.contract.sensors import INTERVAL_MIN_S, SensorReport, SensorSettings

LOG = logging.getLogger(__name__)
PASS_S = 5.0
FIRST_S, SPREAD_S = 5.0, 60
BUSY_S = 5.0
RESYNC_S = 600.0
RELEARN_MAX_S = 120.0
STOP_WAIT_S = 5.0
PASS = ActionReply("pass")
Read = Callable[..., list[Sample]]
"""``read(record, powered=...)`` returns all sensors of a host: FlockError, ValueError."""


@dataclass(slots=True)
class _Watched:
    """The sensors of one host. ``due`` and the other times are on the monotonic clock, in seconds.

    ``leaving``: its BMC is gone; ``forgotten``: and all that was known of its sensors.
    """

    record: MtceHost
    stored: StoredModel
    due: float
    told: telling.Told | None = None
    told_at: float = 0.0
    relearnt: bool = False
    relearn_until: float | None = None
    running: bool = False
    leaving: bool = False
    forgotten: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Pool(Protocol):
    """Runs work in bounded threads."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> object:
        """Run ``function`` soon; Unavailable when there is no room."""

    def stop(self, timeout_s: float) -> object:
        """Take no further work and wait for what runs."""


class SensorWatch:
    """``hosts``: all records of hosts; ``post`` gives an event to a host's state machine; ``tell`` is sysinv's."""

    def __init__(self, hosts: Callable[[], Iterable[MtceHost]], read: Read, store: ModelStore,
                 post: Callable[[str, Event], None], tell: Callable[[SensorReport], SensorSettings], pool: Pool, *,
                 interval_min_s: int = INTERVAL_MIN_S, simplex: Callable[[], bool] = lambda: False,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hosts, self._read, self._store, self._post, self._tell = hosts, read, store, post, tell
        self._interval_min_s, self._simplex, self._monotonic = interval_min_s, simplex, monotonic
        self._watched: dict[str, _Watched] = {}
        self._started = False
        self._pool = pool
        self._worker = Worker("mtce-sensors", self.run_due)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Stop the thread; waits only briefly for readings in progress."""
        self._worker.stop(STOP_WAIT_S)
        self._pool.stop(STOP_WAIT_S)

    def trouble(self) -> str | None:
        """For the health page."""
        return self._worker.trouble()

    def change_settings(self, host_uuid: str, settings: SensorSettings) -> ActionReply:
        """Adopt an operator's settings; what they mean for the host follows at once."""
        watched = self._watched.get(host_uuid)
        if watched is None or not watched.stored.model.groups:
            return _no("the sensors of the host are not known", "Wait until they have been read, and then retry")
        refused = model.settings_refusal(settings, self._interval_min_s, simplex=self._simplex())
        if refused is not None:
            return _no(refused, "Choose another value")
        with watched.lock:
            self._adopt(host_uuid, watched, settings)
            watched.due = min(watched.due, self._monotonic() + reading.pause_s(watched.stored.model))
        self._worker.nudge()
        return PASS

    def relearn(self, host_uuid: str) -> ActionReply:
        """Build the model of a host anew with its next reading, which is made at once."""
        watched = self._watched.get(host_uuid)
        if watched is None:
            return _no("the host has no board management controller", "Configure one and then retry")
        with watched.lock:
            now = self._monotonic()
            if watched.relearn_until is not None and now < watched.relearn_until:
                return _no("the sensors of the host are being relearnt", "Wait until that has ended")
            watched.relearn_until = now + RELEARN_MAX_S
            watched.due = now
        self._worker.nudge()
        return PASS

    def run_due(self) -> float:
        """Begin to read the hosts that are due; returns the seconds until the next call. One caller at a time."""
        now = self._monotonic()
        records = {record.uuid: record for record in self._hosts() if provisioned_bmc(record)}
        self._follow(records, now)
        for uuid, watched in list(self._watched.items()):
            if not watched.running and watched.due <= now:
                self._begin(watched, now, self._audit if uuid in records else self._forget, uuid)
        waits = [watched.due - now for watched in self._watched.values() if not watched.running]
        return max(0.1, min([PASS_S, *waits]))

    def _follow(self, records: dict[str, MtceHost], now: float) -> None:
        """Begin to watch new hosts; those that are gone or have no BMC any more are due to be forgotten."""
        for uuid, record in records.items():
            known = self._watched.get(uuid)
            if known is not None:
                known.record, known.leaving = record, False
                continue
            stored = self._store.load(uuid)
            # After a start all hosts would be due at once; a host that is new is learnt soon.
            first_s = FIRST_S if self._started else zlib.crc32(uuid.encode()) % SPREAD_S
            self._watched[uuid] = _Watched(record, stored, now + first_s)
        if not self._started:
            without = {record.uuid: record for record in self._hosts() if record.uuid not in records}
            for uuid in self._store.uuids() & without.keys():
                self._watched[uuid] = _Watched(without[uuid], self._store.load(uuid), now)
        for uuid, watched in list(self._watched.items()):
            if watched.forgotten and uuid not in records:
                del self._watched[uuid]
            elif watched.forgotten:
                self._watched[uuid] = _Watched(records[uuid], self._store.load(uuid), now + FIRST_S)
            elif uuid not in records and not watched.running and not watched.leaving:
                watched.due, watched.leaving = now, True
        self._started = True

    def _forget(self, uuid: str, watched: _Watched) -> None:
        """Clear the alarms, the model, and what sysinv shows; again later while sysinv does not answer."""
        try:
            self._store.delete(uuid)
            self._post(uuid, Sensed())
            self._tell(SensorReport(uuid, [], [], complete=True, relearnt=True))
            watched.forgotten = True
        except (Unavailable, DeadlineExceeded) as error:
            LOG.info("sysinv still shows sensors of %s: %s", watched.record.hostname, error)
        except FlockError:
            # sysinv has no such host any more, nor its sensors.
            watched.forgotten = True
        finally:
            watched.due, watched.running = self._monotonic() + reading.RETRY_S, False
            self._worker.nudge()

    def _begin(self, watched: _Watched, now: float, work: Callable[[str, _Watched], None], uuid: str) -> None:
        watched.running = True
        try:
            self._pool.submit(work, uuid, watched)
        except FlockError:
            watched.running, watched.due = False, now + BUSY_S

    def _audit(self, uuid: str, watched: _Watched) -> None:
        """Read one host once; the pool's work."""
        pause_s, asked = float(reading.RETRY_S), watched.relearn_until
        try:
            pause_s = self._read_once(uuid, watched)
        except Exception as error:  # noqa: BLE001 - the next reading must come, whatever the database or bus throws
            LOG.warning("the sensors of %s are read again later: %s", watched.record.hostname, error,
                        exc_info=not isinstance(error, FlockError))
            if isinstance(error, StaleWrite):
                watched.stored = self._store.load(uuid)
        finally:
            with watched.lock:
                if watched.relearn_until not in (None, asked):
                    # Asked for while the reading went on, which did not serve it.
                    pause_s = 0.0
                watched.due, watched.running = self._monotonic() + pause_s, False
            self._worker.nudge()

    def _read_once(self, uuid: str, watched: _Watched) -> float:
        record = watched.record
        source = f"{record.bm_type} {record.bm_ip}"
        learning = not watched.stored.model.groups or watched.relearn_until is not None \
            or watched.stored.model.bmc != source
        samples: list[Sample] | None = None
        try:
            samples = self._read(record, powered=learning)
        except PoweredOff:
            LOG.info("%s is powered off: its sensors are learnt when it is on", record.hostname)
            return float(reading.POWERED_OFF_RETRY_S)
        except (FlockError, ValueError) as error:
            LOG.warning("the sensors of %s cannot be read: %s", record.hostname, error)
        with watched.lock:
            self._take(uuid, watched, samples, source, learning=learning)
        self._report(uuid, watched)
        return float(reading.pause_s(watched.stored.model))

    def _take(self, uuid: str, watched: _Watched, samples: list[Sample] | None, source: str, *,
              learning: bool) -> None:
        known = watched.stored.model
        kept, left_out = ([], 0) if samples is None else merged(samples, known.units())
        if samples is None or (learning and not kept):
            watched.relearn_until = None if _is_over(watched, self._monotonic()) else watched.relearn_until
            self._settle(uuid, watched, reading.failed(known))
            return
        if left_out:
            LOG.warning("%s has %d sensors more than can be watched", watched.record.hostname, left_out)
        if learning:
            watched.relearnt = bool(known.groups)
            known = model.learnt(source, kept, [group.settings for group in known.groups])
            LOG.info("%s: %d sensors in %d groups are learnt", watched.record.hostname, len(known.sensors),
                     len(known.groups))
            watched.told, watched.relearn_until = None, None
        after, notes = reading.read(known, kept)
        for note in notes:
            LOG.info("%s: sensor %s is %s", watched.record.hostname, note.sensor, note.text)
        self._settle(uuid, watched, after, read=True)

    def _settle(self, uuid: str, watched: _Watched, found: Model, *, read: bool = False) -> None:
        """Store the model, then tell the state machine what it means. Only a reading asks for a strike."""
        found, due = effects.logs(found)
        watched.stored = self._store.save(uuid, watched.stored, found)
        self._post(uuid, _sensed(found, due, strikes=read))

    def _adopt(self, uuid: str, watched: _Watched, settings: SensorSettings) -> None:
        changed = model.with_settings(watched.stored.model, settings)
        if changed != watched.stored.model:
            self._settle(uuid, watched, changed)

    def _report(self, uuid: str, watched: _Watched) -> None:
        """Tell sysinv what has changed, and adopt the settings in its reply; at least every RESYNC_S.

        A host without a model is no reason for sysinv to forget the settings of the one that it may have had.
        """
        if not watched.stored.model.groups:
            return
        now, present = self._monotonic(), telling.shown(watched.stored.model)
        due = telling.report(uuid, watched.told, present, relearnt=watched.relearnt)
        if due is None and now - watched.told_at < RESYNC_S:
            return
        due = due or SensorReport(uuid, [], [])
        try:
            settings = self._tell(due)
        except FlockError as error:
            LOG.warning("sysinv is not told the sensors of %s: %s", watched.record.hostname, error)
            return
        watched.told, watched.told_at = telling.after(watched.told, due), now
        watched.relearnt = watched.relearnt and not due.complete
        if not settings.complete:
            watched.told = None
            return
        with watched.lock:
            self._adopt(uuid, watched, settings)


def _sensed(found: Model, due: tuple[Alarm, ...], *, strikes: bool) -> Sensed:
    now = effects.effects(found)
    strike = str(now.strike) if strikes and now.cause else ""
    return Sensed(now.alarms, now.degraded, due, strike, now.cause if strike else "")


def _is_over(watched: _Watched, now: float) -> bool:
    return watched.relearn_until is not None and now >= watched.relearn_until


def _no(reason: str, action: str) -> ActionReply:
    return replace(PASS, status="fail", reason=reason, action=action)


class SensorRequests:
    """Implements MtceSensors."""

    def __init__(self, watch: SensorWatch) -> None:
        self._watch = watch

    def change_settings(self, *, host_uuid: str, settings: SensorSettings) -> ActionReply:
        """Adopt all settings of a host's sensors."""
        return self._watch.change_settings(host_uuid, settings)

    def relearn(self, *, host_uuid: str) -> ActionReply:
        """Begin to build the host's sensor model anew."""
        return self._watch.relearn(host_uuid)
