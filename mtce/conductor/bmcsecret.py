# SPDX-License-Identifier: Apache-2.0
"""Takes the BMC password of a record that sysinv sent: checks its purpose and age, and seals it for storage."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flock.auth.secrets import SecretBox
from mtce.contract.bmcsecret import SENT_AGE_MAX_S, sealed_for, sent_for
from mtce.contract.records import MtceHost

Receive = Callable[[MtceHost], MtceHost]


def receiver(box: Callable[[], SecretBox]) -> Receive:
    """Return a function that returns a received record as it is stored; SecretUnreadable, KeyFileUnsafe."""

    def receive(host: MtceHost) -> MtceHost:
        if host.bm_secret is None or not host.bm_ip or not host.bm_username:
            return replace(host, bm_secret=None)
        opened, who = box(), (host.uuid, host.bm_ip, host.bm_username)
        password = opened.unseal(host.bm_secret, sent_for(*who), age_max_s=SENT_AGE_MAX_S)
        return replace(host, bm_secret=opened.seal(password, sealed_for(*who)))

    return receive
