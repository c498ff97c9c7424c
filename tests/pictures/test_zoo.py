"""The zoo: every kind of picture file we say we read gives its pixels, or its sentence."""

import numpy as np
import pytest
import torch

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_picture
from tests.pictures.zoo import Animal, others, pngs, tiffs

ZOO = [*pngs(), *tiffs(), *others()]


def test_the_zoo_has_many_animals() -> None:
    assert len({animal.name for animal in ZOO}) == len(ZOO) > 80


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
def test_every_animal_has_its_pixels_or_its_sentence(tmp_path, animal: Animal) -> None:
    path = tmp_path / animal.name
    path.write_bytes(animal.data)
    if animal.pixels is None:
        with pytest.raises(ImageError) as caught:
            load_picture(path)
        message = str(caught.value)
        assert f"'{animal.name}'" in message
        assert animal.sentence in message
        assert "\n" not in message
        return
    picture = load_picture(path)
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    found = torch.cat(planes, dim=1)[0].permute(1, 2, 0).double().numpy()
    assert found.shape == animal.pixels.shape
    assert np.abs(found - animal.pixels).max() <= animal.off
    assert [animal.note in note for note in picture.notes] == [True] * bool(animal.note)
