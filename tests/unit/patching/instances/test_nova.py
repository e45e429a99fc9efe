# SPDX-License-Identifier: Apache-2.0
"""The driver of Nova against answers in the form of its API reference (microversion 2.72)."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from flock.core.errors import Refused, Unavailable
from patching.core.strategy.picture import InstanceState
from patching.instances import nova
from patching.instances.nova import Nova

URL = "http://nova/v2.1"


def server(name: str, status: str = "ACTIVE", host: str = "compute-0", task: str | None = None,
           meta: dict[str, str] | None = None, extra: dict[str, str] | None = None) -> dict[str, Any]:
    return {"id": name, "status": status, "OS-EXT-SRV-ATTR:host": host, "OS-EXT-STS:task_state": task,
            "metadata": meta or {}, "flavor": {"original_name": "m1.small", "extra_specs": extra or {}}}


class Compute:
    """Answers by method and path, without query; a list is given page by page. Notes what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str] | None] = []

    def at(self, method: str, path: str, body: Any, status: int = 200) -> Compute:
        self.answers[f"{method} {path}"] = (status, body)
        return self

    def endpoint(self, service_type: str) -> str:
        assert service_type == "compute"
        return f"{URL}/"

    def request(self, method: str, url: str, body: Mapping[str, Any] | None = None, timeout_s: float = 30.0,
                headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        path = url.removeprefix(f"{URL}/")
        self.asked.append((method, path, body))
        self.headers.append(headers)
        status, found = self.answers.get(f"{method} {path.partition('?')[0]}", (404, {"itemNotFound": {
            "message": "Instance could not be found.", "code": 404}}))
        if isinstance(found, list):
            found = found.pop(0)
        return status, b"" if found is None else found if isinstance(found, bytes) else json.dumps(found).encode()

    def changes(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.asked if one[0] != "GET"]


def test_servers_groups_and_aggregates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nova, "PAGE_MAX", 2)
    compute = Compute().at("GET", "servers/detail", [
        {"servers": [server("a"), server("b", "SHUTOFF")]},
        {"servers": [server("c", task="migrating"), server("d", "VERIFY_RESIZE", "compute-1")]},
        {"servers": [server("e", "DELETED")]}]).at("GET", "os-server-groups", [
            {"server_groups": [{"id": "g1", "policy": "anti-affinity", "members": ["a", "b"]},
                               {"id": "g2", "policy": "soft-anti-affinity", "members": ["a"]}]},
            {"server_groups": [{"id": "g3", "policy": "affinity", "members": ["a"]}]}]).at(
        "GET", "os-aggregates", {"aggregates": [{"name": "fast", "hosts": ["compute-0", "compute-1"]}]})
    seen = Nova(compute).look()
    assert {one.id: (one.host, one.state, one.is_locked) for one in seen.instances.values()} == {
        "a": ("compute-0", InstanceState.RUNNING, False), "b": ("compute-0", InstanceState.STOPPED, True),
        "c": ("compute-0", InstanceState.MOVING, False), "d": ("compute-1", InstanceState.MOVED, False)}
    assert seen.instances["a"].apart == {"g1", "g2"} and seen.instances["b"].apart == {"g1"}
    assert seen.aggregates == {"fast": {"compute-0", "compute-1"}}
    paths = [path for _, path, _ in compute.asked]
    assert "servers/detail?all_tenants=True&limit=2&marker=b" in paths
    assert "os-server-groups?all_projects=True&limit=2&offset=2" in paths
    assert {tuple(sorted((headers or {}).items())) for headers in compute.headers} == {
        tuple(sorted(nova.VERSION.items()))}


def test_live_or_cold_as_server_and_flavor_say() -> None:
    word = "hw:wrs:live_migration_timeout"
    for meta, extra, limit in (({}, {}, 800), ({word: "300"}, {word: "200"}, 200), ({word: "5"}, {}, 120),
                               ({word: "9000"}, {}, 800), ({word: "0"}, {word: "300"}, 0), ({word: "x"}, {}, 800)):
        one = server("a", meta=meta, extra=extra)
        assert nova.live_limit_s(one) == limit
        compute = Compute().at("GET", "servers/a", {"server": one}).at("POST", "servers/a/action", None, 202)
        Nova(compute).move("a")
        asked = {"os-migrateLive": {"host": None, "block_migration": "auto"}} if limit else {"migrate": None}
        assert compute.changes() == [("POST", "servers/a/action", asked)]
    assert nova.instance(server("a", meta={word: "0"}), {}).move_limit_s == 900


@pytest.mark.parametrize(("call", "status", "action"), [
    ("move", "MIGRATING", None), ("move", "VERIFY_RESIZE", None), ("confirm_move", "VERIFY_RESIZE", "confirmResize"),
    ("confirm_move", "ACTIVE", None), ("stop", "ACTIVE", "os-stop"), ("stop", "SHUTOFF", None),
    ("start", "SHUTOFF", "os-start"), ("start", "ACTIVE", None)])
