"""The largest of some sizes that is done within a time, in a given memory.

python examples/poster.py photo.jpg painting.jpg poster.tif 600 4GiB
"""

import sys

import gramarye
from gramarye.forecast import forecast
from gramarye.plan import make_plan, run_device, run_network
from gramarye.units import show_bytes, show_seconds

SIZES = (512, 1024, 2048, 4096, 8192, 16384)


def main(
    content: str, style: str, out: str, seconds: str, memory: str, sizes: tuple[int, ...] = SIZES
) -> None:
    pictures = [gramarye.load_picture(path) for path in (content, style)]
    names = "content", "style/0"
    shapes = {name: (p.height, p.width) for name, p in zip(names, pictures, strict=True)}
    best = None
    for size in sizes:
        config = gramarye.make_config(size=size, memory=memory)
        device = run_device(config)
        network = run_network(config, device)
        told = forecast(make_plan(config, network, shapes, device), network)
        print(f"{size:6}: {show_seconds(told.seconds)}, {show_bytes(told.memory)}")
        if told.seconds > float(seconds):
            break
        best = size
    if best is None:
        sys.exit("even the smallest size takes longer than that")
    gramarye.stylize(*pictures, size=best, memory=memory).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
