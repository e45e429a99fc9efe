# SPDX-License-Identifier: Apache-2.0
"""How our options become gunicorn's settings; the running server is tested in tests/functional/kernel_http."""
from __future__ import annotations

from types import SimpleNamespace

from flock.service.web import gunicorn_settings


def test_settings_for_ipv6_and_tls() -> None:
    options = SimpleNamespace(bind_host="::", bind_port=0, bind_socket=None, workers=2, threads=4, backlog=64,
                              keep_alive_s=75, tls_certificate="/c", tls_key="/k")
    settings = gunicorn_settings("fm-api", options, 18002)
    assert settings["bind"] == ["[::]:18002"]
    assert (settings["certfile"], settings["keyfile"]) == ("/c", "/k")
    assert settings["control_socket_disable"] is True
    assert settings["keepalive"] == 75
