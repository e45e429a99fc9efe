# SPDX-License-Identifier: Apache-2.0
"""Orders of configuration: tells hosts that there are some, gives them their data, stores what came of it."""
from __future__ import annotations

import datetime
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import Connection

from flock import tls
from flock.core import slices
from flock.core.errors import FlockError, InvalidInput, Unavailable
from flock.db import Database, utcnow
from fm.contract.rpc import FmManager
from fm.raiser import Raiser
from sysinv.conductor import users
from sysinv.conductor.hierafiles import HieraFiles
from sysinv.conductor.keptalarms import KeptAlarms
from sysinv.config import hiera, model
from sysinv.contract.enums import Availability
from sysinv.contract.records import ConfigurationResult, WantedConfiguration
from sysinv.contract.reports import RESOURCES
from sysinv.contract.rpc import SysinvAgent
from sysinv.db.lookup import Row, host_row
from sysinv.hosts.issuing import signing_authority
from sysinv.model.hostfiles import configuration_purpose
from sysinv.resources.configuration import store
from sysinv.resources.host import store as hosts

LOG = logging.getLogger(__name__)
TELL_INTERVAL_S = 2.0
TELL_AGAIN_S = 20.0
ALARM_INTERVAL_S = 10.0
PRUNE_INTERVAL_S = 43200.0
RETRY_S = 1200.0
KEPT = datetime.timedelta(hours=24)
_UNREACHABLE = frozenset({Availability.OFFLINE, Availability.POWER_OFF, Availability.NOT_INSTALLED})
ENTITY = "host="
REPAIR = "Lock and unlock host {hostname} to update config; 'system host-config-history {hostname}' tells more."


