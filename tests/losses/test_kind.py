"""What kinds of terms need, added up."""

from gramarye.losses.kind import Needs, shares


def test_needs_add_up() -> None:
    one = Needs(layers=frozenset("ab"), features={"content": frozenset("b")}, bytes_per_pixel=4.0)
    both = {"content": frozenset("c"), "init": frozenset("d")}
    two = Needs(layers=frozenset("bc"), features=both, bytes_per_pixel=2.5)
    three = Needs(whole=frozenset({"brightest"}))
    total = one | two | three
    assert total.layers == set("abc")
    assert total.features == {"content": set("bc"), "init": set("d")}
    assert total.bytes_per_pixel == 6.5
    assert total.whole == {"brightest"}
    assert total.all_layers == set("abcd")
    assert Needs() | one == one


def test_shares_add_up_to_one() -> None:
    assert shares({"a": 3.0, "b": 1.0}) == {"a": 0.75, "b": 0.25}
    assert shares({"a": 0.0}) == {"a": 0.0}
