# SPDX-License-Identifier: Apache-2.0
"""Reads what is stored of releases and their deployment as the view on which decisions are made."""
from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.codec import codec_for
from flock.core.errors import Unavailable
from flock.db import Database
from flock.jobs.steps import OperationRecord
from patching.contract.records import Content, HostFacts, Reply
from patching.contract.stored import ReleaseDetails, StoredPrecheck
from patching.contract.version import Version
from patching.core.contents import of_version
from patching.core.model import Deploy, Host, HostRow, Precheck, Release, View
from patching.db.tables import APPLICATION_USE, CONTENT_MIRROR, DEPLOY, DEPLOY_HOST, HOST_AGENT, RELEASE, SYSTEM

DETAILS, CONTENT, PRECHECK = codec_for(ReleaseDetails), codec_for(Content), codec_for(StoredPrecheck)
FACTS, REPLY = codec_for(HostFacts), codec_for(Reply)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the installation on a host is."""

    percent: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored at one moment. ``view`` has of hosts only name, kind and place in the order, as they were when
    the deployment began: the inventory has the rest. ``details`` and ``contents`` by
    release id, ``progress`` by host name."""

    view: View
    revision: int = 0
    deploy_uuid: str = ""
    details: Mapping[str, ReleaseDetails] = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """Of the content of each release, by its id."""
        return {name: content.digest for name, content in self.contents.items()}

    def contents_of(self, version: Version) -> list[Content]:
        """The content of all releases that a host has when it runs ``version``, in order."""
        return of_version(self.view.releases, self.contents, version)


@dataclass(frozen=True, slots=True)
class Seen:
    """The last report of a host's agent."""

    facts: HostFacts
    at: datetime.datetime


def read(database: Database) -> Stored:
    """What is stored now. Unavailable: the conductor has not started for the first time yet."""
    with database.reader() as conn:
        found = load(conn)
    if found is None:
        raise Unavailable(service="patching-conductor", reason="it has not started yet")
    return found


def load(conn: Connection) -> Stored | None:
    """What is stored in the transaction of ``conn``; None before the first start of the conductor."""
    system = conn.execute(sa.select(SYSTEM)).first()
    if system is None:
        return None
    releases, details, contents = _releases(conn)
    deploy = conn.execute(sa.select(DEPLOY)).first()
    rows = conn.execute(sa.select(DEPLOY_HOST)).all() if deploy is not None else []
    view = View(
        Version.parse(system.running), releases, deploy=None if deploy is None else _deploy(deploy),
        hosts={row.hostname: Host(row.inventory_id, row.hostname, row.personality) for row in rows},
        rows={row.hostname: HostRow(row.hostname, row.state, row.attempt, row.since_ms, row.error) for row in rows},
        precheck=_precheck(system.precheck))
    return Stored(view, system.revision, "" if deploy is None else deploy.uuid, details, contents,
                  {row.hostname: Progress(row.percent, row.progress) for row in rows})


def agents(conn: Connection) -> dict[str, Seen]:
    """The last reports by host name."""
    return {row.hostname: Seen(FACTS.from_document(row.facts, "facts"), row.seen_at)
            for row in conn.execute(sa.select(HOST_AGENT))}


def application_uses(conn: Connection) -> dict[str, list[str]]:
    """Ids of the patches that applications depend on, by application."""
    return {row.application: list(row.releases)
            for row in conn.execute(sa.select(APPLICATION_USE).order_by(APPLICATION_USE.c.application))}


def reply_of(task: OperationRecord) -> Reply | None:
    """The reply that a task has left at its end; None: it has not ended, or has failed before there was one."""
    document = (task.result or {}).get("reply")
    return None if document is None else REPLY.from_document(document, "reply")


def in_sync(controllers: Iterable[str], wanted: Mapping[str, str], held: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether these controllers hold the content of all releases. ``wanted``: digests by release id; ``held``: the same
    by controller, as ``mirrors`` returns them."""
    return all(held.get(name, {}).get(release) == digest for name in controllers
               for release, digest in wanted.items())


def mirrors(conn: Connection) -> dict[str, dict[str, str]]:
    """The content that controllers hold: digests by release id, by host name."""
    return {row.hostname: dict(row.digests) for row in conn.execute(sa.select(CONTENT_MIRROR))}


def _releases(conn: Connection) -> tuple[dict[str, Release], dict[str, ReleaseDetails], dict[str, Content]]:
    releases, details, contents = {}, {}, {}
    for row in conn.execute(sa.select(RELEASE).order_by(RELEASE.c.id)):
        releases[row.release_id] = Release(
            row.release_id, Version.parse(row.version), row.state, row.component, row.status, row.reboot_required,
            row.unremovable, tuple(row.requires))
        details[row.release_id] = DETAILS.from_document(row.details, "details")
        if row.content is not None:
            contents[row.release_id] = CONTENT.from_document(row.content, "content")
    return releases, details, contents


def _deploy(row: Any) -> Deploy:
    return Deploy(Version.parse(row.from_release), Version.parse(row.to_release), row.state, tuple(row.covers),
                  row.direction, row.owner, row.reboot_required, row.is_aborted, row.attempt, row.commit_id,
                  dict(row.options), row.error)


def _precheck(document: Any) -> Precheck | None:
    if document is None:
        return None
    found = PRECHECK.from_document(document, "precheck")
    return Precheck(found.release, found.is_healthy, found.at_ms, found.relaxed, found.text)
