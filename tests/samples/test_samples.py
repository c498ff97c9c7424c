from pathlib import Path

import pytest

from gramarye import samples
from gramarye.errors import GramaryeError
from gramarye.samples import CONTENTS, STYLES, sample_path


def test_three_contents_and_five_styles_are_shipped() -> None:
    assert len(CONTENTS) >= 3
    assert len(STYLES) >= 5


def test_the_folder_holds_the_pictures_and_this_module_only() -> None:
    folder = Path(samples.__file__).parent
    pictures = {sample_path(name).name for name in CONTENTS + STYLES}
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"__init__.py", *pictures}


def test_all_pictures_together_stay_under_three_megabytes() -> None:
    assert sum(sample_path(name).stat().st_size for name in CONTENTS + STYLES) < 3_000_000


def test_unknown_sample_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(GramaryeError, match=r"unknown sample 'landscpe'.*did you mean 'landscape'"):
        sample_path("landscpe")
