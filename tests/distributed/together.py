"""What `test_sharded.py` starts three times: does everything in bands and as a whole, and compares.

Usage: python together.py RANK SIZE FOLDER. It writes what it found to FOLDER/RANK.json.
"""

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.distributed.bands import Band, Bands, gather, plan_bands, rescale
from gramarye.distributed.processes import Processes
from gramarye.inputs.inputs import Input, Inputs
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import Padding, PerceptualNetwork, Pooling
from gramarye.networks.vgg import narrow_vgg
from gramarye.objective import Objective
from gramarye.optimize import optimize
from gramarye.pictures.picture import Picture
from gramarye.plan import make_plan
from gramarye.scales.resizing import resize
from gramarye.scales.rows import NO_ROWS, cut
from gramarye.stylize import make_objective, steps, stylize_steps
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.tiling import margins, total_stride

CPU = torch.device("cpu")
# Of the whole image only: bands of these small pictures have no room for others' margins.
WHOLE: dict[str, Any] = {
    "style_layers": {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0},
    "content_layers": {"relu4_2": 1.0},
}


def network(padding: Padding = "reflect", pooling: Pooling = "max") -> PerceptualNetwork:
    blocks = [(3, 3), (3, 3), (3,) * 4, (3,) * 4, (3,)]
    made = narrow_vgg("tiny", blocks, padding, pooling).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.copy_(0.1 + 0.3 * torch.randn(parameter.shape, generator=generator))
    return made


