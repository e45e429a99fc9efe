# SPDX-License-Identifier: Apache-2.0
"""Rotation of secrets while the cloud runs: named steps, each safe to repeat, with progress that survives a kill."""
from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flock.core.errors import Refused
from flock.exec.alone import alone as only_one
from flock.exec.atomic import replace_file
from sysinv.hosts.sharedfiles import all_stored

PROGRESS = "rotation.json"


@dataclass
class Progress:
    """A rotation that has begun: its kind, the titles of the steps done, and values that a repetition must keep.

    Stored with mode 0600, because the values may be secrets.
    """

    kind: str
    done: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


Step = tuple[str, Callable[[Progress], None]]


def alone(directory: Path) -> contextlib.AbstractContextManager[None]:
    """Nobody else replaces secrets of this controller meanwhile. Refused while somebody does."""
    return only_one(directory / "rotation.lock", "Another flock-rotate is running. Wait until it has ended.")


def load(path: Path) -> Progress | None:
    """The rotation that has not ended; None without one. Refused when the file cannot be used."""
    try:
        stored = json.loads(path.read_text())
        return Progress(str(stored["kind"]), list(stored.get("done", [])), dict(stored.get("values", {})))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(detail=f"{path} is damaged. Remove it, then begin again.") from error


def save(path: Path, progress: Progress) -> None:
    """Store ``progress``; after a power failure either the old or the new one is there."""
    replace_file(path, json.dumps(asdict(progress), indent=1), 0o600)


def carry_out(kind: str, steps: Sequence[Step], path: Path, say: Callable[[str], None],
              stop_after: int | None = None, wait: Callable[[], None] = all_stored) -> None:
    """Run the steps that are not done yet, in order; ``say`` gets a line for each. A step is done when both controllers
    have the files that it has written (``wait``): the next one acts on them. Unavailable: not both have them in time.

    ``stop_after``: only the first so many; the rotation then has not ended. Refused while another kind of rotation has
    not ended.
    """
    progress = load(path) or Progress(kind)
    if progress.kind != kind:
        raise Refused(detail=f"'flock-rotate {progress.kind}' has not ended. Run it again, then this one.")
    for number, (title, step) in enumerate(steps[:stop_after], start=1):
        if title in progress.done:
            say(f"{number}/{len(steps)} {title}: done before")
            continue
        begun = time.monotonic()
        # What a step puts into the values it stores itself before it acts on them.
        step(progress)
        wait()
        progress.done.append(title)
        save(path, progress)
        say(f"{number}/{len(steps)} {title} ({time.monotonic() - begun:.1f} s)")
    if stop_after is None:
        path.unlink(missing_ok=True)
