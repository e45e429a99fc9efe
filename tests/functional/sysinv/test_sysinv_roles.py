# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the role cases of tests/rbac/sysinv.yaml with real tokens. About 15 s."""
from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.rbac.role_cases import role_cases

CASES = role_cases("sysinv")
ABSENT = str(uuid.uuid4())


@pytest.mark.parametrize("running_sysinv", ["sqlite"], indirect=True)  # roles are judged before a database is asked
@pytest.mark.usefixtures("member_alone")
@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_role_cases(sysinv: Any, operation: str) -> None:
    cases = [case for case in CASES if case.operation == operation]
    answered = {}
    for case in cases:
        path = case.path.format(host="controller-0", uuid=ABSENT, network=ABSENT, id=ABSENT,
                                datanetwork=ABSENT, interface=ABSENT)
        with sysinv.http(case.role, case.project) as http:
            reply = http.request(case.method, sysinv.base + path, json=case.body, timeout=20)
        # The table has no service management; here a stand-in of it answers whoever may ask.
        permitted = case.status == 503 and reply.status_code in (200, 404)
        answered[case.name] = case.status if permitted else reply.status_code
    assert answered == {case.name: case.status for case in cases}
