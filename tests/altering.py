"""Altering what a file holds: one value of its JSON, its bytes, the entries of its archive."""

import copy
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NUMBERS = (0, -1, 1, 2, 3, 7, 17, 10**6, 10**20, 10**400, -(2**63), 0.5, 1e300, 1e-300, 1e309)
OTHERS = (
    None, True, "", "x", "\x1b[31m", "../../etc/passwd", "/", "\0", "a" * 5000, [], {}, [[1, 2]],
    {"a": {"b": []}}, float("nan"), float("inf"),
)  # fmt: skip


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree of JSON."""
    if path:
        yield path
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for key, value in items:
        yield from places(value, (*path, key))


def altered(tree: Any, draw: random.Random) -> Any:
    """A copy with one value replaced, dropped, doubled or given a wrong name, or one added."""
    tree = copy.deepcopy(tree)
    *above, last = draw.choice(list(places(tree)))
    parent = tree
    for key in above:
        parent = parent[key]
    value = parent[last]
    act = draw.choice(["replace", "replace", "near", "near", "drop", "add", "nest", "rename"])
    if act == "replace":
        parent[last] = draw.choice(NUMBERS + OTHERS)
    elif act == "near" and isinstance(value, int | float) and not isinstance(value, bool):
        parent[last] = value + draw.choice([-1, 1, 2]) if draw.random() < 0.6 else -value
    elif act == "near" and isinstance(value, str):
        parent[last] = value[:-1] + draw.choice("x/\n\u202e")
    elif act == "near" and isinstance(value, list):
        parent[last] = value[:-1] if draw.random() < 0.5 else value * 2
    elif act == "nest":
        for _ in range(draw.choice([3, 2000])):
            value = [value]
        parent[last] = value
    elif act == "drop":
        del parent[last]
    elif isinstance(parent, dict):
        name = draw.choice(["x", "\x1b[2J", "a" * 300, "style/99", "style/²", "content"])
        parent[name] = value
        if act == "rename":
            del parent[last]
    else:
        parent.append(value)
    return tree


def dumps(tree: Any) -> str:
    """The tree as JSON, however deep it is nested."""
    try:
        return json.dumps(tree)
    except (RecursionError, ValueError):
        return "[" * 100_000


def with_bytes_altered(data: bytes, draw: random.Random) -> bytes:
    """Some bits flipped, a piece cut out, doubled, or zeroed, or the end cut off."""
    changed = bytearray(data)
    start = draw.randrange(len(data))
    stop = min(len(data), start + draw.choice([1, 4, 64, 4096]))
    act = draw.choice(["flip", "flip", "cut", "double", "zero", "end"])
    if act == "flip":
        for _ in range(draw.choice([1, 3, 20])):
            changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif act == "cut":
        del changed[start:stop]
    elif act == "double":
        changed[start:start] = data[start:stop]
    elif act == "zero":
        changed[start:stop] = bytes(stop - start)
    else:
        del changed[start:]
    return bytes(changed)


def write_archive(path: Path, entries: dict[str, bytes], compress: bool = False) -> None:
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def read_archive(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def alter_checkpoint(path: Path, draw: random.Random) -> None:
    """Alter a checkpoint in place: in its JSON, its tensors, its entries, or any of its bytes."""
    act = draw.choice(["run", "run", "state", "state", "state", "tensor", "entries", "bytes"])
    if act == "bytes":
        path.write_bytes(with_bytes_altered(path.read_bytes(), draw))
        return
    entries = read_archive(path)
    tensors = [name for name in entries if name.startswith("tensors/")]
    if act in ("run", "state"):
        name = "run.json" if act == "run" else "tensors.json"
        entries[name] = dumps(altered(json.loads(entries[name]), draw)).encode()
    elif act == "tensor":
        name = draw.choice(tensors)
        entries[name] = with_bytes_altered(entries[name], draw) if entries[name] else b"x"
    elif draw.random() < 0.5:
        del entries[draw.choice(list(entries))]
    else:
        one, other = draw.sample(list(entries), 2)
        entries[one], entries[other] = entries[other], entries[one]
    write_archive(path, entries, compress=draw.random() < 0.05)
