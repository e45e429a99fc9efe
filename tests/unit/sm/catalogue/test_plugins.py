# SPDX-License-Identifier: Apache-2.0
"""How definitions name plug-ins."""
import pytest

from sm.catalogue import plugins
from sm.contract.states import PluginKind, ServiceAction


@pytest.mark.parametrize(("text", "wanted"), [
    ("ocf:heartbeat/IPaddr2", (PluginKind.OCF, "heartbeat", "IPaddr2")),
    ("ocf:rabbitmq/stx.rabbitmq-server", (PluginKind.OCF, "rabbitmq", "stx.rabbitmq-server")),
    ("lsb:haproxy", (PluginKind.LSB, "", "haproxy")),
    ("systemd:postgresql@15-main.service", (PluginKind.SYSTEMD, "", "postgresql@15-main.service")),
    ("exec:/opt/flock/venv/bin/sm-mirror", (PluginKind.EXEC, "", "/opt/flock/venv/bin/sm-mirror")),
    ("http:https://127.0.0.1:5000/v3", (PluginKind.HTTP, "", "https://127.0.0.1:5000/v3")),
    ("tcp:[::1]:5432", (PluginKind.TCP, "", "[::1]:5432")),
])
def test_good(text: str, wanted: tuple[PluginKind, str, str]) -> None:
    assert plugins.parse(text) == wanted


@pytest.mark.parametrize(("text", "rule"), [
    ("", "must begin with one of ocf:"), ("python:x", "must begin with one of"), ("lsb", "must begin with one of"),
    ("ocf:IPaddr2", "an OCF agent needs its provider"), ("ocf:../x/y", "an OCF agent needs its provider"),
    ("lsb:../../bin/sh", "init script"), ("lsb:a b", "init script"), ("systemd:flock-front", "systemd unit"),
    ("exec:sm-mirror", "absolute path"), ("exec:/opt/../bin/sh", "absolute path"), ("http:127.0.0.1", "must be a URL"),
    ("http:ftp://x", "must be a URL"), ("tcp:127.0.0.1", "an address and a port"),
])
def test_bad(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        plugins.parse(text)


def test_words_for_actions() -> None:
    assert [plugins.command(PluginKind.LSB, action) for action in ServiceAction] == [
        "start", "stop", "", "", "status", "status"]
    assert [plugins.command(PluginKind.OCF, action) for action in ServiceAction] == [
        "start", "stop", "", "", "monitor", "monitor"]
