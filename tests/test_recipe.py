"""A recipe is complete, private and readable; what is not a recipe is told."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.config import make_config
from gramarye.errors import RecipeError
from gramarye.files import file_sha256
from gramarye.jobs.job import name_inputs
from gramarye.networks.features import PerceptualNetwork
from gramarye.plan import make_plan
from gramarye.recipe import FORMAT, Recipe, input_file, write_recipe


@pytest.fixture
def recipe(tiny_network: PerceptualNetwork, photo: Path, painting: Path) -> Recipe:
    config = make_config(init=str(painting), weights="/a/b/tiny.safetensors", seed=3)
    paths = name_inputs(photo, [painting], config)
    sizes = dict.fromkeys(paths, (36, 48))
    plan = make_plan(config, tiny_network, sizes, torch.device("cpu"))
    files = {name: input_file(path) for name, path in paths.items()}
    return write_recipe(plan, files, tiny_network)


def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_recipe_names_files_without_folders(recipe: Recipe) -> None:
    assert recipe.inputs["content"].name == "photo.png"
    assert recipe.settings.picture.init == "painting.png"
    assert recipe.settings.network.weights == "tiny.safetensors"
    told = recipe.to_json().replace("style/0", "")
    assert "/" not in re.sub(r"relu\d_\d/\d", "", told)  # layers of the image at a part of its size


def test_a_recipe_knows_its_inputs_by_hash(recipe: Recipe, photo: Path, painting: Path) -> None:
    assert recipe.inputs["content"].sha256 == file_sha256(photo)
    assert recipe.inputs["init"].sha256 == file_sha256(painting)


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == expected


def test_a_recipe_lists_the_versions(recipe: Recipe) -> None:
    assert recipe.versions["torch"] == torch.__version__
    assert {"gramarye", "python", "platform"} <= recipe.versions.keys()


def changed(**parts: object) -> Callable[[dict[str, object]], str]:
    return lambda recipe: json.dumps(recipe | parts)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda recipe: "", "cannot be read"),
        (lambda recipe: "{", "cannot be read"),
        (lambda recipe: "[1]", "cannot be read"),
        (lambda recipe: json.dumps({"recipe": 2}), "cannot be read (inputs"),
        (lambda recipe: json.dumps({"recipe": 1}), "cannot be read ('settings' is missing"),
        (changed(recipe="x"), "cannot be read (recipe"),
        (changed(recipe=FORMAT + 1), "install a newer gramarye"),
        (changed(recipe=FORMAT + 1, unheard="of"), "install a newer gramarye"),
        (changed(unheard="of"), "cannot be read (unheard"),
        (changed(network="vgg19"), "its network is 'vgg19' and its settings name 'vgg19-lite'"),
        (changed(width=7, height=5), "it is of 7 x 5 pixels and its settings of a longest side"),
        (changed(precision="float8"), "precision is 'float8', not float32 or"),
        (
            changed(settings={"picture": {"size": -5}}),
            "cannot be read (size is -5, not a whole",
        ),
        (changed(settings={"unheard": 1}), "cannot be read (settings: unheard is not known)"),
        (changed(settings={"terms": {"unheard": {}}}), "cannot be read (unknown loss term"),
    ],
)
def test_a_damaged_recipe_is_told(
    recipe: Recipe, damage: Callable[[dict[str, object]], str], told: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(damage(recipe.model_dump(mode="json")))
    assert told in str(caught.value)


def test_settings_that_came_later_take_their_defaults(recipe: Recipe) -> None:
    data = recipe.model_dump(mode="json")
    del data["settings"]["terms"]["tv"]
    del data["settings"]["scales"]["grain"]
    assert Recipe.from_json(json.dumps(data)) == recipe


def test_a_picture_without_a_recipe_is_told(photo: Path) -> None:
    with pytest.raises(RecipeError, match="holds no recipe"):
        Recipe.of_picture(photo)


def test_a_recipe_of_the_first_format_is_read() -> None:
    file = {"name": "a.png", "sha256": "0" * 64}
    old = {
        "recipe": 1, "content": file, "styles": [file, file], "init": file,
        "settings": {
            "preset": "gatys2015", "size": 300, "min_size": 65536, "style_layers": {"relu1_1": 2.0},
            "init": "a.png", "memory": "3GiB", "strength": 0.7,
        },
        "network": "vgg19-lite", "weights_sha256": None, "width": 300, "height": 200,
        "versions": {}, "device": "cpu", "threads": 2,
    }  # fmt: skip
    recipe = Recipe.from_json(json.dumps(old))
    assert list(recipe.inputs) == ["content", "style/0", "style/1", "init"]
    assert recipe.settings == make_config(
        size=300, style_layers={"relu1_1": 2.0}, init="a.png", memory="3GiB", strength=0.7,
        coarse_to_fine=False,
    ).model_copy(update={"preset": "gatys2015"})  # fmt: skip


@pytest.mark.parametrize("name", ["gram", "gram-paper", "covariance", "wasserstein"])
def test_style_losses_of_older_recipes_are_read(recipe: Recipe, name: str) -> None:
    tree = json.loads(recipe.to_json())
    tree["settings"]["terms"] = {"style": {"distance": name}, "content": {}, "tv": {}}
    found = Recipe.from_json(json.dumps(tree)).settings
    assert found.value("style_loss") == name
    assert list(found.terms["style"].parts()) == [name]  # type: ignore[attr-defined]
