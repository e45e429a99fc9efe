# SPDX-License-Identifier: Apache-2.0
"""``bash-completion``: all commands and options in one flat list, for completion scripts written for StarlingX."""
from __future__ import annotations

import argparse

from flock.cli.commands import ActionCommand


class BashCompletion(ActionCommand):
    """Print all commands and options on one line, for shell completion."""

    auth_required = False

    def act(self, args: argparse.Namespace) -> str:
        words: set[str] = set()
        for name, entry in self.app.command_manager:
            words.add(name)
            command = entry.load()(self.app, None, name)
            words.update(_options(command.get_parser(name)))
        words.update(_options(self.app.parser))
        words.difference_update({"bash-completion", "bash_completion"})
        return " ".join(sorted(words))


def _options(parser: argparse.ArgumentParser) -> set[str]:
    # argparse offers no public list of a parser's options.
    return {option for action in parser._actions if action.help != argparse.SUPPRESS
            for option in action.option_strings}
