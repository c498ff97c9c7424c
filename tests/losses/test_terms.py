"""The table of terms: what they need together, and that they are made in one look."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch

from gramarye.config import make_config
from gramarye.distributed.bands import whole
from gramarye.errors import SettingsError
from gramarye.losses.targets import Targets
from gramarye.losses.terms import TERMS, check_names, needs_of, prepare_terms
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles
from tests.whole_image import WHOLE


def test_the_table_has_every_kind_by_its_name() -> None:
    names = ["content", "self-similarity", "style", "tv", "detail", "matting", "temporal", "range"]
    assert {name: kind.name for name, kind in TERMS.items()} == {name: name for name in names}


def test_terms_need_what_each_of_them_needs() -> None:
    config = make_config(content_layers={"relu2_2": 1.0}, style_layers={"relu1_1": 1.0})
    needs = needs_of(config.terms)
    assert needs.layers == needs.all_layers == {"relu2_2", "relu1_1"}
    assert needs.features == {"content": {"relu2_2"}}
    assert not needs_of(make_config(content_weight=0.0).terms).features


def test_an_unknown_term_is_told_with_a_suggestion() -> None:
    check_names(TERMS)
    with pytest.raises(SettingsError, match=r"unknown loss term 'stile'.*did you mean 'style'"):
        check_names(["content", "stile"])


def test_all_terms_are_made_in_one_look_at_each_input(
    tiny_network: PerceptualNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(tv_weight=0.5, **WHOLE)
    layers = needs_of(config.terms).all_layers
    extractor = FeatureExtractor(tiny_network)
    passes, looks = extractor.passes, []

    def counted(image: torch.Tensor, layers: Collection[str], *, keep: bool) -> object:
        looks.append(image.shape[-2:])
        return passes(image, layers, keep=keep)

    monkeypatch.setattr(extractor, "passes", counted)
    seen = {"content": torch.rand(1, 3, 40, 52), "style/0": torch.rand(1, 3, 36, 44)}
    seen["style/1"] = torch.rand(1, 3, 33, 60)
    tiles = choose_tiles(tiny_network, layers, 40, 52, None)
    terms = prepare_terms(config.terms, Targets(extractor, seen, whole(40, 52), tiles))
    assert [term.name for term in terms] == [
        "content/relu4_2",
        *(f"style/relu{block}_1" for block in range(1, 5)),
        "tv",
    ]
    assert sorted(looks) == sorted(picture.shape[-2:] for picture in seen.values())
