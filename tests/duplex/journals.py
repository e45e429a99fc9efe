# SPDX-License-Identifier: Apache-2.0
"""The journals of both controllers, merged: what was active where, and whether a group was active on both at once.

The hosts of the lab share one kernel, so the monotonic times of their journals can be compared.
"""
import json
import re
from dataclasses import dataclass

CONTROLLERS = ("controller-0", "controller-1")
STARTS, STOPPED = frozenset({"go-active", "active"}), frozenset({"standby", "disabled"})
"""Between the two something of the group may run. A group that does not stop stays ``go-standby`` or ``disabling``,
which precede ``standby`` after a boot too, although nothing has run."""
_GROUP = re.compile(r"(?P<group>[a-z-]+-services) is (?P<state>[a-z-]+) here(, .*)?")
_OUT = re.compile(r"(?P<node>controller-[01]) is out: it is switched off"
                  r"|an operator.* says that (?P<said>controller-[01]) is off.*")
_FRESH = "the daemon starts and looks at all"


@dataclass(frozen=True, slots=True)
class Line:
    """``ms``: the monotonic clock."""

    node: str
    ms: int
    text: str


def parsed(node, text):
    """The lines of a journal file; one that a crash has cut is left out."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found.append(Line(node, entry["ms"], entry["text"]))
        except (ValueError, KeyError):
            continue
    return found


def spans(lines):
    """``{group: [(node, from ms, until ms or None)]}``: when something of a group may have run on a node.

    A span ends when the group has stopped there, when the other node has proof that the host is off or an operator's
    word for it, or when its host has started anew, whatever is first.
    """
    found, serving = {}, {}

    def ends(node, ms, group=None):
        for key in [key for key in serving if key[0] == node and group in (None, key[1])]:
            found.setdefault(key[1], []).append((node, serving.pop(key), ms))

    for line in sorted(lines, key=lambda line: line.ms):
        if line.text == _FRESH:
            ends(line.node, line.ms)
        elif match := _OUT.match(line.text):
            ends(match["node"] or match["said"], line.ms)
        elif match := _GROUP.fullmatch(line.text):
            if match["state"] in STARTS:
                serving.setdefault((line.node, match["group"]), line.ms)
            elif match["state"] in STOPPED:
                ends(line.node, line.ms, match["group"])
    for (node, group), since in serving.items():
        found.setdefault(group, []).append((node, since, None))
    return found


def both(lines, groups):
    """Sentences about the times at which one of ``groups`` may have been active on both controllers."""
    found, last = [], max((line.ms for line in lines), default=0)
    for group, all_spans in spans(lines).items():
        if group not in groups:
            continue
        mine = [[(since, last if until is None else until) for node, since, until in all_spans if node == name]
                for name in CONTROLLERS]
        found += [f"{group} was active on both from {max(a, c)} to {min(b, d)} ms"
                  for a, b in mine[0] for c, d in mine[1] if max(a, c) < min(b, d)]
    return found


def story(lines, limit=60):
    """The last lines of both for a person."""
    last = sorted(lines, key=lambda line: line.ms)[-limit:]
    return "\n".join(f"{line.ms:>12} {line.node} {line.text}" for line in last)
