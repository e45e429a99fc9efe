# SPDX-License-Identifier: Apache-2.0
"""The conductor's audits over stored hosts, at chosen times."""
from __future__ import annotations

import datetime
from typing import Any

import pytest

from flock import tls
from mtce.contract.records import ActionReply
from sysinv.actions.progress import ActionLimits, InstallLimits
from sysinv.conductor.audits import Audits
from sysinv.conductor.pxe import authority_in
from sysinv.conductor.steps import HostSteps, StepSettings
from sysinv.db.lookup import host_row

MAC = "08:00:27:be:6e:25"


class Clock:
    """A time that the test moves; it starts now, because the services under test stamp rows with the real time."""

    def __init__(self) -> None:
        self.at = datetime.datetime.now(datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.at

    def later(self, seconds: int) -> None:
        self.at += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audits(cloud: Any, clock: Clock) -> Audits:
    return Audits(cloud.db, cloud.mtce, cloud.steps, cloud.dnsmasq, cloud.discovery,
                  install=InstallLimits(), action=ActionLimits(), token_ttl_s=3600, now=clock)


def worker(cloud: Any, hostname: str = "worker-0", mac: str = MAC) -> str:
    uuid = cloud.discover(mac)
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=hostname).status == 200
    cloud.settle()
    return str(uuid)


def token_of(boot_file: str) -> str:
    return next(word for word in boot_file.split() if word.startswith("flock.install_token=")).partition("=")[2]


def progress(cloud: Any, uuid: str, state: str) -> None:
    token = token_of(cloud.boot_file(cloud.host(uuid)["mgmt_mac"]))
    assert cloud.post(f"/v1/ihosts/{uuid}/install_progress", {"install_state": state},
                      headers={"X-Install-Token": token}).status == 200


def test_an_installation_that_falls_silent_fails_and_recovers_when_the_host_comes(cloud: Any, audits: Any,
                                                                                 clock: Clock) -> None:
    uuid = worker(cloud)
    progress(cloud, uuid, "installing")
    clock.later(800)
    audits.install_states()
    assert cloud.host(uuid)["install_state"] == "installing"
    clock.later(200)
    audits.install_states()
    assert cloud.host(uuid)["install_state"] == "failed"
    cloud.state(uuid, availability="online")
    assert cloud.host(uuid)["install_state"] == "completed"


