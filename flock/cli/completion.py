# SPDX-License-Identifier: Apache-2.0
"""Shell completion: ``complete`` prints a script for bash, zsh or fish; ``bash-completion`` prints a list of words."""
from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cliff.complete import CompleteCommand

from flock.cli.commands import ActionCommand

SCRIPTED = ("fish", "zsh")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its names, its help ``text`` and its ``choices``; ``takes_value`` tells whether a value follows."""

    names: Sequence[str]
    text: str
    takes_value: bool = False
    choices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """One command and its options."""

    name: str
    text: str
    options: Sequence[Option]


class BashCompletion(ActionCommand):
    """Print all commands and options on one line, for shell completion."""

    auth_required = False

    def act(self, args: argparse.Namespace) -> str:
        words: set[str] = set()
        for command in known_commands(self.app):
            words.add(command.name)
            words.update(name for option in command.options for name in option.names)
        words.update(name for option in options_of(self.app.parser) for name in option.names)
        words.difference_update({"bash-completion", "bash_completion"})
        return " ".join(sorted(words))


class Complete(CompleteCommand):
    """Print a script that completes commands and options: bash (default), zsh or fish."""

    conflict_handler = "resolve"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--shell", default="bash", choices=sorted(("bash", "none", *SCRIPTED)),
                            help="the shell; none prints the data only")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.shell not in SCRIPTED:
            done: int = super().take_action(parsed_args)
            return done
        program = parsed_args.name or self.app.NAME
        script = fish_script if parsed_args.shell == "fish" else zsh_script
        for line in script(program, list(known_commands(self.app)), list(options_of(self.app.parser))):
            self.app.stdout.write(line + "\n")
        return 0


def known_commands(app: Any) -> Iterator[Words]:
    """All commands of a program with their options, sorted by name."""
    for name, entry in sorted(app.command_manager):
        command = entry.load()(app, None, name)
        text = (command.get_description() or "").strip().splitlines()
        yield Words(name, text[0] if text else "", list(options_of(command.get_parser(name))))


def options_of(parser: argparse.ArgumentParser) -> Iterator[Option]:
    """The options of a parser that its help shows."""
    for action in parser._actions:  # argparse offers no public list
        if action.option_strings and action.help != argparse.SUPPRESS:
            text = (action.help or "") % {**vars(action), "prog": parser.prog}
            yield Option(action.option_strings, " ".join(text.split()), action.nargs != 0,
                         [str(choice) for choice in action.choices or ()])


def fish_script(program: str, commands: Iterable[Words], options: Iterable[Option]) -> Iterator[str]:
    """Lines of a fish script; save it as ``<program>.fish`` in a directory of ``$fish_complete_path``."""
    yield f"complete -c {program} -f"
    for option in options:
        yield f"complete -c {program} -n __fish_use_subcommand {_fish_option(option)}"
    for command in commands:
        yield (f"complete -c {program} -n __fish_use_subcommand -a {command.name} "
               f"-d {_quoted(command.text)}")
        for option in command.options:
            yield f"complete -c {program} -n '__fish_seen_subcommand_from {command.name}' {_fish_option(option)}"


def _fish_option(option: Option) -> str:
    words = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.choices:
        words.append(f"-x -a {_quoted(' '.join(option.choices))}")
    elif option.takes_value:
        words.append("-r")
    return " ".join([*words, "-d", _quoted(option.text)])


def zsh_script(program: str, commands: Sequence[Words], options: Iterable[Option]) -> Iterator[str]:
    """Lines of a zsh script; save it as ``_<program>`` in a directory of ``$fpath``."""
    yield from (f"#compdef {program}", f"_{program}() {{", "  local context state state_descr line",
                "  typeset -A opt_args", "  local -a commands", "  commands=(")
    for command in commands:
        yield f"    {_quoted(command.name + ':' + command.text.replace(':', ' '))}"
    yield from ("  )", "  _arguments -C \\")
    for option in options:
        yield from (f"    {spec} \\" for spec in _zsh_specs(option))
    yield from ("    '1:command:->command' '*::argument:->argument'", "  case $state in",
                "    command) _describe -t commands command commands ;;", "    argument)", "      case $words[1] in")
    for command in commands:
        yield f"        {command.name}) _arguments \\"
        for option in command.options:
            yield from (f"          {spec} \\" for spec in _zsh_specs(option))
        yield "          '*:value:' ;;"
    yield from ("      esac ;;", "  esac", "}", f'if [ "$funcstack[1]" = _{program} ]; then', f'  _{program} "$@"',
                "else", f"  compdef _{program} {program}", "fi")


def _zsh_specs(option: Option) -> Iterator[str]:
    text = re.sub(r"[\[\]:]", " ", option.text)
    value = "" if not option.takes_value else f":value:({' '.join(option.choices)})" if option.choices else ":value:"
    for name in option.names:
        yield _quoted(f"{name}[{text}]{value}")


def _quoted(text: str) -> str:
    """``text`` in single quotes for all of these shells."""
    return "'" + text.replace("\\", "").replace("'", "’") + "'"