class ConfigurationEndpoint:
    """Implements ``HostConfiguration``."""

    def __init__(self, db: Database, files: HieraFiles, authority_directory: Path, secret_key_file: Path,
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._files = files
        self._secret_key_file = secret_key_file
        self._authority_directory = authority_directory
        self._now = now

    def wanted_configuration(self, *, host_uuid: str, certificate_pem: str, uptime_s: int) -> WantedConfiguration:
        """Render the host's data and store that it has them."""
        now = self._now()

        def work(conn: Connection) -> tuple[Row, hiera.Rendered, list[model.Order]]:
            host = host_row(conn, host_uuid, lock=True)
            made, orders = hiera.render(conn, host), store.open_orders(conn, [host["id"]])[host["id"]]
            store.fetched(conn, host["id"], made.plain(), now)
            return host, made, orders

        host, made, orders = self._db.transact(work)
        self._files.write(host["hostname"] or host["uuid"], made)
        whole = model.booted_without(orders, model.boot_time(uptime_s, now))
        # A run of the whole configuration does not settle changes that are no part of it.
        booted = [order for order in orders if model.is_in_boot(order, made.classes)]
        now_run = booted if whole else model.runnable(orders)
        return WantedConfiguration(
            config_uuids=[order.config_uuid for order in now_run], classes=model.classes_of(now_run),
            boot_uuids=[order.config_uuid for order in booted],
            boot_classes=list(made.classes) if host["config_target"] else [],
            hiera=json.dumps(made.open()), sealed=self._sealed(host, made, certificate_pem), whole=whole)

    def _sealed(self, host: Row, made: hiera.Rendered, certificate_pem: str) -> str:
        secrets = made.secrets()
        if not any(secrets.values()):
            return ""
        try:
            trusted = signing_authority(self._authority_directory).trusted_pem
            key = tls.certified_key(certificate_pem.encode(), trusted, host["hostname"] or "")
        except (InvalidInput, Unavailable) as error:
            LOG.warning("host %s: the secrets of its configuration are left out: %s", host["hostname"], error)
            return ""
        return tls.seal_for(key, json.dumps(secrets).encode(), configuration_purpose(host["uuid"]))

    def configuration_applied(self, *, host_uuid: str, result: ConfigurationResult) -> None:
        """Settle the orders that the result names."""
        now = self._now()

        def work(conn: Connection) -> tuple[Row, model.Settled]:
            host = host_row(conn, host_uuid, lock=True)
            orders = store.open_orders(conn, [host["id"]])[host["id"]]
            settled = model.settle(orders, host["config_target"], result, now)
            for order_id, values in settled.orders.items():
                store.write(conn, order_id, {**values, "resources": _count(result.resources),
                                             "changed": _count(result.changed),
                                             "duration_ms": _count(result.duration_ms)})
            if settled.applied is not None:
                store.set_applied(conn, host["id"], settled.applied)
            if not result.error:
                classes = None if result.whole else model.classes_of(
                    [order for order in orders if order.id in settled.orders])
                _keep(conn, host["id"], classes, now)
            _tell_resources(conn, host, model.outcome(orders, result, hiera.boot_classes(host)))
            return host, settled

        host, settled = self._db.transact(work)
        for values in settled.orders.values():
            if values.get("error"):
                LOG.warning("host %s: an order of configuration failed: %s", host["hostname"], values["error"])
        LOG.info("host %s: %d orders of configuration answered, %d resources, %d changed, %d ms", host["hostname"],
                 len(settled.orders), result.resources, result.changed, result.duration_ms)

    def user_changed(self, *, host_uuid: str, sealed: str) -> None:
        """Take up the password of the platform's user from a controller."""
        users.user_changed(self._db, self._secret_key_file, host_uuid, sealed)


def _count(number: int) -> int:
    return max(0, min(number, 2**31 - 1))


def _tell_resources(conn: Connection, host: Row, outcome: model.Outcome) -> None:
    """Let the resources whose changes Puppet carries out store what came of them."""
    for module in slices.modules(RESOURCES, "service"):
        if hasattr(module, "configured"):
            module.configured(conn, host, outcome)


def _keep(conn: Connection, host_id: int, classes: list[str] | None, now: datetime.datetime) -> None:
    """Store which data the host has now."""
    data = store.data_of(conn, host_id)
    if data is not None:
        prefixes = None if classes is None else hiera.prefixes(classes)
        store.applied(conn, host_id, model.merged(data["applied_data"], data["fetched_data"], prefixes), now)


class ConfigurationAudits:
    """Periodic tasks: tell hosts of their orders, raise alarms, send again, forget."""

    def __init__(self, db: Database, agent_of: Callable[[str], SysinvAgent], raiser: Raiser, faults: FmManager,
                 files: HieraFiles, now: Callable[[], datetime.datetime] = utcnow,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._agent_of = agent_of
        self._kept = KeptAlarms(raiser, faults, model.ALARM_ID, "major",
                                lambda entity: REPAIR.format(hostname=entity.removeprefix(ENTITY)))
        self._files = files
        self._now = now
        self._clock = clock
        self._told: dict[str, float] = {}

    def tell(self) -> None:
        """Tell hosts that there are orders, again every ``TELL_AGAIN_S``."""
        with self._db.reader() as conn:
            rows = store.to_tell(conn)
        now_s = self._clock()
        self._told = {uuid: at for uuid, at in self._told.items() if uuid in {row["uuid"] for row in rows}}
        for row in rows:
            if row["availability"] in _UNREACHABLE or now_s - self._told.get(row["uuid"], -TELL_AGAIN_S) < TELL_AGAIN_S:
                continue
            self._told[row["uuid"]] = now_s
            self.tell_one(row)

    def tell_one(self, row: Row) -> None:
        """Tell one host; one that does not hear it fetches its orders when its agent starts."""
        try:
            self._agent_of(row["hostname"]).configuration_ordered(host_uuid=row["uuid"])
        except FlockError as error:
            LOG.warning("host %s cannot be told of its configuration yet: %s", row["hostname"], error)

    def waits_for_fetch(self, host_uuid: str, age_max_s: float) -> bool:
        """Whether a host that is unlocked should fetch its configuration before it boots. Tells it."""
        with self._db.reader() as conn:
            row = host_row(conn, host_uuid)
            waits = store.waits_for_fetch(conn, row["id"])
            begun = row["ihost_action_at"]
        if not waits or begun is None or (self._now() - begun).total_seconds() > age_max_s:
            return False
        self.tell_one(row)
        return True

    def retry(self) -> None:
        """Send again what has waited or failed for ``RETRY_S``."""
        before = self._now() - datetime.timedelta(seconds=RETRY_S)
        count = self._db.transact(lambda conn: store.retry(conn, before))
        if count:
            LOG.warning("%d orders of configuration are sent again", count)

    def prune(self) -> None:
        """Remove old orders, and files of hosts that do not exist any more."""
        self._db.transact(lambda conn: store.prune(conn, self._now() - KEPT))
        with self._db.reader() as conn:
            names = {row["hostname"] or row["uuid"] for row in hosts.all_rows(conn)}
        self._files.keep_only(names)

    def alarms(self) -> None:
        """Correct alarm 250.001 of all hosts. Unavailable, DeadlineExceeded when fm does not answer."""
        now = self._now()
        with self._db.reader() as conn:
            waiting, rows = store.all_open(conn), hosts.all_rows(conn)
        wanted: dict[str, str] = {}
        for row in rows:
            # With a status of its own, the pairing of the controllers has this alarm.
            if row["hostname"] and row["config_status"] is None:
                reason = model.alarm_reason(row["hostname"], row["config_applied"], row["config_target"],
                                            waiting.get(row["id"], []), now)
                if reason is not None:
                    wanted[ENTITY + row["hostname"]] = reason
        foreign = {ENTITY + (row["hostname"] or "") for row in rows if row["config_status"] is not None}
        for reason in self._kept.keep(wanted, foreign):
            LOG.warning("%s", reason)
