import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gramarye.errors import SettingsError, WeightsError
from gramarye.files import file_sha256
from gramarye.scoring.judge import load_judge
from gramarye.scoring.levels import LEVELS

MakeFile = Callable[..., Path]


def test_the_packaged_network_judges_all_levels_through_its_heads() -> None:
    judge = load_judge("vgg19-lite")
    assert list(judge.levels) == list(LEVELS)
    assert judge.levels["large form"] == "relu5_1"
    assert judge.content_layer == "relu4_2"
    assert judge.sha256 and len(judge.sha256) == 64
    assert all("metric" in getattr(d, "keywords", {}) for d in judge.distances.values())


def test_a_file_judges_the_levels_it_has(judge_file: MakeFile) -> None:
    whole = load_judge(judge_file())
    assert list(whole.levels.values()) == [f"relu{i}_1" for i in range(1, 6)]
    assert whole.content_layer == "relu4_2"
    path = judge_file("short", (2, 2, 1))
    short = load_judge(path)
    assert short.levels == {"color": "relu1_1", "fine stroke": "relu2_1", "stroke": "relu3_1"}
    assert short.content_layer == "relu3_1"  # the nearest it has
    assert short.name == "short.safetensors"
    assert short.sha256 == file_sha256(path)


def test_a_networks_file_may_end_early(vgg16_file: Path) -> None:
    judge = load_judge("vgg16", vgg16_file)
    assert judge.levels == {"color": "relu1_1", "fine stroke": "relu2_1"}
    assert judge.content_layer == "relu2_1"
    features = judge.features(torch.rand(1, 3, 32, 48), judge.layers)
    assert {k: tuple(f.shape) for k, f in features.items()} == {
        "relu1_1": (1, 64, 32, 48),
        "relu2_1": (1, 128, 16, 24),
    }


def test_a_distilled_networks_file_is_a_judge_under_its_own_name(tiny_weights: Path) -> None:
    judge = load_judge(tiny_weights)
    assert judge.name == "tiny.safetensors"
    assert list(judge.levels) == list(LEVELS)
    assert load_judge("vgg19-lite", tiny_weights).name == "vgg19-lite"


def test_a_distilled_network_that_ends_early_has_fewer_levels(
    tiny_weights: Path, tmp_path: Path
) -> None:
    state = {k: v for k, v in load_file(tiny_weights).items() if k < "conv4"}
    metadata = {"padding": "reflect", "pooling": "max", "blocks": json.dumps([])}
    save_file(state, tmp_path / "short.safetensors", metadata)
    judge = load_judge(tmp_path / "short.safetensors")
    assert list(judge.levels) == list(LEVELS[:3])
    assert judge.content_layer == "relu3_1"


def test_what_cannot_judge_is_told_in_a_sentence(vgg16_file: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no judge 'vgg17': .*did you mean 'vgg19'"):
        load_judge("vgg17")
    with pytest.raises(WeightsError, match=r"does not say which network it is for"):
        load_judge(vgg16_file)
    empty = tmp_path / "empty.safetensors"
    save_file({"features.0.bias": torch.zeros(1)}, empty)
    with pytest.raises(WeightsError, match=r"none of the layers relu1_1, |is not made for vgg16"):
        load_judge("vgg16", empty)
    styleless = tmp_path / "styleless.safetensors"
    state = {"conv0.weight": torch.zeros(3, 3, 1, 1), "conv0.bias": torch.zeros(3)}
    state |= {"conv1_2.weight": torch.zeros(2, 3, 3, 3), "conv1_2.bias": torch.zeros(2)}
    save_file(state, styleless)
    with pytest.raises(WeightsError, match=r"cannot judge a style"):
        load_judge(styleless)
    with pytest.raises((WeightsError, SettingsError), match=r"no.such"):
        load_judge("vgg19", tmp_path / "no.such")
