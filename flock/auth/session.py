# SPDX-License-Identifier: Apache-2.0
"""The identity of a daemon towards its neighbours: keystoneauth sessions and adapters from [service_auth]."""
from __future__ import annotations

from typing import Any

from keystoneauth1 import adapter as ks_adapter
from keystoneauth1 import loading as ks_loading
from keystoneauth1 import session as ks_session

from flock.conf.options import SERVICE_AUTH_GROUP

REQUEST_TIMEOUT_S = 30
CONNECT_RETRIES = 2
RETRIED_STATUSES = (502, 503, 504)


def register(conf: Any, group: str = SERVICE_AUTH_GROUP) -> None:
    """Register the options of ``group``; harmless when repeated."""
    ks_loading.register_auth_conf_options(conf, group)
    ks_loading.register_session_conf_options(conf, group)
    ks_loading.register_adapter_conf_options(conf, group)
    conf.set_default("timeout", REQUEST_TIMEOUT_S, group=group)


def session(conf: Any, group: str = SERVICE_AUTH_GROUP) -> ks_session.Session:
    """A session that logs in when first used. Every request is bounded by ``[group] timeout`` (30 s).

    Raises keystoneauth's MissingRequiredOptions when the group is incomplete.
    """
    register(conf, group)
    auth = ks_loading.load_auth_from_conf_options(conf, group)
    return ks_loading.load_session_from_conf_options(conf, group, auth=auth)


def adapter(conf: Any, service_type: str, *, keystone: ks_session.Session | None = None,
            group: str = SERVICE_AUTH_GROUP, **overrides: Any) -> ks_adapter.Adapter:
    """An adapter for ``service_type`` from the catalogue, in the region and interface of ``group``.

    Safe to repeat requests are retried after failed connections and on 502, 503, 504, twice.
    """
    register(conf, group)
    settings: dict[str, Any] = {
        "service_type": service_type, "connect_retries": CONNECT_RETRIES, "status_code_retries": CONNECT_RETRIES,
        "retriable_status_codes": RETRIED_STATUSES, "raise_exc": False, **overrides,
    }
    for name in ("region_name", "endpoint_override"):
        value = getattr(conf[group], name, None)
        if value and name not in overrides:
            settings[name] = value
    interfaces = getattr(conf[group], "valid_interfaces", None)
    settings.setdefault("interface", list(interfaces) if interfaces else ["internal", "public"])
    return ks_adapter.Adapter(session=keystone or session(conf, group), **settings)
