"""`gramarye networks`: the perceptual networks; fetching and checking their weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramarye.errors import WeightsError
from gramarye.networks.cache import cache_folder, check_sha256, weights_path
from gramarye.networks.catalog import ALIASES, NETWORKS, NetworkInfo, find_network
from gramarye.networks.download import download

if TYPE_CHECKING:
    from rich.console import Console


def add_parser(subparsers: Any) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "networks",
        help="list, fetch and check the networks that define the losses",
        description="The perceptual networks and the files of their weights.",
        epilog="GRAMARYE_HOME moves the folder of the files; GRAMARYE_MIRROR names addresses, "
        "separated by commas, that are tried first.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    action = actions.add_parser("list", help="what there is, and what is on this machine")
    action.set_defaults(run=run_list)

    action = actions.add_parser("fetch", help="download weights, check them and keep them")
    action.add_argument("names", nargs="+", metavar="NAME", help="a network, as list shows it")
    action.add_argument("--again", action="store_true", help="replace a file that is there")
    action.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    action.set_defaults(run=run_fetch)

    action = actions.add_parser("verify", help="check the files' SHA-256")
    action.add_argument("names", nargs="*", metavar="NAME", help="a network [all that are here]")
    action.set_defaults(run=run_verify)

    action = actions.add_parser("path", help="print the folder, or the file of one network")
    action.add_argument("name", nargs="?", metavar="NAME", help="a network")
    action.set_defaults(run=run_path)


def run_list(args: argparse.Namespace) -> None:
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


def run_fetch(args: argparse.Namespace) -> None:
    for info in [find_network(name) for name in args.names]:  # all names first
        print(fetch_with_progress(info, again=args.again, quiet=args.quiet))


def fetch_with_progress(
    info: NetworkInfo,
    *,
    again: bool = False,
    quiet: bool = False,
    console: Console | None = None,
) -> Path:
    """`networks.download.fetch` with a bar on stderr; for `load_network(..., fetch=...)` too."""
    from rich import progress
    from rich.console import Console

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


def run_verify(args: argparse.Namespace) -> None:
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


def run_path(args: argparse.Namespace) -> None:
    print(cache_folder() if args.name is None else weights_path(find_network(args.name)))
