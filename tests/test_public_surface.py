"""The public names: sorted, complete, loaded when used, and nothing more."""

import subprocess
import sys
from importlib import import_module, resources

import pytest

import gramarye

PUBLIC = [
    "GramaryeError",
    "Iterate",
    "Objective",
    "Picture",
    "Recipe",
    "StylizeConfig",
    "__version__",
    "load_image",
    "load_network",
    "load_picture",
    "load_preset",
    "make_config",
    "preset_names",
    "save_picture",
    "stylize",
    "stylize_steps",
]


def test_the_public_names_are_these() -> None:
    assert gramarye.__all__ == PUBLIC == sorted(PUBLIC)
    assert dir(gramarye) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(gramarye, name) is not None


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
        "import gramarye.jobs.running"
    )


def test_the_package_says_that_it_is_typed() -> None:
    assert (resources.files("gramarye") / "py.typed").is_file()
