from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import LayerError, SettingsError, WeightsError
from gramarye.networks import registry
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.catalog import ALIASES, NETWORKS, NetworkInfo, find_network
from gramarye.networks.features import Padding, Pooling, Step
from gramarye.networks.googlenet import INCEPTIONS, googlenet_steps
from gramarye.networks.layers import VGG19_BLOCKS
from gramarye.networks.registry import define, load_lite, load_network
from gramarye.networks.squeezenet import squeezenet_steps
from gramarye.networks.vgg import vgg_steps

RandomState = Callable[[Sequence[Step], bool], dict[str, Tensor]]
DOWNLOADED = [name for name, info in NETWORKS.items() if not info.embedded]
NARROW19 = [tuple(max(w // 64, 2) for w in widths) for widths in VGG19_BLOCKS]
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 83, 71, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Makes vgg19 and vgg19-caffe narrow; their steps."""
    for name, numbers in (("vgg19", registry.IMAGENET), ("vgg19-caffe", registry.CAFFE)):
        narrow = (partial(vgg_steps, NARROW19), numbers)
        monkeypatch.setitem(registry.DEFINITIONS, name, narrow)
    return vgg_steps(NARROW19)


def never(info: NetworkInfo) -> Path:
    pytest.fail("asked for a download")


def by_hand(
    state: dict[str, Tensor],
    x: Tensor,
    plan: str,
    pool: Callable[[Tensor], Tensor],
    convs: dict[int, dict[str, int]],
) -> list[Tensor]:
    """torchvision's `features`, module by module: C conv, R relu, M pooling, F fire."""
    outputs = []
    for i, kind in enumerate(plan):
        key = f"features.{i}."
        if kind == "C":
            options = convs.get(i, {"padding": 1})
            x = F.conv2d(x, state[key + "weight"], state[key + "bias"], **options)  # type: ignore[arg-type]
        elif kind == "R":
            x = x.relu()
        elif kind == "M":
            x = pool(x)
        else:
            conv = {
                part: (state[f"{key}{part}.weight"], state[f"{key}{part}.bias"])
                for part in ("squeeze", "expand1x1", "expand3x3")
            }
            x = F.conv2d(x, *conv["squeeze"]).relu()
            wide = F.conv2d(x, *conv["expand3x3"], padding=1)
            x = torch.cat([F.conv2d(x, *conv["expand1x1"]), wide], dim=1).relu()
        outputs.append(x)
    return outputs


def test_vgg19_is_what_its_state_dict_says(
    image: Tensor, narrow: list[Step], tmp_path: Path, random_state: RandomState
) -> None:
    state = random_state(narrow, True)
    torch.save(state | {"classifier.0.weight": torch.ones(3, 4)}, tmp_path / "vgg.pth")
    network = load_network("vgg19", weights=tmp_path / "vgg.pth")
    plan = "CRCRM" * 2 + "CRCRCRCRM" * 3
    outputs = by_hand(state, (image - MEAN) / STD, plan, lambda x: F.max_pool2d(x, 2), {})
    features = network(image, network.layers)
    for found, expected in zip(features.values(), outputs, strict=True):
        assert_close(found, expected)
    assert network.weights_sha256 == hashlib.sha256((tmp_path / "vgg.pth").read_bytes()).hexdigest()


def test_vgg19_caffe_reads_the_papers_keys_and_numbers(
    image: Tensor, narrow: list[Step], tmp_path: Path, random_state: RandomState
) -> None:
    state = random_state(narrow, False)
    assert "conv1_1.weight" in state
    torch.save(state, tmp_path / "vgg_conv.pth")
    network = load_network("vgg19-caffe", weights=tmp_path / "vgg_conv.pth", layers=["conv1_2"])
    x = image.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    x = F.conv2d(x, state["conv1_1.weight"], state["conv1_1.bias"], padding=1).relu()
    x = F.conv2d(x, state["conv1_2.weight"], state["conv1_2.bias"], padding=1)
    assert_close(network(image, ["conv1_2"])["conv1_2"], x)


def test_alexnet_is_what_its_state_dict_says(
    image: Tensor, tmp_path: Path, random_state: RandomState
) -> None:
    state = random_state(alexnet_steps(), True)
    torch.save(state, tmp_path / "alexnet.pth")
    network = load_network("alexnet", weights=tmp_path / "alexnet.pth")
    convs = {0: {"stride": 4, "padding": 2}, 3: {"padding": 2}}
    x = (image - MEAN) / STD
    outputs = by_hand(state, x, "CRMCRMCRCRCRM", lambda x: F.max_pool2d(x, 3, 2), convs)
    for found, expected in zip(network(image, network.layers).values(), outputs, strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize(("version", "plan"), [("1_0", "CRMFFFMFFFFMF"), ("1_1", "CRMFFMFFMFFFF")])
def test_squeezenet_is_what_its_state_dict_says(
    image: Tensor, tmp_path: Path, random_state: RandomState, version: str, plan: str
) -> None:
    steps = squeezenet_steps("1.0" if version == "1_0" else "1.1")
    state = random_state(steps, True)
    assert "features.3.squeeze.weight" in state
    save_file(state, tmp_path / "squeezenet.safetensors")
    network = load_network(f"squeezenet{version}", weights=tmp_path / "squeezenet.safetensors")
    x = (image - MEAN) / STD
    outputs = by_hand(
        state, x, plan, lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), {0: {"stride": 2}}
    )
    for found, expected in zip(network(image, network.layers).values(), outputs, strict=True):
        assert_close(found, expected)


def test_googlenet_is_what_its_state_dict_says(
    image: Tensor, tmp_path: Path, random_state: RandomState
) -> None:
    steps = googlenet_steps()
    state = random_state(steps, False)
    for key in ("conv1.conv.weight", "conv1.bn.running_var", "inception3a.branch1.conv.weight"):
        assert key in state
    extra = {"conv1.bn.num_batches_tracked": torch.tensor(0), "fc.weight": torch.ones(2, 2)}
    torch.save(state | extra, tmp_path / "googlenet.pth")
    network = load_network("googlenet", weights=tmp_path / "googlenet.pth")

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.conv.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var, gain, shift = (
            state[f"{name}.bn.{key}"].view(1, -1, 1, 1)
            for key in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (var + 0.001).sqrt() * gain + shift).relu()

    def pool(x: Tensor, kernel: int = 3) -> Tensor:
        return F.max_pool2d(x, kernel, 2, ceil_mode=True)

    x = pool(conv("conv1", image * 2 - 1, stride=2))
    x = pool(conv("conv3", conv("conv2", x)))
    features = network(image, network.layers)
    for name in INCEPTIONS:
        x = pool(x) if name == "inception4a" else pool(x, 2) if name == "inception5a" else x
        branches = [
            conv(f"{name}.branch1", x),
            conv(f"{name}.branch2.1", conv(f"{name}.branch2.0", x)),
            conv(f"{name}.branch3.1", conv(f"{name}.branch3.0", x)),
            conv(f"{name}.branch4.1", F.max_pool2d(x, 3, 1, padding=1)),
        ]
        x = torch.cat(branches, dim=1)
        assert_close(features[name], x, rtol=1e-3, atol=1e-4)
    assert_close(features["relu1"], features["conv1"].relu())


def test_every_network_has_its_default_layers_and_a_file() -> None:
    for name in DOWNLOADED:
        info, network = NETWORKS[name], define(name, "max", "zeros")
        network.check_layers([*info.style_layers, info.content_layer])
        assert info.url.endswith(info.file) and len(info.sha256) in (8, 64)
        assert info.sha256[:8] in info.file


def test_names_are_found_by_alias_and_near_misses_are_named() -> None:
    assert find_network("squeezenet") is NETWORKS[ALIASES["squeezenet"]]
    with pytest.raises(SettingsError, match=r"unknown network 'vg19'.*did you mean 'vgg19'\?"):
        load_network("vg19", fetch=never)


def test_a_wrong_layer_is_reported_before_any_download() -> None:
    with pytest.raises(LayerError, match="relu4_9"):
        load_network("vgg19", layers=["relu1_1", "relu4_9"], fetch=never)
    with pytest.raises(LayerError, match="did you mean 'fire9'"):
        load_network("squeezenet", layers=["fire99"], fetch=never)


def test_only_the_steps_needed_are_kept(
    narrow: list[Step], tmp_path: Path, random_state: RandomState
) -> None:
    state = random_state(narrow, True)
    del state["features.34.weight"]  # conv5_4: never looked for
    save_file(state, tmp_path / "vgg.safetensors")
    network = load_network(
        "vgg19", weights=str(tmp_path / "vgg.safetensors"), layers=["relu2_1", "relu1_2"]
    )
    assert network.layers[-1] == "relu2_1"
    assert len(list(network.parameters())) == 6
    assert all(p.untyped_storage().nbytes() == 4 * p.numel() for p in network.parameters())


def test_loading_leaves_the_global_random_numbers_alone(
    narrow: list[Step], tmp_path: Path, random_state: RandomState
) -> None:
    torch.save(random_state(narrow, True), tmp_path / "vgg.pth")
    before = torch.get_rng_state()
    load_network("vgg19", weights=tmp_path / "vgg.pth")
    assert_close(torch.get_rng_state(), before)


@pytest.mark.parametrize("pooling", ["max", "avg", "l2"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
def test_pooling_and_padding_are_chosen_by_name(
    tmp_path: Path,
    random_state: RandomState,
    image: Tensor,
    pooling: Pooling,
    padding: Padding,
) -> None:
    state = random_state(squeezenet_steps("1.1"), True)
    save_file(state, tmp_path / "squeezenet.safetensors")
    network = load_network(
        "squeezenet",
        weights=tmp_path / "squeezenet.safetensors",
        layers=["fire3", "pool2"],
        pooling=pooling,
        padding=padding,
    )
    x = network(image, ["pool1"])["pool1"]
    squeezed = F.conv2d(x, state["features.3.squeeze.weight"], state["features.3.squeeze.bias"])
    mode = "constant" if padding == "zeros" else padding
    wide = F.conv2d(
        F.pad(squeezed.relu(), (1, 1, 1, 1), mode=mode),
        state["features.3.expand3x3.weight"],
        state["features.3.expand3x3.bias"],
    )
    features = network(image, ["fire2", "fire3", "pool2"])
    assert_close(features["fire2"][:, 64:], wide.relu())
    pooled = {
        "max": lambda x: F.max_pool2d(x, 3, 2),
        "avg": lambda x: F.avg_pool2d(x, 3, 2),
        "l2": lambda x: F.avg_pool2d(x.square(), 3, 2).sqrt(),
    }[pooling](features["fire3"])
    inner = features["pool2"][:, :, : pooled.shape[2], : pooled.shape[3]]
    assert_close(inner, pooled, rtol=1e-4, atol=1e-5)


def test_the_wrong_files_are_told_apart(
    narrow: list[Step], tmp_path: Path, random_state: RandomState
) -> None:
    sixteen = vgg_steps([widths[:3] for widths in NARROW19])
    torch.save(random_state(sixteen, True), tmp_path / "vgg16.pth")
    with pytest.raises(WeightsError, match="not made for vgg19"):
        load_network("vgg19", weights=tmp_path / "vgg16.pth", layers=["relu3_1"])
    torch.save(random_state(alexnet_steps()[:2], True), tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"features.0.weight|conv1_1.weight has shape"):
        load_network("vgg19", weights=tmp_path / "other.pth", layers=["relu1_1"])
    torch.save({"a": torch.ones(2)}, tmp_path / "empty.pth")
    with pytest.raises(WeightsError, match=r"neither features\.0\.weight nor conv1_1\.weight"):
        load_network("vgg19", weights=tmp_path / "empty.pth")


def test_a_file_known_as_another_networks_is_refused(
    narrow: list[Step], tmp_path: Path, random_state: RandomState, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vgg.pth"
    torch.save(random_state(narrow, True), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    info = NETWORKS["vgg19-caffe"]
    changed = NetworkInfo(**{**vars(info), "sha256": sha256[:8]})
    monkeypatch.setitem(NETWORKS, "vgg19-caffe", changed)
    with pytest.raises(WeightsError, match="holds the weights of vgg19-caffe"):
        load_network("vgg19", weights=path)


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_damaged_files_are_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no weights at all" * 100)
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        load_network("alexnet", weights=tmp_path / name)


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    for name in ("alexnet", "vgg19-lite"):
        with pytest.raises(WeightsError, match="there is no weights file"):
            load_network(name, weights=tmp_path / "missing.pth", layers=["relu1_1"][:0])


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (pytest.fail, ("a pickle was run",))


def test_pickles_are_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network("alexnet", weights=tmp_path / "evil.pth")


@pytest.mark.parametrize("legacy", [True, False])
def test_both_formats_of_torch_are_read(
    narrow: list[Step], tmp_path: Path, random_state: RandomState, legacy: bool
) -> None:
    state = random_state(narrow, True)
    torch.save(state, tmp_path / "vgg.pth", _use_new_zipfile_serialization=not legacy)
    network = load_network("vgg19", weights=tmp_path / "vgg.pth", layers=["conv1_1"])
    assert_close(network.body["conv1_1"].weight, state["features.0.weight"])


def test_the_published_file_is_fetched_checked_and_read(
    tmp_path: Path, random_state: RandomState, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.pth"
    torch.save(random_state(squeezenet_steps("1.1"), True), path)
    info = NETWORKS["squeezenet1_1"]
    with pytest.raises(WeightsError, match="its SHA-256 begins"):
        load_network("squeezenet", fetch=lambda _: path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(NETWORKS, info.name, NetworkInfo(**{**vars(info), "sha256": sha256}))
    network = load_network("squeezenet", layers=["fire2"], fetch=lambda _: path)
    assert (network.name, network.weights_sha256) == ("squeezenet1_1", sha256)


@pytest.fixture
def lite(tmp_path: Path, random_state: RandomState) -> Path:
    blocks = ((3, 4), (4, 5), (6, 5, 5, 5), (4, 4, 4, 4), (7,))
    state = random_state(vgg_steps(blocks)[:-1], False)
    state |= {f"head.relu{b}_1": torch.eye(w) for b, w in ((1, 4), (2, 5), (5, 8))}
    state = {k: v.half() if k.startswith("conv") else v for k, v in state.items()}
    metadata = {
        "widths": "[3, 4, 6, 4, 7]",
        "padding": "reflect",
        "pooling": "avg",
        "head_widths": json.dumps({"relu1_1": 64, "relu2_1": 128, "relu5_1": 512}),
    }
    save_file(state, tmp_path / "lite.safetensors", metadata)
    return tmp_path / "lite.safetensors"


def test_lite_is_built_as_its_file_says(lite: Path, image: Tensor) -> None:
    network = load_lite(lite)
    assert network.layers[-1] == "relu5_1"
    assert [network.geometry(f"conv{b}_1").channels for b in range(1, 6)] == [3, 4, 6, 4, 7]
    assert network.body["conv1_1"].weight.dtype == torch.float32
    assert network.body["conv3_2"].padding_mode == "reflect"
    pool = network.body["pool4"]
    assert_close(pool(image), F.avg_pool2d(image, 2))
    assert set(network.heads) == {"relu1_1", "relu2_1", "relu5_1"}
    assert network.widths == {"relu1_1": 64, "relu2_1": 128, "relu5_1": 512}
    assert_close(network.normalize(image), image)
    assert network(image, ["relu5_1"])["relu5_1"].shape == (1, 7, 5, 4)


def test_the_heads_of_lite_follow_its_weights(lite: Path) -> None:
    network = load_lite(lite).double()
    assert {head.dtype for head in network.heads.values()} == {torch.float64}


def test_lite_can_be_truncated_and_told_otherwise(lite: Path) -> None:
    network = load_network(
        "vgg19-lite", weights=lite, layers=["relu2_1"], pooling="l2", padding="zeros"
    )
    assert network.layers[-1] == "relu2_1" and set(network.heads) == {"relu1_1", "relu2_1"}
    assert set(network.widths) == {"relu1_1", "relu2_1"}
    assert network.body["conv1_1"].padding_mode == "zeros"
    assert network.weights_sha256 == hashlib.sha256(lite.read_bytes()).hexdigest()


def test_other_files_are_no_lite_networks(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not made for vgg19-lite"):
        load_lite(tmp_path / "other.safetensors")


def test_unit_activation_is_a_choice_at_loading(
    narrow: list[Step],
    tmp_path: Path,
    random_state: RandomState,
    image: Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.save(random_state(narrow, True), tmp_path / "vgg.pth")
    monkeypatch.setattr(registry, "sample_images", lambda: [image])
    network = load_network("vgg19", weights=tmp_path / "vgg.pth", normalize_weights=True)
    means = network(image, ["relu4_2"])["relu4_2"].mean((0, 2, 3))
    assert_close(means[means > 0], torch.ones_like(means[means > 0]))
