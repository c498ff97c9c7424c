"""One pair of pictures at five strengths, side by side.

python examples/strengths.py photo.jpg painting.jpg strengths.png
"""

import sys

import torch

import gramarye


def main(content: str, style: str, out: str, **settings: object) -> None:
    pictures = [
        gramarye.stylize(content, style, strength=strength, **settings)
        for strength in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    row = torch.cat([picture.pixels for picture in pictures], dim=3)  # (1, 3, H, 5 W)
    gramarye.Picture.from_tensor(row).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
