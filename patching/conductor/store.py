# SPDX-License-Identifier: Apache-2.0
"""Rows of software management. One transaction stores a step: what has changed in the view, the tasks that carry out
its actions, and the reply to the order."""
from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import Unavailable
from flock.db import Database, DuplicateEntry, compare_and_set, utcnow
from flock.jobs.operations import Operations
from patching.contract.records import Content, HostFacts, InstallProgress, Mirrored, Reply
from patching.contract.states import ReleaseState, ReleaseStatus
from patching.contract.stored import ReleaseDetails, StoredPrecheck
from patching.contract.version import Version
from patching.core.model import Deploy, Host, HostRow, Precheck, Release, View
from patching.db import views
from patching.db.tables import (
    APPLICATION_USE,
    CONTENT_MIRROR,
    DEPLOY,
    DEPLOY_HOST,
    HOST_AGENT,
    RELEASE,
    REQUEST,
    SYSTEM,
)
from patching.db.views import Seen, Stored

SYSTEM_ROW = 1
REQUEST_MEMORY = datetime.timedelta(days=1)
TASK_MEMORY_S = 7 * 86400.0
ERROR_MAX = 4000


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be stored with a step."""

    kind: str
    subject: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What is stored with a view: ``details`` and ``contents`` of releases that are new or have others, the ``tasks``
    of its actions, and the ``reply`` to the order ``request_id``. ``deploy_uuid``: of the deployment."""

    deploy_uuid: str
    details: Mapping[str, ReleaseDetails] = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    tasks: tuple[NewTask, ...] = ()
    request_id: str = ""
    reply: Reply | None = None


class Repeated(Exception):
    """The same order was stored meanwhile."""


def now_ms() -> int:
    """Milliseconds since 1970: times in the view count also after a swact to the other controller."""
    return int(time.time() * 1000)


class Store:
    """Loads and stores; each method is one transaction. Database errors pass through."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def begin(self, component: str, running: Version) -> None:
        """Make the rows of a system that runs ``running``, unless they exist."""
        release = Release(f"{component}-{running.text}", running, ReleaseState.DEPLOYED, component,
                          ReleaseStatus.RELEASED, reboot_required=True, unremovable=True)
        with self.db.writer() as conn:
            if views.load(conn) is not None:
                return
            conn.execute(sa.insert(SYSTEM).values(id=SYSTEM_ROW, running=running.text))
            conn.execute(sa.insert(RELEASE).values(**_release(release), **_described(ReleaseDetails(
                summary=f"The release that this system ran first ({running.text})."), None)))

    def is_begun(self) -> bool:
        """Whether the conductor has ever started."""
        with self.db.reader() as conn:
            return conn.execute(sa.select(SYSTEM.c.id)).first() is not None

    def load(self) -> Stored:
        """All that is stored."""
        return views.read(self.db)

    def agents(self) -> dict[str, Seen]:
        """The last reports of agents by host name."""
        with self.db.reader() as conn:
            return views.agents(conn)

    def mirrors(self) -> dict[str, dict[str, str]]:
        """The content that controllers hold."""
        with self.db.reader() as conn:
            return views.mirrors(conn)

    def commit(self, before: Stored, after: View, change: Change, tasks: Operations) -> list[str]:
        """Store a step, and return the uuids of its tasks. StaleWrite when something else was stored since ``before``;
        Repeated when the order was carried out meanwhile."""
        with self.db.writer() as conn:
            precheck = None if after.precheck is None else views.PRECHECK.to_document(_stored(after.precheck))
            compare_and_set(conn, SYSTEM, SYSTEM_ROW, before.revision,
                            {"running": after.running.text, "precheck": precheck})
            _store_releases(conn, before, after, change)
            _store_deploy(conn, before, after, change.deploy_uuid)
            made = [tasks.record(conn, kind=task.kind, subject=task.subject, params=task.params, exclusive=False)
                    for task in change.tasks]
            if change.reply is not None:
                self._answer(conn, change.request_id, change.reply)
        return made

    def order_task(self, request_id: str, task: NewTask, reply: Reply, tasks: Operations) -> Reply:
        """Store a task for an order that goes on, and the reply that names it. Repeated, as ``commit``."""
        with self.db.writer() as conn:
            uuid = tasks.record(conn, kind=task.kind, subject=task.subject, params=task.params, exclusive=False)
            told = Reply(reply.status, reply.info, task=uuid)
            self._answer(conn, request_id, told)
        return told

    def answer(self, request_id: str, reply: Reply) -> None:
        """Store a reply that changed nothing."""
        with self.db.writer() as conn:
            self._answer(conn, request_id, reply)

    def answer_to(self, request_id: str) -> Reply | None:
        """The reply to an order that was given before."""
        with self.db.reader() as conn:
            found = conn.execute(sa.select(REQUEST.c.reply).where(REQUEST.c.request_id == request_id)).scalar()
        return None if found is None else views.REPLY.from_document(found, "reply")

    def seen(self, facts: HostFacts) -> None:
        """Store the report of a host's agent."""
        values = {"facts": views.FACTS.to_document(facts), "seen_at": utcnow()}
        self._put(HOST_AGENT, facts.hostname, values)

    def mirrored(self, told: Mirrored) -> None:
        """Store what a controller holds."""
        self._put(CONTENT_MIRROR, told.hostname, {"digests": dict(told.digests), "seen_at": utcnow()})

    def progress(self, deploy_uuid: str, told: InstallProgress) -> None:
        """Store how far an installation is, unless it was begun anew."""
        with self.db.writer() as conn:
            conn.execute(sa.update(DEPLOY_HOST).where(
                DEPLOY_HOST.c.deploy_uuid == deploy_uuid, DEPLOY_HOST.c.hostname == told.hostname,
                DEPLOY_HOST.c.attempt == told.attempt).values(percent=told.percent, progress=told.text[:255]))

    def forget(self, hostname: str) -> None:
        """Delete what a host that is gone has reported."""
        with self.db.writer() as conn:
            for table in (HOST_AGENT, CONTENT_MIRROR):
                conn.execute(sa.delete(table).where(table.c.hostname == hostname))

    def bind_application(self, application: str, releases: Sequence[str]) -> None:
        """Store on which releases an application depends; on none: forget it."""
        with self.db.writer() as conn:
            conn.execute(sa.delete(APPLICATION_USE).where(APPLICATION_USE.c.application == application))
            if releases:
                conn.execute(sa.insert(APPLICATION_USE).values(application=application, releases=list(releases)))

    def prune(self) -> None:
        """Delete old replies."""
        with self.db.writer() as conn:
            conn.execute(sa.delete(REQUEST).where(REQUEST.c.at < utcnow() - REQUEST_MEMORY))

    def _put(self, table: sa.Table, hostname: str, values: Mapping[str, Any]) -> None:
        def put(conn: Connection) -> None:
            if not conn.execute(sa.update(table).where(table.c.hostname == hostname).values(**values)).rowcount:
                conn.execute(sa.insert(table).values(hostname=hostname, **values))

        try:
            self.db.transact(put)
        except DuplicateEntry:
            # Two reports of a new host crossed; the next one is stored.
            return

    @staticmethod
    def _answer(conn: Connection, request_id: str, reply: Reply) -> None:
        try:
            conn.execute(sa.insert(REQUEST).values(request_id=request_id, reply=views.REPLY.to_document(reply),
                                                   at=utcnow()))
        except DuplicateEntry:
            raise Repeated from None


