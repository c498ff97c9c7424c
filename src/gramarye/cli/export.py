"""`gramarye export`: a trained network for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from gramarye.cli.commands import FOLDER, Command, Option, argument
from gramarye.errors import InputError
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import check_target, is_there, numbered, user_path, write_atomically


def command() -> Command:
    model = "instant, the painter that comes with gramarye, or a file of 'gramarye train'"
    return Command(
        "export",
        run,
        "write a trained network as ONNX, for other programs",
        argument("model", model, metavar="MODEL"),
        Option("--onnx", "as ONNX graphs, the one format there is"),
        Option("-o --out", "the folder they go to [the current one]", FOLDER, "DIR"),
        Option("--json", "print one JSON object about the files on stdout"),
        help="Write MODEL as ONNX graphs of any height and width: a painter as two, style to code, "
        "and content and code to picture; a Johnson network as one. Each is run by ONNX Runtime "
        "first, and compared with PyTorch's picture.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    if not args.onnx:
        raise InputError("there is no format: say --onnx, the one there is")
    from gramarye.exporting import export

    found = export(args.model)
    stem = SHIPPED if args.model == SHIPPED else Path(args.model).stem
    folder = user_path(args.out) if args.out is not None else Path()
    paths = [folder / f"{stem}{name}.onnx" for name in found.files]
    number = 1
    while args.out is None and any(is_there(numbered(path, number)) for path in paths):
        number += 1  # what has no name of the user's replaces nothing
    paths = [numbered(path, number) for path in paths]
    for path in paths:
        check_target(path, [] if args.model == SHIPPED else [args.model])
    for path, content in zip(paths, found.files.values(), strict=True):
        write_atomically(path, content)
    shown = {"files": [str(path) for path in paths], "difference": found.difference}
    print(json.dumps(shown) if args.json else "\n".join(map(str, paths)))
    return 0
