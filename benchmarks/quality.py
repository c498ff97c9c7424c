"""Pictures of twenty-four pairs and their scores: a row a pair, a column a level, for every judge.

    python -m benchmarks.quality --data DIR --judge NAME|FILE ... --preset default --out OUT
    python -m benchmarks.quality --data DIR --judge FILE ... --results reference --out OUT

Paints the pairs of `pairs.csv` with each preset, unless OUT/PRESET/CONTENT-STYLE.png is there, and
judges these and any folders of ready pictures of the same names, whoever made them, at every size
that they reach. Writes OUT/quality.md, OUT/quality.json and, for each set, a contact sheet. The
photographs and paintings are not in this repository: DIR is searched for files of their names.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gramarye
from gramarye.errors import InputError
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.picture import Picture, load_image, load_picture
from gramarye.scoring.judge import Judge, load_judge
from gramarye.scoring.levels import LEVELS
from gramarye.scoring.score import Artifacts, Score, Scorer

PAIRS = Path(__file__).with_name("pairs.csv")
MEASURES = ("edges", "palette", *Artifacts.__dataclass_fields__)


@dataclass(frozen=True)
class Pair:
    """A content and a style, by their files; results are called as they are together."""

    content: Path
    style: Path
    about: str

    @property
    def name(self) -> str:
        return f"{self.content.stem}-{self.style.stem}"


@dataclass(frozen=True)
class Row:
    """One result's score by one judge at one size."""

    results: str  # the name of its set: a preset or a folder
    pair: Pair
    size: int
    score: Score

    def to_dict(self) -> dict[str, Any]:
        names = {"results": self.results, "pair": self.pair.name, "size": self.size}
        return {**names, "about": self.pair.about, **asdict(self.score)}

    def numbers(self) -> dict[str, float | None]:
        """Everything the tables show, by column."""
        artifacts = asdict(self.score.artifacts)
        own = {"content": self.score.content, "edges": self.score.edges}
        return {**self.score.levels, **own, "palette": self.score.palette, **artifacts}


def read_pairs(table: Path, data: Path, only: Sequence[str] = ()) -> list[Pair]:
    """The pairs of a table whose files are in the folder; of `only` a part of their names, if any.

    InputError names the first picture that is missing.
    """
    files = {path.stem: path for path in sorted(data.rglob("*")) if path.is_file()}
    pairs = []
    with table.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if only and not any(part in f"{row['content']}-{row['style']}" for part in only):
                continue
            for name in (row["content"], row["style"]):
                if name not in files:
                    raise InputError(f"there is no picture {name} in {data}: give another --data")
            pairs.append(Pair(files[row["content"]], files[row["style"]], row["about"]))
    return pairs


