# SPDX-License-Identifier: Apache-2.0
"""The catalogue is made true from nothing, left alone when true, and mended where an address moved."""
import itertools
from urllib.parse import parse_qsl, urlsplit

from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.catalog import SERVICES, ensure_catalog

MEMBERS = {"roles": "role", "projects": "project", "users": "user", "services": "service", "endpoints": "endpoint"}


class MemoryKeystone:
    """Keeps collections as Keystone does; answers objects with ``json``."""

    def __init__(self):
        self.rows = {name: {} for name in MEMBERS}
        self.grants = []
        self.writes = 0
        self.ids = itertools.count(1)

    def reply(self, body):
        return type("Reply", (), {"json": staticmethod(lambda: body)})

    def get(self, url, **_):
        parts = urlsplit(url)
        name, query = parts.path.strip("/"), dict(parse_qsl(parts.query))
        if name == "role_assignments":
            return self.reply({"role_assignments": [
                {"user": {"id": user}, "role": {"id": role}} for project, user, role in self.grants
                if project == query["scope.project.id"]]})
        rows = [row for row in self.rows[name].values() if all(row.get(key) == value for key, value in query.items())]
        return self.reply({name: rows})

    def post(self, url, json):
        self.writes += 1
        name = url.strip("/")
        row = {**json[MEMBERS[name]], "id": f"id{next(self.ids)}"}
        self.rows[name][row["id"]] = row
        return self.reply({MEMBERS[name]: row})

    def put(self, url, **_):
        self.writes += 1
        _, project, _, user, _, role = url.strip("/").split("/")
        self.grants.append((project, user, role))

    def patch(self, url, json):
        self.writes += 1
        name, row_id = url.strip("/").split("/")
        self.rows[name][row_id].update(json[MEMBERS[name]])


def test_from_nothing_then_unchanged_then_mended():
    keystone, passwords = MemoryKeystone(), {"fm": "a", "sysinv": "b", "mtce": "c"}
    answers = parse({"admin_password": "correct-horse"})
    assert ensure_catalog(keystone, answers, passwords)
    urls = {(row["interface"], row["url"]) for row in keystone.rows["endpoints"].values()}
    assert len(keystone.rows["endpoints"]) == 3 * len(SERVICES)
    assert ("public", "https://10.10.10.1:6385/v1") in urls
    assert ("internal", "https://192.168.204.1:18002") in urls
    writes = keystone.writes
    assert ensure_catalog(keystone, answers, passwords) == []
    assert keystone.writes == writes
    moved = parse({"admin_password": "correct-horse", "public_host": "127.0.0.1"})
    assert len(ensure_catalog(keystone, moved, passwords)) == len(SERVICES)
    assert len(keystone.rows["endpoints"]) == 3 * len(SERVICES)
