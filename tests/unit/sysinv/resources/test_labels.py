# SPDX-License-Identifier: Apache-2.0
"""Labels of hosts: syntax, meaning, locked hosts; several in one request are assigned all or none."""
from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from sysinv.resources.label import rules
from sysinv.resources.label.rules import LABELS_MAX, LOCKED_KEYS, VALUES, check_body

# As in Kubernetes' API machinery: qualified names and DNS subdomains.
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NEAR = st.text(alphabet=string.ascii_letters[20:30] + "09-_./ é\n", max_size=12) | st.sampled_from(
    ["a" * 63, "a" * 64, "b" * 253 + "/a", "b" * 254 + "/a", "b" * 253 + "/" + "a" * 64])


def known_to_kubernetes(key: str, value: str) -> bool:
    *prefix, name = key.split("/")
    if len(prefix) > 1 or prefix and not (len(prefix[0]) <= 253 and SUBDOMAIN.fullmatch(prefix[0])):
        return False
    return bool(len(name) <= 63 and QUALIFIED.fullmatch(name)
                and len(value) <= 63 and (not value or QUALIFIED.fullmatch(value)))


def worker(cloud: Any, name: str = "worker-0") -> str:
    uuid = str(cloud.discover())
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=name).status == 200
    cloud.settle()
    return uuid


def unlocked(cloud: Any, uuid: str) -> None:
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available")


def pairs(cloud: Any, host: str) -> dict[str, str]:
    found = cloud.get(f"/v1/ihosts/{host}/labels").body["labels"]
    return {one["label_key"]: one["label_value"] for one in found}


@given(NEAR, NEAR)
def test_what_kubernetes_refuses_is_refused_and_nothing_else(key: str, value: str) -> None:
    if known_to_kubernetes(key, value):
        assert check_body({key: value}) == {key: value}
    else:
        with pytest.raises(InvalidInput):
            check_body({key: value})


def test_labels_are_assigned_listed_and_removed(cloud: Any) -> None:
    uuid = worker(cloud)
    wanted = {"sriovdp": "enabled", "example.com/rack": "7", "empty": ""}
    reply = cloud.post(f"/v1/labels/{uuid}?overwrite=False", wanted)
    assert reply.status == 200 and list(reply.body) == ["labels"]
    assert [(one["label_key"], one["label_value"], one["host_uuid"]) for one in reply.body["labels"]] == [
        (key, value, uuid) for key, value in wanted.items()]
    assert pairs(cloud, uuid) == pairs(cloud, "worker-0") == wanted
    label = reply.body["labels"][1]
    assert cloud.get(f"/v1/labels/{label['uuid']}").body == label
    assert set(label) == {"uuid", "host_uuid", "label_key", "label_value", "created_at", "updated_at", "links"}
    removed = cloud.delete(f"/v1/labels/{label['uuid']}")
    assert (removed.status, removed.body) == (204, None)
    assert pairs(cloud, "worker-0") == {"sriovdp": "enabled", "empty": ""}
    assert cloud.delete(f"/v1/labels/{label['uuid']}").status == cloud.delete("/v1/labels/sriovdp").status == 404
    assert cloud.post("/v1/labels/nobody", {"a": "b"}).status == 404


def test_a_host_may_be_named_in_every_way(cloud: Any) -> None:
    host = cloud.host(worker(cloud))
    for number, ident in enumerate((host["id"], host["uuid"], host["uuid"].upper(), "worker-0")):
        assert cloud.post(f"/v1/labels/{ident}", {f"k{number}": "v"}).status == 200
    assert set(pairs(cloud, "worker-0")) == {"k0", "k1", "k2", "k3"}


def test_overwrite(cloud: Any) -> None:
    uuid = worker(cloud)
    (first,) = cloud.post(f"/v1/labels/{uuid}", {"rack": "7"}).body["labels"]
    text = "Label rack exists for host worker-0. Use overwrite option to assign a new value."
    for query in ("", "?overwrite=False", "?overwrite="):
        reply = cloud.post(f"/v1/labels/{uuid}{query}", {"new": "x", "rack": "8"})
        assert (reply.status, reply.fault) == (400, text)
        assert pairs(cloud, uuid) == {"rack": "7"}, "all or none"
    (again,) = cloud.post(f"/v1/labels/{uuid}?overwrite=True", {"rack": "8"}).body["labels"]
    assert (again["uuid"], again["label_value"]) == (first["uuid"], "8")
    assert cloud.post(f"/v1/labels/{uuid}?overwrite=maybe", {"rack": "9"}).status == 400
    assert cloud.post(f"/v1/labels/{uuid}?other=1", {"rack": "9"}).status == 400
    assert pairs(cloud, uuid) == {"rack": "8"}


def test_two_hosts_have_the_same_key(cloud: Any) -> None:
    uuid = worker(cloud)
    for host, value in ((uuid, "1"), ("controller-0", "2")):
        assert cloud.post(f"/v1/labels/{host}", {"rack": value}).status == 200
    assert (pairs(cloud, uuid), pairs(cloud, "controller-0")) == ({"rack": "1"}, {"rack": "2"})
    assert len(cloud.get("/v1/labels").body["labels"]) == 2
    assert cloud.delete(f"/v1/ihosts/{uuid}").status == 204
    assert [one["label_value"] for one in cloud.get("/v1/labels").body["labels"]] == ["2"]


