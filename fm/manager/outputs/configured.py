# SPDX-License-Identifier: Apache-2.0
"""Makes the outputs that the options enable."""
from __future__ import annotations

from typing import Any

from flock.db import Database
from fm.conf import options as fm_options
from fm.conf import outputs as output_options
from fm.core.records import NoticeKind
from fm.manager.outputs.bus import BusNotifier
from fm.manager.outputs.http import Access, Poster, parse_url
from fm.manager.outputs.output import ALARMS, EVENTS, TRAPS, Output
from fm.manager.outputs.sinks import SystemLog, TrapAgent
from fm.manager.outputs.snmp import snmp_sinks
from fm.manager.outputs.webhook import ALERTS_PATH, Alertmanager, Webhook, visible_alarms


def outputs_from(conf: Any, db: Database) -> list[Output]:
    """The outputs that the configuration enables; ValueError names the invalid option."""
    fm, more = fm_options.register(conf), output_options.register(conf)
    found = [*_webhooks(fm, more), *_alertmanagers(more, db)]
    if fm.syslog_address:
        found.append(Output("syslog", SystemLog(fm.syslog_address), EVENTS, hidden_too=True))
    if more.notification_topics:
        found.append(Output("bus", BusNotifier(conf, more.notification_topics, conf.rpc.exchange), EVENTS))
    if fm.trap_agent_host:
        agent = TrapAgent(fm.trap_agent_host, fm.trap_agent_port, fm.region_name, fm.system_name)
        found.append(Output("trap", agent, TRAPS, warm_start=True))
    found.extend(Output(name, sink, TRAPS, warm_start=True)
                 for name, sink in snmp_sinks(conf, fm.region_name, fm.system_name).items())
    return found


def _webhooks(fm: Any, more: Any) -> list[Output]:
    access = Access(more.webhook_bearer_token or "", more.webhook_username or "", more.webhook_password or "",
                    more.webhook_ca_file or "")
    kinds = ALARMS | {NoticeKind.LOG} if more.webhook_logs else ALARMS
    found = []
    for text in dict.fromkeys(fm.webhook_urls):
        url = parse_url(text, "[fm] webhook_urls")
        poster = Poster("webhook", url, access)
        found.append(Output(url.output_name("webhook"), Webhook(poster, more.external_url), kinds))
    return found


def _alertmanagers(more: Any, db: Database) -> list[Output]:
    access = Access(more.alertmanager_bearer_token or "", more.alertmanager_username or "",
                    more.alertmanager_password or "", more.alertmanager_ca_file or "")
    resend_s = float(more.alertmanager_resend_s)
    found = []
    for text in dict.fromkeys(more.alertmanager_urls):
        base = text.strip().rstrip("/").removesuffix(ALERTS_PATH)
        url = parse_url(base + ALERTS_PATH, f"[{output_options.GROUP}] alertmanager_urls")
        sink = Alertmanager(Poster("Alertmanager", url, access), visible_alarms(db), resend_s, more.external_url)
        found.append(Output(url.output_name("alertmanager"), sink, ALARMS, refresh_s=resend_s))
    return found