def test_what_is_done_already_is_not_asked_for(call: str, status: str, action: str | None) -> None:
    compute = Compute().at("GET", "servers/a", {"server": server("a", status)}).at("POST", "servers/a/action", None)
    getattr(Nova(compute), call)("a")
    assert [next(iter(body)) for _, _, body in compute.changes()] == ([action] if action else [])


TRACE = """Traceback (most recent call last):
  File "/x/nova/compute/utils.py", line 1, in decorated_function
    return function(self, context, *args, **kwargs)
nova.exception.NoValidHost: No valid host was found. There are not enough hosts available.
"""


def test_a_move_that_nova_accepted_and_that_failed_later_tells_its_reason() -> None:
    def actions(*rows: tuple[str, str, str | None]) -> dict[str, Any]:
        return {"instanceActions": [{"request_id": f"req-{number}", "action": action, "message": message}
                                    for number, action, message in rows]}

    one = server("a")
    compute = Compute().at("GET", "servers/a", {"server": one}).at("POST", "servers/a/action", None, 202).at(
        "GET", "servers/detail", {"servers": [one]}).at("GET", "os-server-groups", {"server_groups": []}).at(
        "GET", "os-aggregates", {"aggregates": []})
    driver = Nova(compute)
    listed = "servers/a/os-instance-actions"
    before = ("1", "live-migration", "Error"), ("0", "create", None)
    compute.at("GET", listed, actions(*before))
    assert driver.look().instances["a"].trouble == ""
    driver.move("a")
    assert driver.look().instances["a"].trouble == ""
    compute.at("GET", listed, actions(("2", "live-migration", None), *before))
    assert driver.look().instances["a"].trouble == ""
    compute.at("GET", listed, actions(("3", "lock", None), ("2", "live-migration", "Error"), *before)).at(
        "GET", f"{listed}/req-2", {"instanceAction": {"action": "live-migration", "events": [
            {"event": "compute_live_migration", "result": "Success", "traceback": None},
            {"event": "conductor_live_migrate_instance", "result": "Error", "traceback": TRACE}]}})
    assert driver.look().instances["a"].trouble == (
        "the live migration has failed: No valid host was found. There are not enough hosts available. (req-2)")
    # Newer ones say the reason by itself, and an older one does not know that version.
    compute.at("GET", f"{listed}/req-2", {"instanceAction": {"events": [
        {"result": "Error", "traceback": "  File", "details": "No valid host was found."}]}})
    assert driver.look().instances["a"].trouble == "the live migration has failed: No valid host was found. (req-2)"
    compute.at("GET", f"{listed}/req-2", {"computeFault": {"message": "Version 2.84 is not supported"}}, 406)
    with pytest.raises(Refused, match="is not supported"):
        driver.look()
    assert [(headers or {})["OpenStack-API-Version"] for headers in compute.headers[-2:]] == [
        "compute 2.84", "compute 2.72"]
    one["OS-EXT-SRV-ATTR:host"] = "compute-1"
    assert driver.look().instances["a"].trouble == ""


@pytest.mark.parametrize(("traceback", "said"), [
    (TRACE, "No valid host was found. There are not enough hosts available."), ("", ""), ("  indented: only", ""),
    ("x.Y: first\nTraceback:\n  z\n\nx.Y: last: word\n\n'", "last: word")])
def test_the_sentence_of_a_traceback(traceback: str, said: str) -> None:
    assert nova.sentence(traceback) == said


@pytest.mark.parametrize("call", ["move", "confirm_move", "stop", "start"])
def test_a_server_that_is_gone_needs_nothing(call: str) -> None:
    compute = Compute()
    getattr(Nova(compute), call)("a")
    assert compute.changes() == []


def test_hosts_are_closed_and_only_what_was_closed_here_is_opened() -> None:
    def services(status: str, reason: str | None) -> Compute:
        return Compute().at("GET", "os-services", {"services": [
            {"id": "s1", "binary": "nova-compute", "status": status, "disabled_reason": reason}]}).at(
            "PUT", "os-services/s1", {})

    enabled = services("enabled", None)
    Nova(enabled).close_host("compute-0")
    assert enabled.changes() == [("PUT", "os-services/s1", {
        "status": "disabled", "disabled_reason": "software deployment"})]
    assert enabled.asked[0][1] == "os-services?host=compute-0&binary=nova-compute"
    for status, reason, changes in (("disabled", "software deployment", 1), ("disabled", "memory is replaced", 0),
                                    ("enabled", None, 0)):
        closed = services(status, reason)
        Nova(closed).open_host("compute-0")
        assert len(closed.changes()) == changes
    other = services("disabled", "memory is replaced")
    Nova(other).close_host("compute-0")
    assert other.changes() == []


def test_refusals_and_outages() -> None:
    refusing = Compute().at("GET", "servers/a", {"server": server("a")}).at(
        "POST", "servers/a/action", {"badRequest": {"message": "No valid host was found.", "code": 400}}, 400)
    with pytest.raises(Refused, match="No valid host was found"):
        Nova(refusing).move("a")
    for status, body in ((503, b"<html>"), (200, b"no json"), (200, [[]])):
        with pytest.raises(Unavailable):
            Nova(Compute().at("GET", "os-server-groups", body, status)).look()
