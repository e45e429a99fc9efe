# SPDX-License-Identifier: Apache-2.0
"""The longest texts of faults, events and silences in characters: the checks of raisers and of the manager, and the
columns of fm's tables, take them from here."""
from __future__ import annotations

ALARM_ID_MAX = 15
ENTITY_MAX = 255
"""Entity instance ids and entity type ids."""
TEXT_MAX = 2048
"""Reason texts, repair actions and comments."""
USER_MAX = 255
HOSTNAME_MAX = 255
WORD_MAX = 64
"""Alarm types and probable causes."""
SEVERITY_MAX = 32
STATE_MAX = 15
REQUEST_ID_MAX = 64
