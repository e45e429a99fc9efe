# SPDX-License-Identifier: Apache-2.0
"""Tables of software management. The conductor alone writes them, but for the strategy; the APIs and
the orchestrator read."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import EnumText, Json, UtcTime, columns, metadata, revision_column
from flock.jobs.store import operations_table
from patching.contract.states import DeployState, Direction, HostState, Owner, ReleaseState, ReleaseStatus

METADATA = metadata()
ID_MAX, TEXT_MAX = 255, 65_536

# One row: what belongs to no release. Each step of the conductor raises its revision, so that two cannot cross.
SYSTEM = sa.Table(
    "system", METADATA, *columns(), revision_column(),
    sa.Column("running", sa.String(32), nullable=False),
    sa.Column("precheck", Json, nullable=True),
)

RELEASE = sa.Table(
    "release", METADATA, *columns(),
    sa.Column("release_id", sa.String(ID_MAX), nullable=False, unique=True),
    sa.Column("component", sa.String(ID_MAX), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("state", EnumText(ReleaseState, 32), nullable=False),
    sa.Column("status", EnumText(ReleaseStatus, 8), nullable=False),
    sa.Column("reboot_required", sa.Boolean, nullable=False),
    sa.Column("unremovable", sa.Boolean, nullable=False),
    sa.Column("requires", Json, nullable=False),
    # The rest of its description: texts, names of scripts and packages, versions from which it can be reached.
    sa.Column("details", Json, nullable=False),
    sa.Column("content", Json, nullable=True),
)

# At most one row: ``only`` is always 1.
DEPLOY = sa.Table(
    "deploy", METADATA, *columns(),
    sa.Column("only", sa.Integer, nullable=False, unique=True, default=1),
    sa.Column("from_release", sa.String(32), nullable=False),
    sa.Column("to_release", sa.String(32), nullable=False),
    sa.Column("state", EnumText(DeployState, 32), nullable=False),
    sa.Column("direction", EnumText(Direction, 16), nullable=False),
    sa.Column("owner", EnumText(Owner, 16), nullable=False),
    sa.Column("covers", Json, nullable=False),
    sa.Column("options", Json, nullable=False),
    sa.Column("reboot_required", sa.Boolean, nullable=False),
    sa.Column("is_aborted", sa.Boolean, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("commit_id", sa.String(ID_MAX), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)

DEPLOY_HOST = sa.Table(
    "deploy_host", METADATA, *columns(),
    sa.Column("deploy_uuid", sa.String(36), sa.ForeignKey("deploy.uuid", ondelete="CASCADE"), nullable=False),
    sa.Column("hostname", sa.String(ID_MAX), nullable=False, unique=True),
    # As the inventory had them when the deployment began: the order of the hosts follows from them.
    sa.Column("personality", sa.String(32), nullable=False, default=""),
    sa.Column("inventory_id", sa.Integer, nullable=False, default=0),
    sa.Column("state", EnumText(HostState, 32), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("percent", sa.Integer, nullable=False, default=0),
    sa.Column("progress", sa.String(ID_MAX), nullable=False, default=""),
)

# What the agent of a host has reported last.
HOST_AGENT = sa.Table(
    "host_agent", METADATA, *columns(),
    sa.Column("hostname", sa.String(ID_MAX), nullable=False, unique=True),
    sa.Column("facts", Json, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
)

CONTENT_MIRROR = sa.Table(
    "content_mirror", METADATA, *columns(),
    sa.Column("hostname", sa.String(ID_MAX), nullable=False, unique=True),
    sa.Column("digests", Json, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
)

# Patches that an application depends on; they are not removed without a word.
APPLICATION_USE = sa.Table(
    "application_use", METADATA, *columns(),
    sa.Column("application", sa.String(ID_MAX), nullable=False, unique=True),
    sa.Column("releases", Json, nullable=False),
)

TASK = operations_table(METADATA, "task")

REQUEST = sa.Table(
    "request", METADATA,
    sa.Column("request_id", sa.String(36), primary_key=True),
    sa.Column("reply", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# At most one row: ``only`` is always 1. The orchestrator alone writes it.
STRATEGY = sa.Table(
    "strategy", METADATA, *columns(), revision_column(),
    sa.Column("only", sa.Integer, nullable=False, unique=True, default=1),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("document", Json, nullable=False),
)
