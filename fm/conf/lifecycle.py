# SPDX-License-Identifier: Apache-2.0
"""Options for the life of alarms by alarm id, group ``[fm]``; all may change while the daemons run."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg, types

from fm.contract.errors import InvalidFault
from fm.contract.validation import TIME_TO_LIVE_MAX_S, check_alarm_id
from fm.core.flapping import FlapLimits
from fm.core.policy import LifePolicy

GROUP = "fm"
HOLD_OFF_MAX_S = 86400


class ById(types.Dict):
    """Option type: positive integers by alarm id, such as ``100.101:30,200.004:10``."""

    def __init__(self, number_max: int) -> None:
        super().__init__(types.Integer(min=1, max=number_max))

    def __call__(self, value: Any) -> dict[str, int]:
        found: dict[str, int] = super().__call__(value)
        for alarm_id in found:
            try:
                check_alarm_id(alarm_id)
            except InvalidFault as error:
                raise ValueError(f"{alarm_id}: an alarm id {error.params['rule']}") from None
        return found


def _by_id(name: str, number_max: int, text: str) -> cfg.Opt:
    return cfg.Opt(name, type=ById(number_max), default={}, mutable=True, help=f"{text} Such as 100.101:30,200.004:10.")


LIFE_OPTS: list[cfg.Opt] = [
    _by_id("raise_hold_off_s", HOLD_OFF_MAX_S,
           "By alarm id: seconds for which a raise is held before the alarm becomes active. A clear meanwhile discards "
           "the raise."),
    _by_id("clear_hold_off_s", HOLD_OFF_MAX_S,
           "By alarm id: seconds for which a clear is held before the alarm ends. A raise meanwhile discards the "
           "clear."),
    _by_id("flap_changes_max", 1000,
           "By alarm id: how many raises and clears within flap_window_s are normal. An alarm that changes more often "
           "is flapping: it stays active and its clears are held until it was quiet for flap_window_s."),
    cfg.IntOpt("flap_window_s", default=300, min=1, max=HOLD_OFF_MAX_S, mutable=True,
               help="Seconds within which changes are counted for flap_changes_max."),
    _by_id("stale_after_s", TIME_TO_LIVE_MAX_S,
           "By alarm id: seconds after which an alarm that was not set again is shown as stale, unless its raiser gave "
           "a time to live. Stale alarms are not cleared."),
]


def register(conf: Any) -> Any:
    """Register the options on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(LIFE_OPTS, group=GROUP)
    return conf[GROUP]


def life_policy(conf: Any) -> LifePolicy:
    """The policy from the current values of the options."""
    chosen = conf[GROUP]
    return LifePolicy(
        log_unchanged=chosen.log_unchanged_set, raise_hold_off_s=chosen.raise_hold_off_s,
        clear_hold_off_s=chosen.clear_hold_off_s, flaps=FlapLimits(chosen.flap_changes_max, chosen.flap_window_s))


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, LIFE_OPTS)]
