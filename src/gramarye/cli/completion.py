"""`gramarye completion`: the script by which a shell asks gramarye what it could complete to."""

from __future__ import annotations

from types import SimpleNamespace

from click.shell_completion import get_completion_class

from gramarye.cli.commands import ASKED, Choice, Command, argument

HOW = {
    "bash": 'eval "$(gramarye completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(gramarye completion zsh)" in ~/.zshrc, after compinit',
    "fish": "gramarye completion fish > ~/.config/fish/completions/gramarye.fish",
    "powershell": "gramarye completion powershell | Out-String | Invoke-Expression in $PROFILE",
}


def command() -> Command:
    return Command(
        "completion",
        run,
        "print the completion script of a shell",
        argument("shell", " or ".join(HOW), Choice(HOW), metavar="SHELL"),
        help="Print a script that lets the shell complete commands, options, values and files.",
        epilog="To use it: " + "; ".join(HOW.values()),
    )


def run(args: SimpleNamespace) -> None:
    from gramarye.cli import make_commands

    script = get_completion_class(args.shell)
    assert script is not None
    print(script(make_commands(), {}, "gramarye", ASKED).source())
