# SPDX-License-Identifier: Apache-2.0
"""Options of the outputs beyond those in ``fm.conf.options``: webhooks, Alertmanager, notifications on the bus."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm_outputs"


def _access(prefix: str, what: str) -> list[cfg.Opt]:
    return [
        cfg.StrOpt(f"{prefix}_bearer_token", secret=True, help=f"Bearer token for {what}."),
        cfg.StrOpt(f"{prefix}_username", help=f"User name for {what} (basic authentication)."),
        cfg.StrOpt(f"{prefix}_password", secret=True, help=f"Password for {what} (basic authentication)."),
        cfg.StrOpt(f"{prefix}_ca_file",
                   help=f"PEM file of the authorities trusted to sign the certificates of {what}; by default those of "
                        "the system. Certificates are always verified."),
    ]


OUTPUT_OPTS: list[cfg.Opt] = [
    cfg.BoolOpt("webhook_logs", default=False,
                help="Send customer logs to [fm] webhook_urls too, as resolved alerts."),
    *_access("webhook", "[fm] webhook_urls"),
    cfg.ListOpt("alertmanager_urls", default=[], secret=True,
                help="Base URLs of Prometheus Alertmanagers; alarms are sent to their /api/v2/alerts."),
    cfg.IntOpt("alertmanager_resend_s", default=60, min=5, max=3600,
               help="Seconds after which all active alarms are sent to an Alertmanager again. It ends an alert that "
                    "was not sent for four times as long."),
    *_access("alertmanager", "alertmanager_urls"),
    cfg.StrOpt("external_url", default="", help="URL where operators see alarms; written into webhook messages."),
    cfg.ListOpt("notification_topics", default=[],
                help="Topics of oslo.messaging on which each event is published with priority info; none by default, "
                     "because queues without a listener grow without limit."),
    cfg.IntOpt("notification_timeout_s", default=5, min=1, max=60,
               help="Seconds within which the broker must confirm a notification; after that it is sent again."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(OUTPUT_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, OUTPUT_OPTS)]