@pytest.mark.parametrize(("body", "fault"), [
    ({"rack": None}, "Invalid input for value of label rack: must be a text, not null or another type"),
    ({"rack": 7}, "Invalid input for value of label rack: must be a text, not null or another type"),
    ({"rack": "a b"}, "Invalid input for value of label rack: empty, or at most 63 characters: letters, digits, '-', "
                      "'_' and '.', with a letter or digit at both ends"),
    ({"a b": "x"}, "Invalid input for label key 'a b': 1 to 63 characters: letters, digits, '-', '_' and '.', with a "
                   "letter or digit at both ends"),
    ({"Example.com/a": "x"}, "Invalid input for label key 'Example.com/a': before '/' at most 253 characters: a DNS "
                             "subdomain in lower case"),
    ({}, "Invalid input for labels: an object with at least one key and its value"),
    ([{"a": "b"}], "Invalid input for labels: an object with at least one key and its value"),
    ({f"k{number}": "" for number in range(LABELS_MAX + 1)}, f"Invalid input for labels: at most {LABELS_MAX} labels"),
])
def test_what_is_no_label(cloud: Any, body: Any, fault: str) -> None:
    reply = cloud.post("/v1/labels/controller-0", body)
    assert (reply.status, reply.fault) == (400, fault)
    assert pairs(cloud, "controller-0") == {}


def test_a_host_has_a_bounded_number_of_labels(cloud: Any) -> None:
    most = {f"k{number}": "" for number in range(LABELS_MAX)}
    assert cloud.post("/v1/labels/controller-0", most).status == 200
    reply = cloud.post("/v1/labels/controller-0", {"one-more": ""})
    assert (reply.status, reply.fault) == (400, f"Host controller-0 can have at most {LABELS_MAX} labels.")
    assert cloud.post("/v1/labels/controller-0?overwrite=true", {"k0": "new"}).status == 200


@pytest.mark.parametrize("key", sorted(VALUES))
def test_values_that_the_platform_reads(cloud: Any, key: str) -> None:
    uuid = worker(cloud)
    for value in VALUES[key]:
        assert cloud.post(f"/v1/labels/{uuid}?overwrite=True", {key: value}).status == 200
    before = pairs(cloud, uuid)
    for value in ("", "other", "none" if key == "kube-cpu-mgr-policy" else "Nonsense"):
        reply = cloud.post(f"/v1/labels/{uuid}?overwrite=True", {key: value, "rack": "7"})
        assert reply.status == 400
        assert reply.fault == f"Invalid value '{value}' of label {key}. It must be one of: {', '.join(VALUES[key])}."
    assert pairs(cloud, uuid) == before


def test_only_policies_with_two_spellings_ignore_case(cloud: Any) -> None:
    uuid = worker(cloud)
    assert cloud.post(f"/v1/labels/{uuid}", {"kube-memory-mgr-policy": "Static", "kube-cpu-mgr-policy": "STATIC"}
                      ).status == 200
    assert pairs(cloud, uuid)["kube-memory-mgr-policy"] == "Static"
    assert cloud.post(f"/v1/labels/{uuid}", {"power-management": "Enabled"}).status == 400


def test_parameters_of_stalld_are_free_and_stalld_needs_a_worker(cloud: Any) -> None:
    uuid = worker(cloud)
    free = {"starlingx.io/stalld": "disabled", "starlingx.io/stalld.starving_threshold": "20"}
    assert cloud.post(f"/v1/labels/{uuid}", free).status == 200
    reply = cloud.post("/v1/labels/controller-0", {"starlingx.io/stalld": "enabled"})
    assert (reply.status, reply.fault) == (400, "Label starlingx.io/stalld needs a host with worker function.")


@pytest.mark.parametrize("key", sorted(LOCKED_KEYS))
def test_labels_that_need_a_locked_host(cloud: Any, key: str) -> None:
    uuid = worker(cloud)
    value = VALUES.get(key, ("enabled",))[-1]
    (label,) = cloud.post(f"/v1/labels/{uuid}", {key: value}).body["labels"]
    unlocked(cloud, uuid)
    fault = f"Host worker-0 must be locked before label {key} is changed."
    for reply in (cloud.post(f"/v1/labels/{uuid}?overwrite=True", {"rack": "7", key: value}),
                  cloud.delete(f"/v1/labels/{label['uuid']}")):
        assert (reply.status, reply.fault) == (409, fault)
    assert pairs(cloud, uuid) == {key: value}
    (other,) = cloud.post(f"/v1/labels/{uuid}", {"rack": "7"}).body["labels"]
    assert cloud.delete(f"/v1/labels/{other['uuid']}").status == 204


def test_power_management_keeps_the_frequency(cloud: Any) -> None:
    uuid = worker(cloud)
    change = {"max_cpu_mhz_configured": "2000"}
    assert "configurable" in cloud.patch(f"/v1/ihosts/{uuid}", **change).fault
    cloud.post(f"/v1/labels/{uuid}", {rules.POWER_MANAGEMENT: "enabled"})
    assert cloud.patch(f"/v1/ihosts/{uuid}", **change).fault == (
        "Max CPU frequency can not be changed while the host has label power-management.")
    assert cloud.patch(f"/v1/ihosts/{uuid}", location={"locn": "rack 7"}).status == 200