def test_a_booting_host_has_forty_minutes(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = worker(cloud)
    progress(cloud, uuid, "installed")
    clock.later(1200)
    audits.install_states()
    assert cloud.host(uuid)["install_state"] == "booting"
    clock.later(1300)
    audits.install_states()
    assert cloud.host(uuid)["install_state"] == "failed"


def in_service(cloud: Any) -> str:
    uuid = worker(cloud)
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available", task="")
    return uuid


def test_a_lock_nobody_answers_is_given_up(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = in_service(cloud)
    assert cloud.patch("/v1/ihosts/worker-0", action="lock").status == 200
    clock.later(590)
    audits.host_actions()
    assert cloud.host(uuid)["ihost_action"] == "lock"
    clock.later(20)
    audits.host_actions()
    found = cloud.host(uuid)
    assert (found["ihost_action"], found["task"], found["administrative"]) == (None, None, "unlocked")
    assert found["last_error"].startswith("lock was not answered in 6") and found["last_error_at"]
    assert cloud.patch("/v1/ihosts/worker-0", action="lock").status == 200


def test_a_force_lock_is_told_again_once_and_then_given_up(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = in_service(cloud)
    assert cloud.patch("/v1/ihosts/worker-0", action="force-lock").status == 200
    for _ in range(3):
        clock.later(60)
        audits.host_actions()
    assert [action for _, action, _ in cloud.mtce.actions] == ["force-lock", "force-lock"]
    clock.later(100)
    audits.host_actions()
    assert cloud.host(uuid)["ihost_action"] is None


def test_a_force_lock_refused_the_second_time_ends(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = in_service(cloud)
    cloud.patch("/v1/ihosts/worker-0", action="force-lock")
    cloud.mtce.answer = ActionReply("fail", "unknown host")
    clock.later(150)
    audits.host_actions()
    assert cloud.host(uuid)["ihost_action"] is None


def test_a_token_that_waits_is_renewed_before_it_is_too_old(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = worker(cloud)
    before = cloud.boot_file(MAC)
    clock.later(600)
    audits.boot_files()
    assert cloud.boot_file(MAC) == before
    clock.later(2400)
    audits.boot_files()
    after = cloud.boot_file(MAC)
    assert after != before
    progress(cloud, uuid, "installing")
    audits.boot_files()
    assert cloud.boot_file(MAC) == after


def test_boot_files_follow_the_authority_of_the_controllers_certificate(cloud: Any, audits: Any) -> None:
    """A kernel command line has room for one authority: that of the certificate which the front shows."""
    directory, now = cloud.folder / "tls", datetime.datetime.now(datetime.UTC)
    old = tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    new = tls.Authority.create("flock 2", now)
    settings = StepSettings(active_controller="controller-0", install_token_ttl_s=3600, mtce_step_timeout_s=5,
                            api_port=6385, secret_key_file=cloud.folder / "secret.key",
                            authority_file=directory / "ca.crt")
    steps = HostSteps(cloud.db, cloud.mtce, cloud.boot_files, cloud.dnsmasq, cloud.discovery, settings)
    audits = Audits(cloud.db, cloud.mtce, steps, cloud.dnsmasq, cloud.discovery, install=InstallLimits(),
                    action=ActionLimits(), token_ttl_s=3600)
    uuid = worker(cloud)

    def front(by: tls.Authority) -> None:
        request = tls.new_request(tls.new_key(), "front")
        (directory / "front.crt").write_bytes(by.issue(request, tls.Usage.SERVER, "front", ["localhost"], now))

    plain = cloud.boot_file(MAC)
    audits.boot_files()
    assert cloud.boot_file(MAC) == plain, "front.crt is missing"
    front(old)
    audits.boot_files()
    first = cloud.boot_file(MAC)
    assert authority_in(first) == tls.as_word(old.certificate_pem)
    # The new authority is trusted and signs; the front's certificate is still of the old one.
    (directory / "ca.crt").write_bytes(tls.joined(old.certificate_pem, new.certificate_pem))
    (directory / "ca.key").write_bytes(new.key_pem)
    audits.boot_files()
    assert cloud.boot_file(MAC) == first
    steps.renew_boot_file(uuid)
    assert authority_in(cloud.boot_file(MAC)) == tls.as_word(old.certificate_pem)
    front(new)
    progress(cloud, uuid, "installing")
    held = cloud.boot_file(MAC)
    audits.boot_files()
    assert cloud.boot_file(MAC) == held, "the token of an installation that has begun stays valid"
    progress(cloud, uuid, "failed")
    audits.boot_files()
    assert authority_in(cloud.boot_file(MAC)) == tls.as_word(new.certificate_pem)


def test_leases_are_discovered_and_kept(cloud: Any, audits: Any) -> None:
    leases = cloud.folder / "dnsmasq" / "dnsmasq.leases"
    leases.parent.mkdir(exist_ok=True)
    leases.write_text(f"1900000000 {MAC} 169.254.202.99 * *\n1900000000 08:00:27:be:6e:77 10.0.0.1 * *\n")
    audits.leases()
    assert {host["mgmt_mac"] for host in cloud.get("/v1/ihosts").body["ihosts"]} == {"08:00:27:00:00:01", MAC}
    # The address is fixed when an operator has confirmed the host.
    known = cloud.folder / "dnsmasq" / "dnsmasq.hosts"
    assert MAC not in known.read_text()
    uuid = next(host["uuid"] for host in cloud.get("/v1/ihosts").body["ihosts"] if host["mgmt_mac"] == MAC)
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0").status == 200
    audits.leases()
    assert f"{MAC},169.254.202.99,1d" in known.read_text()


def test_what_changed_since_the_look_is_left_alone(cloud: Any, audits: Any, clock: Clock) -> None:
    uuid = worker(cloud)
    progress(cloud, uuid, "installing")
    with cloud.db.reader() as conn:
        seen = host_row(conn, uuid)
    progress(cloud, uuid, "postinstall")
    audits._update(seen, {"install_state": "failed"})
    assert cloud.host(uuid)["install_state"] == "postinstall"
