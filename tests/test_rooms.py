"""The rooms of docs/design.md: each uses those below it, and none above."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gramarye

PACKAGE = Path(gramarye.__file__).parent

# From the front door to the cellar. Rooms of one line do not use each other. A module with a place
# of its own is named before its room.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("studies",),
    ("jobs", "video"),
    ("forecast", "scoring"),
    ("textures", "blends", "sketches", "photographs", "instants"),
    ("stylize",),
    ("blending",),
    ("exporting",),
    ("mapped", "painted", "finishing"),
    ("stepping",),
    ("wanted",),
    ("transformed",),
    ("recipe", "handover", "notes", "waiting"),
    ("plan",),
    ("fitting",),
    ("special_configs",),
    ("config",),
    ("memory",),
    ("optimize",),
    ("optimizers",),
    ("mapping",),
    ("objective",),
    ("training",),
    ("graphs",),
    ("johnson",),
    ("feedforward",),
    ("distillation",),
    ("losses",),
    ("inputs",),
    ("distributed",),
    ("tiles",),
    ("networks",),
    ("drawings",),
    ("samples", "pictures"),
    ("scales",),
    ("surroundings", "figures"),
    ("settings", "files", "devices", "threads", "matrices", "averages", "warned", "peaks"),
    ("validation",),
    ("units",),
    ("errors",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"  # which is the house: it names what visitors may use
}


def room_of(module: str) -> str:
    return module if module in FLOOR_OF else module.partition(".")[0]


def imports_of(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, also for its types and inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative name"
            home = (node.module or "").removeprefix("gramarye").removeprefix(".")
            if (node.module or "").partition(".")[0] == "gramarye":
                names = [f"{home}.{alias.name}".removeprefix(".") for alias in node.names]
                yield from (name if name in MODULES else home for name in names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("gramarye."):
                    yield alias.name.removeprefix("gramarye.")


def test_every_room_has_its_floor() -> None:
    assert {room_of(module) for module in MODULES} == set(FLOOR_OF)


def test_a_room_uses_only_those_below_it() -> None:
    upward = [
        f"{module} imports {found}"
        for module, path in sorted(MODULES.items())
        for found in imports_of(path)
        if found and room_of(found) != room_of(module)
        if FLOOR_OF[room_of(found)] <= FLOOR_OF[room_of(module)]
    ]
    assert not upward, "\n".join(upward)


def test_the_check_sees_an_import_of_every_form(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import gramarye.cli.main\n"
        "from gramarye import stylize\n"
        "def f():\n    from gramarye.jobs.job import Job\n"
    )
    assert list(imports_of(file)) == ["cli.main", "stylize", "jobs.job"]
