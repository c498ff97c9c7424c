"""What is in a clip besides its pictures: sound and subtitles go along as they are.

Packets are copied. Sound that the new container cannot hold is coded anew, and subtitles that it
cannot hold are left out; both are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, final

from gramarye.video.extra import load_av
from gramarye.video.formats import ClipFormat

Timed = tuple[Fraction, int, int, Any]  # time, stream, number, packet: in this order they are muxed


@final
class OtherStreams:
    """The sound and subtitles of a clip from `start` until `end`, in seconds of the clip's own.

    They are moved back by `shift`, as the pictures are.
    """

    def __init__(self, path: Path, start: Fraction, end: Fraction, shift: Fraction) -> None:
        self.path, self.start, self.end, self.shift = path, start, end, shift
        self.notes: tuple[str, ...] = ()

    def has_sound(self) -> bool:
        with load_av().open(str(self.path)) as container:
            return len(container.streams.audio) > 0

    def add_to(self, output: Any, format_: ClipFormat) -> list[Iterator[Timed]]:
        """Streams in the output, and the packets of each."""
        av = load_av()
        found: list[Iterator[Timed]] = []
        with av.open(str(self.path)) as container:
            streams = [s for s in container.streams if s.type in ("audio", "subtitle")]
            for stream in streams:
                if getattr(stream, "codec_context", None) is None:
                    continue
                name = stream.codec_context.codec.canonical_name
                if can_hold(output, format_, name):
                    target = output.add_stream_from_template(stream)
                    found.append(self.copied(stream.index, target, len(found) + 1, format_))
                elif stream.type == "audio" and format_.sound is not None:
                    target = output.add_stream(format_.sound, **heard(stream, format_.sound))
                    found.append(self.coded(stream.index, target, len(found) + 1, format_))
                    self.tell(f"the sound was {name}, which {format_.container} cannot hold: it is "
                              f"{target.codec_context.codec.canonical_name} now")  # fmt: skip
                else:
                    what = "the subtitles are" if stream.type == "subtitle" else "the sound is"
                    self.tell(f"{what} {name}, which {format_.container} cannot hold, and left out")
                    continue
                target.metadata.update(stream.metadata)
        return found

    def first_time(self, format_: ClipFormat) -> Fraction:
        """From when on sound is taken: what a decoder reads beforehand may lie before the pictures
        where the container can say that it is not heard.
        """
        earlier = format_.container in ("mp4", "mov")
        return self.start if earlier else max(self.start, self.shift)

    def tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes = (*self.notes, note)

    def copied(self, index: int, target: Any, order: int, format_: ClipFormat) -> Iterator[Timed]:
        av = load_av()
        number = 0
        with av.open(str(self.path)) as container:
            stream = container.streams[index]
            base = Fraction(stream.time_base)
            back, start = round(self.shift / base), self.first_time(format_)
            for packet in self.readable(container, stream):
                if packet.pts is None or not packet.size:
                    continue
                time = packet.pts * base
                if time >= self.end:
                    return
                if time < start:
                    continue
                packet.pts -= back
                packet.dts = None if packet.dts is None else packet.dts - back
                packet.stream = target
                number += 1
                yield time - self.shift, order, number, packet

    def coded(self, index: int, target: Any, order: int, format_: ClipFormat) -> Iterator[Timed]:
        av = load_av()
        context = target.codec_context
        number = 0
        with av.open(str(self.path)) as container:
            stream = container.streams[index]
            resampler: Any = None

            def packets(frame: Any) -> Iterator[Timed]:
                nonlocal number
                for packet in target.encode(frame):
                    number += 1
                    time = (packet.pts or 0) * Fraction(packet.time_base)
                    yield time, order, number, packet

            for frame in self.sounds(container, stream):
                time = frame.pts * Fraction(frame.time_base)
                if time >= self.end:
                    break
                if time < self.first_time(format_):
                    continue
                if resampler is None:
                    if not context.is_open:
                        context.open()
                    resampler = av.AudioResampler(
                        context.format.name,
                        context.layout.name,
                        context.sample_rate,
                        context.frame_size or None,
                    )
                frame.pts -= round(self.shift / Fraction(frame.time_base))
                for piece in resampler.resample(frame):
                    yield from packets(piece)
            if resampler is not None:
                for piece in resampler.resample(None):
                    yield from packets(piece)
                yield from packets(None)

    def readable(self, container: Any, stream: Any) -> Iterator[Any]:
        """The packets until the end of the file, or of what can be read of it."""
        av = load_av()
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.InvalidDataError, av.error.EOFError):
                self.tell("the end of the clip's sound could not be read and is left out")
                return
            if packet is None:
                return
            yield packet

    def sounds(self, container: Any, stream: Any) -> Iterator[Any]:
        av = load_av()
        for packet in self.readable(container, stream):
            try:
                yield from packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError):
                self.tell("a damaged part of the clip's sound is left out")


def heard(stream: Any, codec: str) -> dict[str, Any]:
    """The rate and the channels of a sound, as near to its own as a codec has them."""
    given = stream.codec_context
    rates = load_av().Codec(codec, "w").audio_rates
    rate = given.sample_rate if rates is None or given.sample_rate in rates else 48_000
    known = {1: "mono", 2: "stereo"}
    layout = known.get(given.layout.nb_channels, given.layout.name)
    return {"rate": rate, "layout": "stereo" if "channels" in layout else layout}


def can_hold(output: Any, format_: ClipFormat, codec: str) -> bool:
    """Whether a container takes such packets as they are, and players play them there."""
    if format_.container in ("mp4", "mov") and codec.startswith(("pcm_", "vorbis", "flac")):
        return format_.container == "mov" and codec.startswith("pcm_")
    return codec in output.supported_codecs
