# SPDX-License-Identifier: Apache-2.0
"""Requests with a service's own account: where other services are, and headers of a request."""
from __future__ import annotations

from typing import Any

import pytest
from keystoneauth1 import exceptions

from flock.auth import session as module
from flock.auth.session import OwnSession
from flock.core.errors import Unavailable
from flock.testing.fixtures import private_conf


class Answer:
    status_code, content = 200, b"{}"


class Session:
    """Stands in for keystoneauth1's."""

    found: Any = "https://cloud:6385/v1"

    def __init__(self, **_: Any) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_endpoint(self, **words: Any) -> Any:
        self.asked.append(words)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def request(self, url: str, method: str, **words: Any) -> Answer:
        self.asked.append(words)
        return Answer()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[OwnSession, list[Session]]:
    sessions: list[Session] = []

    def session(**words: Any) -> Session:
        sessions.append(Session(**words))
        return sessions[-1]

    monkeypatch.setattr(module, "Session", session)
    monkeypatch.setattr(module.loading, "load_auth_from_conf_options", lambda *_: None)
    return OwnSession(private_conf(), "sysinv-api"), sessions


def test_the_internal_url_of_a_service(made: tuple[OwnSession, list[Session]]) -> None:
    own, (session,) = made
    assert own.endpoint("platform") == "https://cloud:6385/v1"
    assert session.asked == [{"service_type": "platform", "interface": "internal", "region_name": None}]


@pytest.mark.parametrize("found", [None, exceptions.ConnectFailure("refused"), OSError("no route")])
def test_a_service_that_cannot_be_found(made: tuple[OwnSession, list[Session]], found: Any) -> None:
    own, (session,) = made
    session.found = found
    with pytest.raises(Unavailable, match="sysinv-api is not available"):
        own.endpoint("platform")


def test_headers_of_a_request(made: tuple[OwnSession, list[Session]]) -> None:
    own, (session,) = made
    assert own.request("GET", "http://nova/servers", headers={"OpenStack-API-Version": "compute 2.72"}) == (200, b"{}")
    assert session.asked[0]["headers"] == {"Accept": "application/json", "OpenStack-API-Version": "compute 2.72"}
