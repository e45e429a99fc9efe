# SPDX-License-Identifier: Apache-2.0
"""The audit log: one line for each request that may change something, without secrets."""
from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from flock.api.exchange import Exchange

LOG = logging.getLogger("flock.audit")
AUDITED = frozenset({"POST", "PUT", "PATCH", "DELETE"})
BODY_CHARS_MAX = 2048
HIDDEN = "***"
_SECRET = re.compile(r"passw|passphrase|secret|token|key|community|credential", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def without_secrets(value: Any, depth: int = 0) -> Any:
    """A copy of a JSON value with ``***`` in place of the values of keys that look secret.

    Also treats the ``path`` and ``value`` of a json-patch operation, and name/value pairs, as key and value.
    """
    if depth > 16:
        return HIDDEN
    if isinstance(value, list):
        return [without_secrets(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    named = " ".join(str(value.get(key, "")) for key in ("path", "name", "parameter"))
    clean = {}
    for key, item in value.items():
        hide = _SECRET.search(str(key)) or (key == "value" and _SECRET.search(named))
        clean[key] = HIDDEN if hide and item not in (None, "") else without_secrets(item, depth + 1)
    return clean


def body_text(content: bytes | None, content_type: str) -> str:
    """The body for the log: JSON without secrets, cut to ``BODY_CHARS_MAX``; for anything else only its length."""
    if not content:
        return "-"
    if "multipart" in content_type or len(content) > 1024 * 1024:
        return f"<{len(content)} bytes>"
    try:
        value = json.loads(content)
        if not isinstance(value, (dict, list)):
            return f"<{len(content)} bytes>"
        text = json.dumps(without_secrets(value))
    except (ValueError, RecursionError):
        return f"<{len(content)} bytes, not JSON>"
    return text if len(text) <= BODY_CHARS_MAX else text[:BODY_CHARS_MAX] + "..."


def record(exchange: Exchange, environ: dict[str, Any]) -> None:
    """Write the audit line of one finished request."""
    if exchange.method not in AUDITED:
        return
    ctx = exchange.ctx
    LOG.info(
        "%s %s status: %d len: %d time: %.4f address: %s user: %s/%s tenant: %s/%s domain: %s host: %s agent: %s "
        "request_id: %s body: %s",
        exchange.method, _line(exchange.path), exchange.status, exchange.length,
        time.perf_counter() - exchange.started_s, _line(environ.get("REMOTE_ADDR", "-")),
        _line(ctx.user_id), _line(ctx.user_name), _line(ctx.project_id), _line(ctx.project_name),
        _line(ctx.user_domain_name), _line(environ.get("HTTP_HOST", "-")), _line(environ.get("HTTP_USER_AGENT", "-")),
        exchange.request_id, body_text(exchange.body, str(environ.get("CONTENT_TYPE", "")).lower()))


def _line(value: object) -> str:
    """``value`` as text without control characters, so that it cannot start a new log line."""
    return _CONTROL.sub("?", str(value if value is not None else "-"))[:512]