def paint(pairs: Iterable[Pair], preset: str, folder: Path, **settings: Any) -> None:
    """Make the pictures that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        path = folder / f"{pair.name}.png"
        if not path.exists():
            start = time.perf_counter()
            gramarye.stylize(pair.content, pair.style, preset=preset, **settings).save(path)
            print(f"{preset} {pair.name}: {time.perf_counter() - start:.1f} s", flush=True)


def judge_all(
    pairs: Sequence[Pair], sets: Sequence[Path], judges: Sequence[Judge], sizes: Sequence[int]
) -> Iterator[Row]:
    """The scores of every picture there is, at every size it reaches."""
    for pair in pairs:
        content, style = load_picture(pair.content), load_picture(pair.style)
        for size in sizes:
            scorer = Scorer(content, [style], judges, size=size)
            for folder in sets:
                path = folder / f"{pair.name}.png"
                if not path.exists():
                    continue
                result = load_picture(path)
                if max(result.height, result.width) >= size:
                    for score in scorer.scores(result):
                        yield Row(folder.name, pair, size, score)


def markdown(rows: Sequence[Row]) -> str:
    """The means first, so that sets can be compared; then every pair."""
    sizes, judges = unique(row.size for row in rows), unique(row.score.judge for row in rows)
    parts = ["# Quality\n"]
    for size in sizes:
        for judge in judges:
            some = [row for row in rows if (row.size, row.score.judge) == (size, judge)]
            columns = (*LEVELS, "content")
            parts.append(f"## {size} px, judged by {judge}\n")
            parts.append(table(some, columns))
        some = [row for row in rows if (row.size, row.score.judge) == (size, judges[0])]
        parts.append(f"## {size} px, without a judge\n")
        parts.append(table(some, MEASURES))
    return "\n".join(parts)


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    lines = [
        "| results | pair | " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|---|---|" + "---:|" * len(columns),
    ]
    for name in unique(row.results for row in rows):
        some = [row for row in rows if row.results == name]
        figures = [shown(mean(some, column), column) for column in columns]
        lines.append(f"| **{name}** | **mean of {len(some)}** | {' | '.join(figures)} |")
    for row in rows:
        figures = [shown(row.numbers()[column], column) for column in columns]
        made = " (made it)" if row.score.judge_made_it else ""
        where = f"{row.pair.about} ({row.pair.name})"
        lines.append(f"| {row.results}{made} | {where} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def mean(rows: Sequence[Row], column: str) -> float | None:
    values = [value for row in rows if (value := row.numbers()[column]) is not None]
    return statistics.fmean(values) if values else None


def shown(value: float | None, column: str) -> str:
    digits = 0 if column == "specks" else 2 if column in Artifacts.__dataclass_fields__ else 3
    return "-" if value is None else f"{value:.{digits}f}"


def unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def draw_sheet(pairs: Sequence[Pair], folder: Path, path: Path) -> None:
    """All pictures of a set with their styles, in rows of four."""
    there = [pair for pair in pairs if (folder / f"{pair.name}.png").exists()]
    cells = [Cell(load_image(folder / f"{p.name}.png"), load_image(p.style)) for p in there]
    grid = [cells[i : i + 4] for i in range(0, len(cells), 4)]
    Picture.from_tensor(contact_sheet(grid, 1600)).save(path, quality=88)


def measure(
    pairs: Sequence[Pair],
    judges: Sequence[Judge],
    sizes: Sequence[int],
    sets: Sequence[Path],
    out: Path,
) -> list[Row]:
    """Judge the sets and write what comes out; a line a row is printed on the way."""
    rows = []
    for row in judge_all(pairs, sets, judges, sizes):
        rows.append(row)
        levels = "  ".join(shown(value, "") for value in row.score.levels.values())
        print(f"{row.pair.name} {row.results} {row.size} {row.score.judge}: {levels}", flush=True)
    if not rows:
        raise InputError(
            "there is nothing to judge: no folder has a CONTENT-STYLE.png of these pairs that "
            f"reaches {min(sizes)} pixels; name another with --results, or paint with --preset"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / "quality.md").write_text(markdown(rows), "utf-8")
    found = json.dumps([row.to_dict() for row in rows], indent=1, allow_nan=False)
    (out / "quality.json").write_text(found + "\n", "utf-8")
    for folder in unique(folder for folder in sets if folder.name in {r.results for r in rows}):
        draw_sheet(pairs, folder, out / f"{folder.name}.jpg")
    return rows


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the pairs' pictures")
    parser.add_argument("--judge", action="append", required=True, metavar="NAME|FILE|NAME=FILE")
    parser.add_argument("--preset", action="append", default=[], help="paint with it")
    parser.add_argument("--results", action="append", default=[], type=Path, metavar="DIR")
    parser.add_argument("--sizes", default="256,512", help="longest sides, in pixels [256,512]")
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="table of content,style,about")
    parser.add_argument("--only", action="append", default=[], help="pairs with this in their name")
    parser.add_argument("--out", type=Path, required=True)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    args = make_parser().parse_args(argv)
    try:
        named = (text.partition("=") for text in args.judge)
        judges = [load_judge(name, file or None) for name, _, file in named]
        pairs = read_pairs(args.pairs, args.data, args.only)
        for preset in args.preset:
            paint(pairs, preset, args.out / preset)
        sets = [*(args.out / preset for preset in args.preset), *args.results]
        measure(pairs, judges, [int(size) for size in args.sizes.split(",")], sets, args.out)
    except InputError as error:
        raise SystemExit(f"quality: {error}") from error


if __name__ == "__main__":
    main()
