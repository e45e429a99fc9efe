# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the role cases of tests/rbac/mtce.yaml with real tokens, against mtce-api. About 10 s."""
from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from flock.rpc import Server
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from flock.testing.subsystem import RunningSubsystem
from mtce.contract.records import ActionReply, HostStatus, MtceHost
from mtce.contract.rpc import MtceHosts
from tests.rbac.role_cases import role_cases

CASES = role_cases("mtce")


class Conductor(MtceHosts):
    """Knows no host and agrees to everything."""

    def put_host(self, *, host: MtceHost) -> ActionReply:
        return ActionReply("pass")

    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        return ActionReply("pass")

    def tell_again(self, *, host_uuids: list[str]) -> None:
        return

    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        return ActionReply("pass")

    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        return None

    def resync_host(self, *, host_uuid: str, sequence: int) -> HostStatus | None:
        return None

    def list_hosts(self) -> list[HostStatus]:
        return []


@pytest.fixture(scope="module")
def mtce(rabbit: RabbitNode, keystone: KeystoneServer,
         tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSubsystem]:
    folder = tmp_path_factory.mktemp("mtce-api")
    made = RunningSubsystem("mtce", folder, f"sqlite:///{folder}/mtce.sqlite", rabbit.url, keystone)
    made.configure({"conductor": {"hostname": "controller-0"}})
    made.make_tables()
    server = Server(made.bus(), "controller-0", {MtceHosts: Conductor()})
    try:
        assert server.start(SERVES_S)
        made.start_api()
        yield made
    finally:
        server.stop(5)
        made.stop()


@pytest.mark.usefixtures("member_alone")
@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_role_cases(mtce: RunningSubsystem, operation: str) -> None:
    cases = [case for case in CASES if case.operation == operation]
    answered = {}
    for case in cases:
        with mtce.http(case.role, case.project) as http:
            reply = http.request(case.method, mtce.base + case.path.format(uuid=uuid.uuid4()), json=case.body,
                                 timeout=20)
        answered[case.name] = reply.status_code
    assert answered == {case.name: case.status for case in cases}
