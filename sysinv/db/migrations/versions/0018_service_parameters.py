# SPDX-License-Identifier: Apache-2.0
"""Service parameters with those that each system has; held changes of the configuration; SDN controllers."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime, new_uuid, utcnow

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

DEFAULTS = {
    ("identity", "config"): {"token_expiration": "3600"},
    ("identity", "security_compliance"): {
        "lockout_seconds": "1800", "lockout_retries": "5", "inactive_session_term_timeout_seconds": "3000"},
    ("identity", "ldap-linux"): {
        "lockout_seconds": "900", "lockout_retries": "5", "inactive_session_term_timeout_seconds": "900"},
    ("platform", "maintenance"): {
        "worker_boot_timeout": "720", "controller_boot_timeout": "1200", "heartbeat_period": "1000",
        "heartbeat_failure_action": "fail", "heartbeat_failure_threshold": "10", "heartbeat_degrade_threshold": "6",
        "mnfa_threshold": "2", "mnfa_timeout": "0"},
    ("platform", "kernel"): {"audit": "0"},
    ("platform", "config"): {
        "cpu_max_freq_min_percentage": "80", "intel_pstate": "none", "amd_pstate": "passive",
        "sctp_autoload": "enabled", "host_unlock_blocking_period": "120", "k8s_application_audit": "enabled",
        "autoreapply_apps_after_apply_runtime_manifest": "enabled", "cgroup_v2_enabled": "true"},
    ("platform", "coredump"): {"process_size_max": "2G", "external_size_max": "2G", "keep_free": "1G"},
    ("platform", "client"): {"cli_confirmations": "disabled"},
    ("radosgw", "config"): {"service_enabled": "false", "fs_size_mb": "25"},
    ("http", "config"): {"http_port": "8080", "https_port": "8443"},
}


def upgrade() -> None:
    table = op.create_table(
        "service_parameter", sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False), sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime), sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("service", sa.String(16), nullable=False), sa.Column("section", sa.String(128), nullable=False),
        sa.Column("name", sa.String(255), nullable=False), sa.Column("value", sa.Text, nullable=False),
        sa.Column("personality", sa.String(16), nullable=False), sa.Column("resource", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_parameter"),
        sa.UniqueConstraint("uuid", name="uniq_service_parameter0uuid"),
        sa.UniqueConstraint("service", "section", "name", "personality", "resource",
                            name="uniq_service_parameter0service0section0name"), sqlite_autoincrement=True)
    if op.get_bind().execute(sa.text("SELECT id FROM i_system")).first() is not None:
        op.bulk_insert(table, [
            {"uuid": new_uuid(), "created_at": utcnow(), "service": service, "section": section, "name": name,
             "value": value, "personality": "", "resource": ""}
            for (service, section), values in DEFAULTS.items() for name, value in values.items()])
    op.create_table(
        "sdn_controller", sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False), sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("updated_at", UtcTime), sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("state", sa.String(16), nullable=False), sa.Column("ip_address", sa.String(253), nullable=False),
        sa.Column("port", sa.Integer, nullable=False), sa.Column("transport", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sdn_controller"),
        sa.UniqueConstraint("uuid", name="uniq_sdn_controller0uuid"),
        sa.UniqueConstraint("ip_address", "port", name="uniq_sdn_controller0ip_address0port"),
        sqlite_autoincrement=True)
    op.add_column("runtime_config", sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("runtime_config", "held")
    op.drop_table("sdn_controller")
    op.drop_table("service_parameter")
