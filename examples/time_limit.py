"""The best picture a given time allows: the loop yields, whoever watches may stop.

python examples/time_limit.py photo.jpg painting.jpg out.png 20
"""

import sys
import time

import gramarye


def main(content: str, style: str, out: str, seconds: str, **settings: object) -> None:
    end = time.monotonic() + float(seconds)
    config = gramarye.make_config(**settings)
    pictures = gramarye.load_image(content), [gramarye.load_image(style)]
    for iterate in gramarye.stylize_steps(*pictures, config):
        last = iterate
        if time.monotonic() > end:
            break
    total = sum(last.losses.values())
    print(f"scale {last.scale + 1} of {last.scales}, step {last.step}, loss {total:.3f}")
    gramarye.Picture.from_tensor(last.image).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
