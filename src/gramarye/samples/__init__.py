"""The sample pictures shipped with the package; all painted by the code in this folder."""

import difflib
from pathlib import Path

CONTENTS: tuple[str, ...] = ("canal", "fox", "landscape")
STYLES: tuple[str, ...] = ("facets", "impasto", "ink", "mosaic", "pointillism", "woodblock")


def sample_path(name: str) -> Path:
    """The packaged JPEG of a sample; `name` is one of CONTENTS or STYLES."""
    names = CONTENTS + STYLES
    if name in names:
        return Path(__file__).parent / f"{name}.jpg"
    from gramarye.errors import InputError

    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(f"unknown sample {name!r}: there are {', '.join(names)}{hint}")
