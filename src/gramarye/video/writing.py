"""Painted frames coded, part by part, and the parts put together with the clip's sound.

A part is a file of some frames that begins with a whole picture. They are coded in the result's own
codec, so that nothing is coded twice: at the end their packets are put one after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, final

import numpy as np

from gramarye.files import atomic_file
from gramarye.video.animations import write_animation
from gramarye.video.extra import load_av
from gramarye.video.formats import ClipFormat
from gramarye.video.frames import Pixels
from gramarye.video.sound import OtherStreams
from gramarye.video.unfinished import decoded

BT709 = 1  # in ITU-T H.273: matrix, primaries and transfer alike
TV = 1  # the range of libav that players expect


@final
class PartWriter:
    """Codes frames of one size into a file, which is there once it is closed."""

    def __init__(
        self,
        path: Path,
        format_: ClipFormat,
        size: tuple[int, int],
        time_base: Fraction,
        quality: int,
    ) -> None:
        self.av, self.path, self.format, self.time_base = load_av(), path, format_, time_base
        self.unfinished = path.with_name(f"{path.name}.part")
        self.container = self.av.open(str(self.unfinished), "w", format="nut")
        options = dict(format_.options(quality))
        self.stream = self.container.add_stream(format_.codec, rate=25, options=options)
        self.stream.height, self.stream.width = size
        self.stream.pix_fmt = format_.pixels
        self.stream.time_base = self.stream.codec_context.time_base = time_base
        if format_.pixels == "yuv420p":
            context = self.stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = TV

    def write(self, pixels: Pixels, time: Fraction) -> None:
        frame = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        if self.format.pixels != "rgb24":
            frame = frame.reformat(
                format=self.format.pixels, dst_colorspace=BT709, dst_color_range=TV
            )
            frame.colorspace, frame.color_range = BT709, TV
        frame.pts, frame.time_base = round(time / self.time_base), self.time_base
        self.container.mux(self.stream.encode(frame))

    def close(self) -> None:
        self.container.mux(self.stream.encode(None))
        self.container.close()
        self.unfinished.replace(self.path)

    def abandon(self) -> None:
        self.container.close()
        self.unfinished.unlink(missing_ok=True)


def put_together(
    parts: Sequence[Path],
    out: Path,
    format_: ClipFormat,
    time_base: Fraction,
    last: Fraction,
    others: OtherStreams | None,
    comment: str,
    quality: int = 80,
) -> tuple[str, ...]:
    """Write the clip of the parts, whole or not at all; what a user may not expect comes back.

    `last` is how long the last frame is shown.
    """
    heard = format_.sound is None and others is not None and others.has_sound()
    with atomic_file(out) as file:
        if format_.container == "gif":
            write_gif(parts, file, last)
            lost = "neither for sound nor for the recipe" if heard else "for no recipe"
            return (f"GIF has room {lost}, and shows 256 colors of a frame",)
        if format_.container == "webp":
            write_animation(parts, file, last, quality, comment)
            return ("WebP has no room for sound, and it is left out",) if heard else ()
        return join(parts, file, format_, time_base, last, others, comment)


def join(
    parts: Sequence[Path],
    file: BinaryIO,
    format_: ClipFormat,
    time_base: Fraction,
    last: Fraction,
    others: OtherStreams | None,
    comment: str,
) -> tuple[str, ...]:
    av = load_av()
    options = {"movflags": "use_metadata_tags"} if format_.container in ("mp4", "mov") else {}
    with (
        av.open(str(parts[0])) as first,
        av.open(file, "w", format=format_.container, options=options) as output,
    ):
        stream = output.add_stream_from_template(first.streams.video[0])
        stream.time_base = time_base
        if comment:
            output.metadata["comment"] = comment
        packets = [timed_packets(parts, stream, time_base, last)]
        if others is not None:
            packets += others.add_to(output, format_)
        for _, _, _, packet in heapq.merge(*packets, key=lambda found: found[:3]):
            output.mux(packet)
    return () if others is None else others.notes


def packets_of(parts: Sequence[Path]) -> Iterator[Any]:
    av = load_av()
    for part in parts:
        with av.open(str(part)) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    yield packet


def timed_packets(
    parts: Sequence[Path], stream: Any, time_base: Fraction, last: Fraction
) -> Iterator[tuple[Fraction, int, int, Any]]:
    """The parts' packets with their times, each as long as it is until the next."""
    before: Any = None
    number = 0

    def timed(packet: Any, length: int) -> tuple[Fraction, int, int, Any]:
        packet.duration, packet.stream = length, stream
        return packet.pts * time_base, 0, number, packet

    for packet in packets_of(parts):
        time = round(packet.pts * Fraction(packet.time_base) / time_base)
        packet.pts = packet.dts = time
        packet.time_base = time_base
        if before is not None:
            yield timed(before, time - before.pts)
            number += 1
        before = packet
    if before is not None:
        yield timed(before, max(1, round(last / time_base)))


def write_gif(parts: Sequence[Path], file: BinaryIO, last: Fraction) -> None:
    """A GIF with 256 colors of each frame's own; its times are hundredths of a second."""
    av = load_av()
    hundredth = Fraction(1, 100)
    with av.open(file, "w", format="gif", options={"loop": "0"}) as output:
        graph: Any = None
        for frame in decoded(parts):
            if graph is None:
                stream = output.add_stream("gif", rate=100)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "pal8"
                stream.time_base = stream.codec_context.time_base = hundredth
                graph = palette_graph(frame)
            graph.push(frame)
            while (found := pulled(graph)) is not None:
                found.pts = round(found.pts * Fraction(found.time_base) / hundredth)
                found.time_base = hundredth
                output.mux(stream.encode(found))
        output.mux(stream.encode(None))


def palette_graph(frame: Any) -> Any:
    graph = load_av().filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    nodes = [graph.add(name, text) for name, text in (
        ("split", None), ("palettegen", "stats_mode=single"), ("paletteuse", "new=1"))]  # fmt: skip
    split, generate, use = nodes
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def pulled(graph: Any) -> Any:
    """A frame that a graph has ready, or None."""
    av = load_av()
    try:
        return graph.pull()
    except (av.error.BlockingIOError, av.error.EOFError):
        return None