def _store_releases(conn: Connection, before: Stored, after: View, change: Change) -> None:
    known = before.view.releases
    gone = known.keys() - after.releases.keys()
    if gone:
        conn.execute(sa.delete(RELEASE).where(RELEASE.c.release_id.in_(sorted(gone))))
    for name, release in after.releases.items():
        described = _described(change.details.get(name), change.contents.get(name))
        if name not in known:
            if "details" not in described:
                raise Unavailable(service="patching-conductor", reason=f"release {name} is not described")
            conn.execute(sa.insert(RELEASE).values(**_release(release), **described))
        elif release != known[name] or described:
            conn.execute(sa.update(RELEASE).where(RELEASE.c.release_id == name).values(
                **_release(release), **described))


def _store_deploy(conn: Connection, before: Stored, after: View, uuid: str) -> None:
    deploy = after.deploy
    if before.view.deploy is not None and deploy is None:
        conn.execute(sa.delete(DEPLOY_HOST).where(DEPLOY_HOST.c.deploy_uuid == uuid))
        conn.execute(sa.delete(DEPLOY).where(DEPLOY.c.uuid == uuid))
        return
    if deploy is None:
        return
    if before.view.deploy is None:
        conn.execute(sa.insert(DEPLOY).values(uuid=uuid, **_deploy(deploy)))
    elif deploy != before.view.deploy:
        conn.execute(sa.update(DEPLOY).where(DEPLOY.c.uuid == uuid).values(**_deploy(deploy)))
    _store_rows(conn, uuid, before.view.rows, after.rows, after.hosts)


def _store_rows(conn: Connection, uuid: str, before: Mapping[str, HostRow], after: Mapping[str, HostRow],
                hosts: Mapping[str, Host]) -> None:
    gone = before.keys() - after.keys()
    if gone:
        conn.execute(sa.delete(DEPLOY_HOST).where(DEPLOY_HOST.c.hostname.in_(sorted(gone))))
    added = [{"deploy_uuid": uuid, "personality": hosts[name].personality, "inventory_id": hosts[name].id, **_row(row)}
             for name, row in after.items() if name not in before]
    if added:
        conn.execute(sa.insert(DEPLOY_HOST), added)
    for name, row in after.items():
        known = before.get(name)
        if known is not None and row != known:
            again = {"percent": 0, "progress": ""} if row.attempt != known.attempt else {}
            conn.execute(sa.update(DEPLOY_HOST).where(DEPLOY_HOST.c.hostname == name).values(**_row(row), **again))


def _release(release: Release) -> dict[str, Any]:
    return {"release_id": release.id, "component": release.component, "version": release.version.text,
            "state": release.state, "status": release.status, "reboot_required": release.reboot_required,
            "unremovable": release.unremovable, "requires": list(release.requires)}


def _described(details: ReleaseDetails | None, content: Content | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if details is not None:
        found["details"] = views.DETAILS.to_document(details)
    if content is not None:
        found["content"] = views.CONTENT.to_document(content)
    return found


def _deploy(deploy: Deploy) -> dict[str, Any]:
    return {"from_release": deploy.from_release.text, "to_release": deploy.to_release.text, "state": deploy.state,
            "direction": deploy.direction, "owner": deploy.owner, "covers": list(deploy.covers),
            "options": dict(deploy.options), "reboot_required": deploy.reboot_required,
            "is_aborted": deploy.is_aborted, "attempt": deploy.attempt, "commit_id": deploy.commit_id,
            "error": deploy.error[:ERROR_MAX]}


def _row(row: HostRow) -> dict[str, Any]:
    return {"hostname": row.hostname, "state": row.state, "attempt": row.attempt, "since_ms": row.since_ms,
            "error": row.error[:ERROR_MAX]}


def _stored(check: Precheck) -> StoredPrecheck:
    return StoredPrecheck(check.release, check.is_healthy, check.at_ms, check.relaxed, check.text)


