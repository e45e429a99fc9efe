# SPDX-License-Identifier: Apache-2.0
"""The lab's client of the cloud it runs: REST calls as the admin user with time limits, and waits for conditions."""
from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3
from requests.adapters import HTTPAdapter
from urllib3 import Retry

REQUEST_TIMEOUT_S = 20.0
# A server may close a connection that is kept open just when the next request is on its way (nginx does when it reads
# its certificates again); a client repeats such a request if it changes nothing (RFC 9112, 9.3.1). A refused connection
# and every status are errors at once.
REPEAT_READS = Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=("GET",))
# Keystone may refuse for the moment (429); then it has done nothing.
REPEAT_LOGINS = Retry(total=5, connect=0, read=False, redirect=0, status=5, other=0, allowed_methods=None,
                      status_forcelist=(429,), backoff_factor=1)
POLL_S = 0.3


class NotInTime(Exception):
    """A condition did not become true in time; the text contains what was last seen."""


class CloudClient:
    """Reads hosts, alarms and events of the cloud behind 127.0.0.1, verified by ``ca.crt`` next to the password."""

    def __init__(self, password_file: Path, auth_url: str = "https://127.0.0.1:5000/v3") -> None:
        auth = v3.Password(auth_url=auth_url, username="admin", password=password_file.read_text().strip(),
                           project_name="admin", user_domain_name="Default", project_domain_name="Default")
        http = requests.Session()
        http.mount("https://", HTTPAdapter(max_retries=REPEAT_READS))
        http.mount(auth_url, HTTPAdapter(max_retries=REPEAT_LOGINS))
        self._session = session.Session(auth=auth, timeout=REQUEST_TIMEOUT_S, session=http,
                                        verify=str(password_file.with_name("ca.crt")))
        self._sysinv = adapter.Adapter(self._session, endpoint_override="https://127.0.0.1:6385/v1")
        self._fm = adapter.Adapter(self._session, endpoint_override="https://127.0.0.1:18002/v1")

    def hosts(self) -> list[dict[str, Any]]:
        """Return all hosts as on the wire."""
        return list(self._sysinv.get("/ihosts").json()["ihosts"])

    def host(self, name: str) -> dict[str, Any] | None:
        """Return the host with that name or MAC address."""
        return next((host for host in self.hosts() if name in (host["hostname"], host["mgmt_mac"])), None)

    def alarms(self) -> list[dict[str, Any]]:
        """Return the active alarms as on the wire."""
        return list(self._fm.get("/alarms").json()["alarms"])

    def events(self, limit: int = 200) -> list[dict[str, Any]]:
        """Return events, newest first."""
        return list(self._fm.get(f"/event_log?limit={limit}").json()["event_log"])

    def alarm_ids(self, entity: str) -> set[str]:
        """Return the ids of the active alarms of one entity or below it."""
        return {alarm["alarm_id"] for alarm in self.alarms()
                if alarm["entity_instance_id"] == entity or alarm["entity_instance_id"].startswith(entity + ".")}


def states(host: dict[str, Any] | None) -> str:
    """Return ``administrative/operational/availability task`` of a host, for messages and comparisons."""
    if host is None:
        return "absent"
    text = f"{host['administrative']}/{host['operational']}/{host['availability']}"
    return f"{text} ({host['task']})" if host.get("task") else text


def wait_for(what: str, probe: Callable[[], Any], timeout_s: float, describe: Callable[[], str] = lambda: "") -> Any:
    """Poll ``probe`` until it returns something true, and return that.

    Polls on while a service is down (its controller reboots). NotInTime after ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    last_error = ""
    while True:
        try:
            found = probe()
            if found:
                return found
            last_error = ""
        except (ClientException, OSError, KeyError) as error:
            last_error = f"; last error: {error}"
        if time.monotonic() > deadline:
            seen = ""
            try:
                seen = describe()
            except (ClientException, OSError) as error:
                last_error = f"; last error: {error}"
            raise NotInTime(f"{what} did not become true within {timeout_s:g} s; seen: {seen or 'nothing'}{last_error}")
        time.sleep(POLL_S)


def wait_states(cloud: CloudClient, name: str, wanted: str, timeout_s: float) -> dict[str, Any]:
    """Wait until a host's ``administrative/operational/availability`` equals ``wanted``; returns the host."""
    def probe() -> dict[str, Any] | None:
        host = cloud.host(name)
        return host if host is not None and states({**host, "task": None}) == wanted else None

    found: dict[str, Any] = wait_for(f"{name} {wanted}", probe, timeout_s, lambda: states(cloud.host(name)))
    return found
