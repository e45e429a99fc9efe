# SPDX-License-Identifier: Apache-2.0
"""Releases, the deployment and its hosts, reports of agents and controllers, tasks, answered requests."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _table("system", sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
           _text("running", 32), sa.Column("precheck", sa.Text(), nullable=True))
    _table("release", _text("release_id", 255), _text("component", 255), _text("version", 32), _text("state", 32),
           _text("status", 8), _flag("reboot_required"), _flag("unremovable"), _text("requires"), _text("details"),
           sa.Column("content", sa.Text(), nullable=True), unique="release_id")
    _table("deploy", _number("only"), _text("from_release", 32), _text("to_release", 32), _text("state", 32),
           _text("direction", 16), _text("owner", 16), _text("covers"), _text("options"), _flag("reboot_required"),
           _flag("is_aborted"), _number("attempt"), _text("commit_id", 255), _text("error"), unique="only")
    _table("deploy_host", _text("deploy_uuid", 36), _text("hostname", 255), _text("personality", 32),
           _number("inventory_id"), _text("state", 32), _number("attempt"),
           sa.Column("since_ms", sa.BigInteger(), nullable=False), _text("error"), _number("percent"),
           _text("progress", 255),
           sa.ForeignKeyConstraint(["deploy_uuid"], ["deploy.uuid"], name="fk_deploy_host_deploy_uuid",
                                   ondelete="CASCADE"), unique="hostname")
    _table("host_agent", _text("hostname", 255), _text("facts"), _time("seen_at"), unique="hostname")
    _table("content_mirror", _text("hostname", 255), _text("digests"), _time("seen_at"), unique="hostname")
    _task()
    op.create_table("request", _text("request_id", 36), _text("reply"), _time("at"),
                    sa.PrimaryKeyConstraint("request_id", name="pk_request"))
    op.create_index("ix_request_at", "request", ["at"])


def downgrade() -> None:
    for table in ("request", "task", "content_mirror", "host_agent", "deploy_host", "deploy", "release", "system"):
        op.drop_table(table)


def _task() -> None:
    _table("application_use", _text("application", 255), _text("releases"), unique="application")
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False), _text("uuid", 36), _text("kind", 64), _text("subject", 255),
        sa.Column("active_key", sa.String(255), nullable=True), _text("params"), _text("state", 16), _number("step"),
        _number("attempts"), _text("result"), sa.Column("error", sa.Text(), nullable=True), _flag("undo_failed"),
        sa.Column("cancel_reason", sa.String(255), nullable=True), _time("next_run_at"),
        sa.Column("step_deadline", sa.DateTime(), nullable=True),
        sa.Column("last_try", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("deadline", sa.DateTime(), nullable=True), sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True), _time("created_at"),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        sa.UniqueConstraint("uuid", name="uniq_task0uuid"),
        sa.UniqueConstraint("active_key", name="uniq_task0active_key"))
    op.create_index("ix_task_state_next_run_at", "task", ["state", "next_run_at"])
    op.create_index("ix_task_subject", "task", ["subject"])


def _table(name: str, *columns: Any, unique: str = "") -> None:
    op.create_table(
        name, sa.Column("id", sa.Integer(), nullable=False), _text("uuid", 36), _time("created_at"),
        sa.Column("updated_at", sa.DateTime(), nullable=True), *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        *(sa.UniqueConstraint(column, name=f"uniq_{name}0{column}") for column in ("uuid", unique) if column))


def _text(name: str, length: int = 0) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(), nullable=False)
