"""The public names: documented, typed, loaded when used, and nothing more."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gramarye
from gramarye.config import all_settings

ROOT = Path(gramarye.__file__).parent
DOCS = Path(__file__).parent.parent / "docs"
NAMES = [name for name in gramarye.__all__ if name != "__version__"]


def test_the_page_of_the_library_has_every_public_name_and_no_other() -> None:
    page = (DOCS / "library.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \| \S", page, re.M)
    assert sorted(listed) == sorted(gramarye.__all__)


def test_the_names_are_sorted_and_each_is_there_once() -> None:
    assert gramarye.__all__ == sorted(set(gramarye.__all__))


def test_a_star_import_brings_the_public_names_alone() -> None:
    found: dict[str, Any] = {}
    exec("from gramarye import *", found)
    assert sorted(found.keys() - {"__builtins__"}) == gramarye.__all__
    assert dir(gramarye) == gramarye.__all__


def test_type_checkers_see_what_is_there() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node)
    )
    homes = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(homes) == NAMES
    for name, home in homes.items():
        assert getattr(import_module(home or ""), name) is getattr(gramarye, name)


def test_nothing_else_of_ours_is_reachable_before_its_module_is_imported() -> None:
    run(
        "import gramarye\n"
        "for name in gramarye.__all__: getattr(gramarye, name)\n"
        "ours = [name for name, value in vars(gramarye).items() if not name.startswith('_')\n"
        "        and getattr(value, '__module__', '').startswith('gramarye')]\n"
        "assert sorted(ours) == [n for n in gramarye.__all__ if n != '__version__'], ours"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_a_contract(name: str) -> None:
    value = getattr(gramarye, name)
    contract = vars(value)["__doc__"] if inspect.isclass(value) else value.__doc__
    assert contract and len(contract.split()) >= 5  # of its own: a class must not inherit it
    assert re.search(r"[.`:]$", contract.split("\n\n")[0].strip())
    if not inspect.isclass(value):
        signature = inspect.signature(value)
        assert signature.return_annotation is not inspect.Signature.empty
        kinds = {p.annotation for p in signature.parameters.values() if p.name != "self"}
        assert inspect.Parameter.empty not in kinds


def test_every_setting_is_described() -> None:
    for name, setting in all_settings().items():
        assert setting.field.description, name


def test_stylize_is_the_function_even_when_its_module_was_imported_first() -> None:
    module = import_module("gramarye.stylize")
    assert gramarye.stylize is module.stylize
    assert callable(gramarye.stylize)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'stylise'"):
        _ = gramarye.stylise


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_else() -> None:
    run(
        "import sys; before = set(sys.modules); import gramarye\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert not new & {'torch', 'numpy', 'PIL', 'pydantic', 'rich'}, new"
    )


def test_stylizing_needs_no_optional_package() -> None:
    run(
        "import sys\n"
        "for name in ('scipy', 'pillow_heif', 'tifffile', 'hypothesis', 'torchvision'):\n"
        "    sys.modules[name] = None\n"
        "from gramarye import *\n"
        "import gramarye.jobs.opening"
    )


def test_the_package_says_that_it_is_typed() -> None:
    assert (resources.files("gramarye") / "py.typed").is_file()


SQUARE = torch.rand(1, 3, 32, 32)
STRANGE = [
    5, 1.5, True, None, b"a", [1, 2], {"a": 1}, object(), int, lambda: 3, torch.rand(2),
    torch.rand(1, 3, 8, 8).to_sparse(), torch.empty(1, 3, 8, 8, device="meta"), np.zeros((0, 0)),
    torch.zeros(1, 3, 8, 8, dtype=torch.complex64), np.array(["a"]),
]  # fmt: skip
CALLS: dict[str, Callable[[Any], object]] = {
    "stylize's content": lambda odd: gramarye.stylize(odd, SQUARE, size=32),
    "its style": lambda odd: gramarye.stylize(SQUARE, [odd], size=32),
    "its inputs": lambda odd: gramarye.stylize(SQUARE, SQUARE, inputs=[odd], size=32),
    "its preset": lambda odd: gramarye.stylize(SQUARE, SQUARE, preset=odd),
    "the steps' content": lambda odd: next(gramarye.stylize_steps(odd, SQUARE, CONFIG)),
    "their style": lambda odd: next(gramarye.stylize_steps(SQUARE, [odd], CONFIG)),
    "their config": lambda odd: next(gramarye.stylize_steps(SQUARE, SQUARE, odd)),
    "their network": lambda odd: next(
        gramarye.stylize_steps(SQUARE, SQUARE, CONFIG, network=odd or "a")
    ),
    "a source": gramarye.load_picture,
    "a tensor": gramarye.Picture.from_tensor,
    "a target": gramarye.Picture.from_tensor(SQUARE).save,
    "a recipe's text": lambda odd: gramarye.Recipe.from_json(odd),
    "a recipe's picture": lambda odd: gramarye.Recipe.of_picture(odd),
    "a network's name": gramarye.load_network,
    "its pooling": lambda odd: gramarye.load_network("vgg19-lite", pooling=odd),
    "its padding": lambda odd: gramarye.load_network("vgg19-lite", padding=odd),
    "its layers": lambda odd: gramarye.load_network("vgg19-lite", layers=[odd]),
    "a preset's name": gramarye.load_preset,
}
CONFIG = gramarye.make_config(size=32, steps=1)


@pytest.mark.parametrize("call", CALLS)
def test_what_is_of_another_kind_gets_a_sentence(call: str) -> None:
    for odd in STRANGE:
        if call == "their network" and not isinstance(odd, int | float | bytes | list | dict):
            continue
        with pytest.raises(gramarye.GramaryeError) as told:
            CALLS[call](odd)
        assert "\n" not in str(told.value) and len(str(told.value)) < 500
