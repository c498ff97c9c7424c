"""The largest of some sizes that is done within a time, in a given memory.

python examples/poster.py photo.jpg painting.jpg poster.tif 600 4GiB
"""

import sys

import gramarye
from gramarye.devices import choose_device
from gramarye.memory.budget import memory_budget, show_bytes
from gramarye.memory.forecast import forecast
from gramarye.progress import show_seconds
from gramarye.stylize import config_network

SIZES = (512, 1024, 2048, 4096, 8192, 16384)


def main(
    content: str, style: str, out: str, seconds: str, memory: str, sizes: tuple[int, ...] = SIZES
) -> None:
    device = choose_device()
    pictures = [gramarye.load_picture(path) for path in (content, style)]
    (height, width), *styles = [(picture.height, picture.width) for picture in pictures]
    best = None
    for size in sizes:
        config = gramarye.make_config(size=size, memory=memory)
        budget = memory_budget(config.memory, device)
        network = config_network(config)
        told = forecast(network, (height, width), styles, config, budget, device)
        print(f"{size:6}: {show_seconds(told.seconds)}, {show_bytes(told.memory)}")
        if told.seconds > float(seconds):
            break
        best = config
    if best is None:
        sys.exit("even the smallest size takes longer than that")
    gramarye.stylize(*pictures, size=best.size, memory=memory).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
