"""`gramarye networks`: the perceptual networks; fetching and checking their weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import Command, Group, Option, argument
from gramarye.cli.options import network_names, starting_with
from gramarye.errors import WeightsError
from gramarye.networks.cache import cache_folder, check_sha256, weights_path
from gramarye.networks.catalog import ALIASES, NETWORKS, NetworkInfo, find_network

if TYPE_CHECKING:
    from rich.console import Console


def command() -> Group:
    complete = starting_with(network_names)
    one = argument("name", "a network", required=False, shell_complete=complete)
    some = argument("names", "a network", nargs=-1, required=True, shell_complete=complete)
    here = argument("names", "a network [all here]", nargs=-1, shell_complete=complete)
    again = Option("--again", "replace a file that is there")
    quiet = Option("-q --quiet", "show no progress")
    return Group(
        "networks",
        short_help="list, fetch and check the networks that define the losses",
        no_args_is_help=True,
        commands=[
            Command("list", run_list, "what there is, and what is on this machine"),
            Command("fetch", run_fetch, "download weights", some, again, quiet, makes_files=True),
            Command("verify", run_verify, "check the files' SHA-256", here),
            Command("path", run_path, "print the folder, or the file of one network", one),
        ],
        help="The perceptual networks and the files of their weights.",
        epilog="GRAMARYE_HOME moves the folder of the files; GRAMARYE_MIRROR names addresses, "
        "separated by commas, that are tried first.",
    )


def run_list(args: SimpleNamespace) -> None:
    cache_folder()  # whose errors come before half a list
    width = max(map(len, NETWORKS))
    for info in NETWORKS.values():
        size = f"{info.megabytes:5.1f} MB"
        print(f"{info.name:{width}}  {size}  {whereabouts(info):11}  {info.about}")
    for alias, name in ALIASES.items():
        print(f"{alias:{width}}  the same as {name}")


def whereabouts(info: NetworkInfo) -> str:
    if info.embedded:
        return "packaged"
    return "here" if weights_path(info).exists() else "not fetched"


def run_fetch(args: SimpleNamespace) -> None:
    for info in [find_network(name) for name in args.names]:  # all names first
        print(fetch_with_progress(info, again=args.again, quiet=args.quiet))


def fetch_with_progress(
    info: NetworkInfo, *, again: bool = False, quiet: bool = False, console: Console | None = None
) -> Path:
    """`networks.download.fetch` with a bar on stderr; for `load_network(..., fetch=...)` too."""
    from rich import progress
    from rich.console import Console

    from gramarye.networks.download import download

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    console = console or Console(stderr=True)
    with progress.Progress(*columns, console=console, disable=quiet, transient=True) as bar:
        task = None
        for state in download(info, again=again):
            if task is None:
                task = bar.add_task(info.file)
            bar.update(task, completed=state.received, total=state.total)
    return weights_path(info)


def run_verify(args: SimpleNamespace) -> None:
    named = [find_network(name) for name in args.names]
    here = [info for info in NETWORKS.values() if weights_path(info).exists()]
    for info in named or here:
        path = weights_path(info)
        if not path.exists():
            raise WeightsError(
                f"{info.name} is not on this machine ({path}): get it with "
                f"'gramarye networks fetch {info.name}'"
            )
        print(f"{info.name}: good, SHA-256 {check_sha256(info, path)}", flush=True)


def run_path(args: SimpleNamespace) -> None:
    print(cache_folder() if args.name is None else weights_path(find_network(args.name)))
