# SPDX-License-Identifier: Apache-2.0
"""All package technologies by name: how a host's is made, and what their files say of themselves."""
from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import InvalidInput
from patching.backends import deb, fake, ostree, rpm
from patching.backends.interface import Backend, BackendFailed, Capabilities, Item


@dataclass(frozen=True, slots=True)
class Format:
    """``make(root, timeout_s)``: the back end of the host below ``root``. ``describe``: the package of a file.
    ``index``: what must be made of a directory of files before hosts use it."""

    suffix: str
    capabilities: Capabilities
    make: Callable[[Path, float], Backend]
    describe: Callable[[Path], Item]
    index: Callable[[Path], None] | None = None


FORMATS: Mapping[str, Format] = {
    "ostree": Format(ostree.SUFFIX, ostree.Ostree.capabilities, ostree.Ostree, ostree.describe),
    "rpm": Format(rpm.SUFFIX, rpm.Rpm.capabilities, rpm.Rpm, rpm.describe, rpm.index),
    "deb": Format(deb.SUFFIX, deb.Deb.capabilities, deb.Deb, deb.describe),
    "fake": Format(fake.SUFFIX, fake.Fake.capabilities, fake.Fake, fake.describe),
}


def of_files(names: Iterable[str], what: str) -> str:
    """The technology to which all files belong. BackendFailed: to none, or to several."""
    suffixes = {form.suffix: name for name, form in FORMATS.items()}
    found = {suffixes.get(Path(name).suffix, "") for name in names}
    if len(found) != 1 or "" in found:
        raise BackendFailed(detail=f"{what} must hold package files of one kind ({', '.join(sorted(suffixes))}), and "
                                   "nothing else.")
    return found.pop()


def load(names: Iterable[str], root: Path, timeout_s: float) -> dict[str, Backend]:
    """The back ends of one host. InvalidInput: a name is unknown, or a program that it needs is missing."""
    made: dict[str, Backend] = {}
    for name in names:
        form = FORMATS.get(name)
        if form is None:
            raise InvalidInput(field="backends", rule=f"must be of {', '.join(FORMATS)}, not {name!r:.40}")
        missing = [program for program in form.capabilities.programs if shutil.which(program) is None]
        if missing:
            raise InvalidInput(field="backends", rule=f"{name} needs {', '.join(missing)}, which this host lacks")
        made[name] = form.make(root, timeout_s)
    return made


def available() -> list[str]:
    """The technologies whose programs this host has, but for the fake one."""
    return [name for name, form in FORMATS.items() if form.capabilities.programs
            and all(shutil.which(program) for program in form.capabilities.programs)]
