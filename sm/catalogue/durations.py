# SPDX-License-Identifier: Apache-2.0
"""The durations of the agreement between nodes and its policy, from the rows of ``configuration``."""
from __future__ import annotations

from dataclasses import fields

from sm.catalogue.rows import Configured
from sm.contract.states import Policy
from sm.core.timing import Timing

KEYS = tuple(item.name for item in fields(Timing))
"""Keys of ``configuration`` that are durations in ms, named as the fields of ``Timing``."""


def timing(configured: Configured) -> Timing:
    """The durations, by default those of the product; ValueError with the rule when they do not fit together."""
    given = {row.key: int(row.value) for row in configured.configuration if row.key in KEYS}
    return Timing(**given)


def policy(configured: Configured) -> Policy:
    """What happens when the peer is silent and nothing confirms its end."""
    return Policy(configured.setting("policy", Policy.FREEZE))
