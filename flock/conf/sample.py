# SPDX-License-Identifier: Apache-2.0
"""What the sample configuration generator prints (entry point: ``flock.conf.sample:list_opts``)."""
from __future__ import annotations

from typing import Any

from keystoneauth1 import loading as ks_loading

from flock.conf.options import API_OPTS, DAEMON_OPTS, DATABASE_OPTS, SERVICE_AUTH_GROUP


def list_opts() -> list[tuple[str, list[Any]]]:
    """Group name and options of everything the kernel registers."""
    auth = [*ks_loading.get_auth_common_conf_options(), *ks_loading.get_session_conf_options(),
            *ks_loading.get_adapter_conf_options(), *ks_loading.get_auth_plugin_conf_options("password")]
    return [("DEFAULT", DAEMON_OPTS), ("database", DATABASE_OPTS), ("api", API_OPTS), (SERVICE_AUTH_GROUP, auth)]
