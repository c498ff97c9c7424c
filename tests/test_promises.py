"""Every promise on its page is held by a test that exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "| held by |" not in line]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_its_tests() -> None:
    assert len(ROWS) >= 30
    for row in ROWS:
        assert re.search(
            r"\| `tests/[\w/]+\.py::test_\w+`(, `tests/[\w/]+\.py::test_\w+`)* \|$", row
        )


def test_the_tests_named_are_there() -> None:
    files = {name: names_in(ROOT / name) for name in {name for name, _ in NAMED}}
    missing = [f"{name}::{test}" for name, test in NAMED if test not in files[name]]
    assert missing == []


def test_no_promise_rests_on_a_test_that_is_seldom_run() -> None:
    for name, test in NAMED:
        source = (ROOT / name).read_text("utf-8")
        decorators = source[: source.index(f"def {test}(")].rpartition("\n\n\n")[2]
        assert not re.search(r"mark\.(slow|network|gpu)", decorators), test
