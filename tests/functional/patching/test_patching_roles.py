# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the role cases of tests/rbac/patching.yaml with real tokens, against patching-api."""
from __future__ import annotations

import re

import pytest

from tests.functional.patching.running import Cloud
from tests.rbac.role_cases import role_cases

CASES = role_cases("patching")


@pytest.mark.usefixtures("member_alone")
@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_role_cases(shared_cloud: Cloud, operation: str) -> None:
    answered = {}
    for case in (case for case in CASES if case.operation == operation):
        path = re.sub(r"\{[^}]*\}", "nothing-1.0.0", case.path)
        with shared_cloud.http(case.role, case.project) as http:
            answered[case.name] = http.request(case.method, shared_cloud.base + path, json=case.body,
                                               timeout=30).status_code
    assert answered == {case.name: case.status for case in CASES if case.operation == operation}
