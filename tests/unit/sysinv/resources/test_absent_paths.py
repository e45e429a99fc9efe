# SPDX-License-Identifier: Apache-2.0
"""What StarlingX has and this release does not yet is told apart from hosts and items that do not exist."""
from __future__ import annotations

import json
from typing import Any

import pytest
import webob

from flock.api.absent import Absent, absent_at
from flock.api.build import build_app, dialect_of, published_routes
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from mtce.api.absent import ABSENT as MTCE
from sysinv.api.absent import ABSENT as SYSINV

APIS = ("sysinv", "mtce")
ERROR_KEY = ("/v1/license/install_license", "/v1/certificate/certificate_install",
             "/v1/storage_ceph_external/ceph_conf_upload", "/v1/device_images", "/v1/kube_config_kubelet/apply")


def test_an_entry_covers_its_paths_and_all_below() -> None:
    things = Absent("Things", ("/v1/things", "/v1/hosts/*/things"))
    for path in ("/v1/things", "/v1/things/7", "/v1/things/7/parts", "/v1/hosts/a/things", "/v1/hosts/a/things/7"):
        assert absent_at([things], path) is things
    for path in ("/v1", "/v1/thingses", "/v1/hosts/things", "/v1/hosts/a/other", "/v1/hosts"):
        assert absent_at([things], path) is None


def test_no_path_is_named_twice() -> None:
    for known in (SYSINV, MTCE):
        paths = [path for entry in known for path in entry.paths]
        assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("subsystem", APIS)
def test_nothing_that_is_served_is_called_absent(subsystem: str) -> None:
    known = dialect_of(subsystem).absent
    assert known
    for route in published_routes(subsystem):
        assert absent_at(known, route.path) is None, route.path


@pytest.mark.parametrize(("method", "path", "what"), [
    ("PATCH", "/v1/iextoam/1", "Changes of OAM addresses"), ("GET", "/v1/kube_versions", "Kubernetes clusters"),
    ("GET", "/v1/apps", "Applications"), ("DELETE", "/v1/device_labels/7/", "Labels of devices"),
    ("PUT", "/v1/isystems/1/controller_fs/update_many", "File systems of controllers"),
    ("GET", "/v1/isystems/1/controller_fs", "File systems of controllers")])
def test_absent_paths_are_501_with_a_sentence(cloud: Any, method: str, path: str, what: str) -> None:
    reply = cloud.call(method, path, {} if method != "GET" else None)
    assert reply.status == 501
    assert reply.fault.startswith(what) and reply.fault.endswith("are not part of this release.")


@pytest.mark.parametrize("path", ERROR_KEY)
def test_clients_that_read_error_find_the_sentence_there(cloud: Any, path: str) -> None:
    reply = cloud.call("POST", path, {})
    assert reply.status == 501
    assert reply.body["success"] == "" and reply.body["error"].endswith("are not part of this release.")
    answer = cloud.call("POST", path, {}, role="none")
    assert answer.status == 501


def test_what_starlingx_itself_has_removed_is_said_as_it_says_it(cloud: Any) -> None:
    assert cloud.post("/v1/ihosts/controller-0/upgrade", {}).fault == "This API is deprecated."


def test_hosts_and_items_that_do_not_exist_stay_404(cloud: Any) -> None:
    for path in ("/v1/ihosts/nobody", "/v1/ihosts/nobody/icpus", "/v1/surely/not", "/v1/ihosts/controller-0/surely"):
        assert cloud.get(path).status == 404


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_nobody_without_token_learns_what_is_absent(accept: str) -> None:
    def refusing(app: Any, _conf: Any) -> Any:
        return lambda environ, start: webob.Response(status=401)(environ, start) if (
            "HTTP_X_ROLES" not in environ) else trusting(app, _conf)(environ, start)

    app = build_app(private_conf(), "sysinv", authenticate=refusing)
    assert webob.Request.blank("/v1/host_fs").get_response(app).status_int == 401
    known = webob.Request.blank("/v1/license", headers={"X-Roles": "reader", "Accept": accept}).get_response(app)
    assert known.status_int == 501 and b"Licences are not part" in known.body


def test_maintenance_has_no_sensors_yet() -> None:
    app = build_app(private_conf(), "mtce", authenticate=trusting)
    answer = webob.Request.blank("/v1/isensorgroups/relearn", method="POST", headers={"X-Roles": "admin"}).get_response(
        app)
    assert answer.status_int == 501
    assert "Sensors" in json.loads(answer.json["error_message"])["faultstring"]
