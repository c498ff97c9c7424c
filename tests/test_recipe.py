"""A recipe is complete, private and readable; what is not a recipe is told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.config import make_config
from gramarye.errors import RecipeError
from gramarye.files import file_sha256
from gramarye.networks.features import PerceptualNetwork
from gramarye.recipe import FORMAT, Recipe, write_recipe


@pytest.fixture
def recipe(tiny_network: PerceptualNetwork, photo: Path, painting: Path) -> Recipe:
    config = make_config(init=str(painting), weights="/a/b/tiny.safetensors", seed=3)
    device = torch.device("cpu")
    return write_recipe(photo, [painting], config, tiny_network, width=48, height=36, device=device)


def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_recipe_names_files_without_folders(recipe: Recipe) -> None:
    assert recipe.content.name == "photo.png"
    assert recipe.settings.init == "painting.png"
    assert recipe.settings.weights == "tiny.safetensors"
    assert "/" not in recipe.to_json()


def test_a_recipe_knows_its_inputs_by_hash(recipe: Recipe, photo: Path, painting: Path) -> None:
    assert recipe.content.sha256 == file_sha256(photo)
    assert recipe.init is not None and recipe.init.sha256 == file_sha256(painting)


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
        (lambda recipe: json.dumps({"recipe": 1}), "cannot be read (content"),
        (changed(recipe="x"), "cannot be read (recipe"),
        (changed(recipe=FORMAT + 1), "install a newer gramarye"),
        (changed(recipe=FORMAT + 1, unheard="of"), "install a newer gramarye"),
        (changed(unheard="of"), "cannot be read (unheard"),
        (changed(settings={"size": -5}), "cannot be read (settings.size"),
        (changed(settings={"unheard": 1}), "cannot be read (settings.unheard"),
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
    del data["settings"]["tv_weight"]
    assert Recipe.from_json(json.dumps(data)) == recipe


def test_a_picture_without_a_recipe_is_told(photo: Path) -> None:
    with pytest.raises(RecipeError, match="holds no recipe"):
        Recipe.of_picture(photo)
