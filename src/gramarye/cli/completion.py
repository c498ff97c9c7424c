"""`gramarye completion`: what the shell completes after `gramarye`, made from the parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

HOW = {
    "bash": 'eval "$(gramarye completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(gramarye completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "gramarye completion fish > ~/.config/fish/completions/gramarye.fish",
}


def add_parser(subparsers: Any) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print a script that lets the shell complete commands, options and values.",
        epilog="To use it: " + "; ".join(HOW.values()),
    )
    parser.add_argument("shell", choices=tuple(HOW), help="bash, zsh or fish")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from gramarye.cli import make_parser

    commands = subcommands(make_parser())
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](commands))


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands by name; those of `networks` as `networks list` and so on."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                found[name] = child
                found |= {f"{name} {below}": p for below, p in subcommands(child).items()}
    return found


def words(commands: dict[str, argparse.ArgumentParser]) -> dict[str, list[str]]:
    """What may follow each command, "" being gramarye itself: subcommands, choices, options."""
    after = {"": [name for name in commands if " " not in name]}
    for name, parser in commands.items():
        below = [c.removeprefix(name + " ") for c in commands if c.startswith(name + " ")]
        choices = [str(c) for a in positionals(parser) for c in a.choices or ()]
        after[name] = (below or choices) + [o for a in options(parser) for o in a.option_strings]
    return after


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (a for a in parser._actions if a.option_strings and a.help != argparse.SUPPRESS)


def positionals(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (
        a
        for a in parser._actions
        if not a.option_strings and not isinstance(a, argparse._SubParsersAction)
    )


def values(commands: dict[str, argparse.ArgumentParser]) -> dict[str, list[str]]:
    """The values an option allows, by option, where they can be listed."""
    from gramarye.config import preset_names

    allowed = {"--preset": list(preset_names())}
    for parser in commands.values():
        for action in options(parser):
            for option in action.option_strings:
                if action.choices:
                    allowed[option] = [str(choice) for choice in action.choices]
    return allowed


def bash(commands: dict[str, argparse.ArgumentParser]) -> str:
    value_cases = "\n".join(
        f'    {option}) COMPREPLY=($(compgen -W "{" ".join(names)}" -- "$word")); return ;;'
        for option, names in values(commands).items()
    )
    command_cases = "\n".join(
        f'    "{name}") words="{" ".join(names)}" ;;' for name, names in words(commands).items()
    )
    nested = "|".join(sorted({name.split()[0] for name in commands if " " in name})) or "''"
    return f"""\
_gramarye() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="" words
  case "$before" in
{value_cases}
  esac
  [ "$COMP_CWORD" -gt 1 ] && command="${{COMP_WORDS[1]}}"
  case "$command" in
    {nested}) [ "$COMP_CWORD" -gt 2 ] && command="$command ${{COMP_WORDS[2]}}" ;;
  esac
  case "$command" in
{command_cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _gramarye gramarye"""


def zsh(commands: dict[str, argparse.ArgumentParser]) -> str:
    return f"autoload -Uz bashcompinit && bashcompinit\n{bash(commands)}"


def fish(commands: dict[str, argparse.ArgumentParser]) -> str:
    allowed = values(commands)
    top = " ".join(words(commands)[""])
    lines = []
    for name, parser in commands.items():
        *above, last = name.split()
        seen = f"__fish_seen_subcommand_from {above[0]}" if above else "__fish_use_subcommand"
        about = quoted(parser.description or "")
        lines.append(f"complete -c gramarye -n '{seen}' -f -a {last} -d {about}")
        for action in options(parser):
            long = next((o for o in action.option_strings if o.startswith("--")), None)
            if long is None:
                continue
            takes = action.nargs != 0
            choices = f" -x -a {quoted(' '.join(allowed[long]))}" if long in allowed else " -r"
            lines.append(
                f"complete -c gramarye -n '__fish_seen_subcommand_from {last}' -l {long[2:]}"
                f"{choices if takes else ''} -d {quoted(action.help or '')}"
            )
    return "\n".join([f"# commands: {top}", *lines])


def quoted(text: str) -> str:
    return "'" + text.replace("%%", "%").replace("\\", "\\\\").replace("'", "\\'") + "'"