def picture(seed: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def settings(**changes: Any) -> StylizeConfig:
    return make_config(tv_weight=3.0, precision="float32", color="free", **(WHOLE | changes))


def layers_of(config: StylizeConfig) -> frozenset[str]:
    return needs_of(config.terms).all_layers


def uneven(bands: Bands, net: PerceptualNetwork, config: StylizeConfig) -> Bands:
    """The bands with the first as small as can be: its neighbors' windows reach across it."""
    layers = layers_of(config)
    stride, (before, after) = total_stride(net, layers), margins(net, layers)
    cuts = [0, *(stride * (1 + 3 * i) for i in range(bands.count - 1)), bands.height]
    owned = list(pairwise(cuts))
    windows = [
        (max(0, top - before) // stride * stride, min(bands.height, bottom + after))
        for top, bottom in owned
    ]
    idle = [NO_ROWS] * (len(bands.owned) - len(owned))
    return replace(bands, owned=(*owned, *idle), windows=(*windows, *idle))


def band_objective(
    net: PerceptualNetwork,
    inputs: dict[str, Tensor],
    config: StylizeConfig,
    bands: Bands,
    team: Processes,
    memory: int | None,
    *,
    stored: bool,
) -> Objective:
    height, width = bands.size
    band, needs = Band(bands, team), needs_of(config.terms)
    budget = budget_scale(net, bands.size, band.owned, needs, config.optimizer, "float32", None)
    tiles = choose_tiles(net, needs.all_layers, height, width, memory, within=band.owned)
    budget = replace(budget, stored=stored, tiles=tiles)
    seen = {
        name: picture if name.startswith("style") else cut(picture, (0, height), band.window)
        for name, picture in inputs.items()
    }
    return make_objective(net, seen, config, budget, band)


def distance(a: Tensor, b: Tensor) -> float:
    """The largest difference, relative to the largest entry."""
    return float((a - b).abs().max() / b.abs().max())


def compare_evaluations(world: Processes) -> list[dict[str, Any]]:
    """Losses and gradients in bands against those of the whole image."""
    found = []
    cases: list[dict[str, Any]] = [
        {"net": network(), "size": (83, 37), "config": settings()},
        {
            "net": network("zeros", "avg"),
            "size": (64, 45),
            "config": settings(style_loss="wasserstein", style_layers={"relu2_2": 1, "conv3_1": 2}),
            "even": True,
        },
        {
            "net": network("replicate"),
            "size": (70, 64),
            "config": settings(
                style_loss="gram",
                tv="absolute",
                content_loss="mean",
                style_layers={"relu1_1": 1, "relu2_1": 1},
                content_layers={"relu2_2": 1},
            ),
            "memory": 100_000,
            "stored": False,
        },
        {"net": network(), "size": (83, 37), "config": settings(), "masked": True},
        {
            "net": network(),
            "size": (64, 45),
            "config": settings(style_loss="swd=1,histogram=1,mmd-gaussian=1,cmd=1,batch-norm=1"),
            "masked": True,
        },
        {"net": network(), "size": (83, 37), "config": settings(), "masked": True, "regions": True},
        {
            "net": network(),
            "size": (83, 37),
            "config": settings(style_loss="covariance=1,cmd=1", mask_mode="inside"),
            "regions": True,
        },
        {"net": network(), "size": (57, 31), "config": settings(balance="absolute"), "team": 2},
    ]
    for case in cases:
        net, (height, width), config = case["net"], case["size"], case["config"]
        content, style, image = (picture(i, height, width) for i in range(3))
        inputs = {"content": content, "style/0": style}
        if case.get("masked"):
            inputs["content-mask"] = picture(3, height, width)[:, :1]
            inputs["style-mask/0"] = picture(4, height, width)[:, :1]
            inputs["content-alpha"] = picture(5, height, width)[:, :1]
        if case.get("regions"):
            halves = picture(6, height, width)[:, :2].round()
            inputs |= {"content-regions": halves, "style-regions/0": halves.flip(3)}
            inputs["strength-map"] = picture(8, height, width)[:, :1]
            inputs |= {"protect": picture(7, height, width)[:, :1], "own-content": content}
        expected = make_objective(net, inputs, config).evaluate(image)
        team = world.first(case.get("team", world.size))
        bands = plan_bands(net, layers_of(config), height, width, team.size, smallest=8)
        bands = bands if case.get("even") else uneven(bands, net, config)
        if world.rank not in team:
            continue
        objective = band_objective(
            net,
            inputs,
            config,
            bands,
            team,
            case.get("memory"),
            stored=case.get("stored", True),
        )
        owned = bands.owned[world.rank]
        evaluation = objective.evaluate(cut(image, (0, height), owned).clone())
        gradient = cut(expected.gradient, (0, height), owned)
        found.append(
            {
                "losses": max(
                    distance(evaluation.losses[name], value)
                    for name, value in expected.losses.items()
                ),
                "gradient": distance(evaluation.gradient, gradient),
                "values": [value.item().hex() for value in evaluation.losses.values()],
                "tiles": len(objective.plan(height, width).tiles),
                "rows": list(owned),
            }
        )
    return found


def compare_lbfgs(world: Processes) -> dict[str, Any]:
    """Ten steps of L-BFGS in bands against ten of the whole image."""
    net, config, (height, width) = network(), settings(), (83, 37)
    content, style = picture(0, height, width), picture(1, height, width)
    inputs = {"content": content, "style/0": style}
    optimizer = config.with_settings(history=4).optimizer
    *_, expected = optimize(content, make_objective(net, inputs, config), optimizer, 10)
    bands = plan_bands(net, layers_of(config), height, width, world.size, smallest=8)
    objective = band_objective(net, inputs, config, bands, world, None, stored=True)
    rows = cut(content, (0, height), bands.owned[world.rank]).clone()
    *_, iterate = optimize(rows, objective, optimizer, 10, reduce=world.total)
    image = gather(iterate.image, bands, world)
    return {
        "image": distance(image, expected.image) if world.rank == 0 else None,
        "moved": distance(expected.image, content),
        "losses": [value.hex() for value in iterate.losses.values()],
    }


def compare_scales(
    world: Processes, optimizer: str, *, transparent: bool = False
) -> dict[str, Any]:
    """A whole run over scales: the first on one process, the second on two, the third on all."""
    net = network()
    config = settings(
        size=96,
        min_size=40,
        scale_factor=1.5,
        steps=4,
        finer_steps=3,
        optimizer=optimizer,
        init="content" if optimizer == "lbfgs" else "gray",
        learning_rate=1.0 if optimizer == "lbfgs" else 0.02,
        style_layers={"relu1_1": 1, "relu2_1": 1},
        content_layers={"relu2_2": 1},
    )
    pixels = picture(0, 130, 90)
    content, style = Picture(pixels), Picture(picture(1, 64, 70))
    if transparent:
        content = replace(content, alpha=(picture(2, 130, 90)[:, :1] - 0.5).clamp(min=0))
        style = replace(style, alpha=(picture(3, 64, 70)[:, :1] - 0.5).clamp(min=0))
    *_, expected = stylize_steps(content, [style], config, network=net)
    inputs = Inputs({"content": Input.of(content), "style/0": Input.of(style)})
    plan = make_plan(config, net, inputs.sizes, CPU, processes=world, smallest=32)
    iterates = list(steps(plan, inputs, net, processes=world))
    image = gather(iterates[-1].image, plan.scales[-1].bands, world)
    return {
        "image": distance(image, expected.image) if world.rank == 0 else None,
        "moved": distance(expected.image, resize(pixels, *expected.image.shape[-2:])),
        "processes": [scale.bands.count for scale in plan.scales],
        "iterates": len(iterates),
    }


def compare_resizing(world: Processes) -> float | None:
    """An image resized from bands to bands of another size, against the whole."""
    net, image = network(), picture(0, 40, 30)
    old = plan_bands(net, ["relu2_1"], 40, 30, world.size, smallest=20)
    new = plan_bands(net, ["relu2_1"], 71, 53, world.size, smallest=8)
    rows = rescale(cut(image, (0, 40), old.owned[world.rank]), old, new, world)
    whole = gather(rows, new, world)
    return distance(whole, resize(image, 71, 53)) if world.rank == 0 else None


def totals(world: Processes) -> list[str]:
    """The bits of a sum that rounds: they must be the same everywhere."""
    generator = torch.Generator().manual_seed(world.rank)
    numbers = torch.randn(50, generator=generator, dtype=torch.float64)
    return [value.hex() for value in world.total(numbers).tolist()]


def main(rank: int, size: int, folder: Path) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    world = Processes(rank, size)
    found = {
        "evaluations": compare_evaluations(world),
        "lbfgs": compare_lbfgs(world),
        "scales/lbfgs": compare_scales(world, "lbfgs"),
        "scales/adam": compare_scales(world, "adam"),
        "scales/transparent": compare_scales(world, "adam", transparent=True),
        "resizing": compare_resizing(world),
        "totals": totals(world),
    }
    (folder / f"{rank}.json").write_text(json.dumps(found), "utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
