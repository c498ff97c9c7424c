"""Clips read frame by frame: files by PyAV, folders of frames by what reads pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, final

import numpy as np

from gramarye.errors import ImageError, InputError
from gramarye.files import check_readable, is_there
from gramarye.pictures.formats import EXTENSIONS
from gramarye.pictures.picture import load_picture
from gramarye.units import counted, show_size
from gramarye.video.animations import AnimationFile, is_webp
from gramarye.video.clip import ADVICE, AbstractClip, length_of, one_picture
from gramarye.video.extra import load_av
from gramarye.video.frames import Frame, Pixels, as_image, as_pixels
from gramarye.video.hdr import NAMES, tone_mapped, wide_pixels
from gramarye.video.settings import FRAMES_A_SECOND, is_pattern

UNKNOWN = 2  # in H.273
BT709, BT601 = 1, 5  # color spaces of libswscale
MOVING = (".webp", ".avif", ".png")  # of the formats of pictures, those that may hold a clip
STILL = ("image2", "_pipe")  # how FFmpeg calls what reads one picture
MISSED = Fraction(1, 2)  # seconds; below, times are only rounded
HIGH = 720  # rows; from here on a clip that does not say so is taken for BT.709, as players do


def open_clip(path: Path, rate: Fraction | None = None, *, map_hdr: bool = True) -> AbstractClip:
    """The clip of a file, a folder or a pattern; InputError says what is wrong with it.

    `rate` is of frames in a folder, which do not say how long they are shown. High dynamic range is
    tone-mapped, or without `map_hdr` refused.
    """
    if is_pattern(path) or path.is_dir():
        return FrameFolder(path, rate or Fraction(FRAMES_A_SECOND))
    check_readable(path, "clip", ADVICE, ImageError)
    if is_webp(path):
        animation = AnimationFile(path)
        if animation.count == 1:
            raise one_picture(path)
        return animation
    if path.suffix.lower() in EXTENSIONS and path.suffix.lower() not in MOVING:
        raise one_picture(path)  # for which PyAV need not be there
    return ClipFile(path, map_hdr=map_hdr)


@final
class ClipFile(AbstractClip):
    """A file that PyAV reads: its first stream of pictures that is no cover."""

    def __init__(self, path: Path, *, map_hdr: bool = True) -> None:
        self.path, self.av = path, load_av()
        self.damaged = self.resized = self.backward = 0
        self.bits = 8
        with self.opened() as (container, stream):
            self.time_base = Fraction(stream.time_base)
            start = container.start_time
            self.origin = Fraction(0) if start is None else Fraction(start, self.av.time_base)
            length = container.duration
            self.duration = None if length is None else Fraction(length, self.av.time_base)
            self.count = stream.frames or None
            self.promised = length_of(stream)
            if self.promised is None and len(container.streams) == 1:
                self.promised = self.duration
            self.aspect = self.pixel_aspect(stream)
            rate = stream.average_rate or stream.guessed_rate
            self.usual = 1 / Fraction(rate) if rate else Fraction(1, FRAMES_A_SECOND)
            if self.count == 1 and path.suffix.lower() in EXTENSIONS:  # AVIF is an MP4
                raise one_picture(path)
            first = next(self.decoded(container, stream), None)
            if first is None:
                raise ImageError(f"'{path}' has no frame that can be read: {ADVICE}")
            self.transfer = int(first.color_trc)
            if self.transfer in NAMES and not map_hdr:
                raise self.too_bright()
            self.bits = max(component.bits for component in first.format.components)
            height, width = first.height, first.width
            self.stored = (height, width)
            shown = (height, max(1, round(width * self.aspect)))
            self.size = shown if first.rotation % 180 == 0 else (shown[1], shown[0])
            if self.duration is not None and self.count is None:
                self.count = max(1, round(self.duration / self.usual))
        self.damaged = 0  # they are counted when frames are gone through
        self.reached: Fraction | None = None  # where the last frame of all ended

    @contextmanager
    def opened(self) -> Iterator[tuple[Any, Any]]:
        """The file, open, and its stream of pictures."""
        try:
            with self.av.open(str(self.path)) as container:
                if container.format.name.endswith(STILL):
                    raise one_picture(self.path)
                covers = self.av.stream.Disposition.attached_pic
                streams = [s for s in container.streams.video if not s.disposition & covers]
                if not streams:
                    held = "sound alone" if container.streams.audio else "no pictures"
                    raise ImageError(f"'{self.path}' holds {held}, and no clip: {ADVICE}")
                streams[0].thread_type = "AUTO"
                yield container, streams[0]
        except self.av.error.FFmpegError as error:
            raise ImageError(
                f"'{self.path}' cannot be read as a clip ({error.strerror}): {ADVICE}"
            ) from error

    def pixel_aspect(self, stream: Any) -> Fraction:
        """How many times as wide as high a pixel is shown."""
        for aspect in (stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio):
            if aspect and Fraction(1, 16) <= aspect <= 16:
                return Fraction(aspect)
        return Fraction(1)

    def too_bright(self) -> ImageError:
        return ImageError(
            f"'{self.path}' is of high dynamic range ({NAMES[self.transfer]}), which --hdr refuse "
            "does not paint: leave it out to have it tone-mapped, or convert the clip beforehand"
        )

    def decoded(self, container: Any, stream: Any) -> Iterator[Any]:
        """PyAV's frames; what is damaged is counted and left out."""
        errors = (self.av.error.InvalidDataError, self.av.error.EOFError)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except errors:
                self.damaged += 1
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except errors:
                self.damaged += 1

    def frames(self) -> Iterator[Frame]:
        self.damaged = self.resized = self.backward = 0
        with self.opened() as (container, stream):
            waiting: tuple[Pixels, Fraction] | None = None
            for found in self.decoded(container, stream):
                if found.pts is None:
                    time = waiting[1] + self.usual if waiting else Fraction(0)
                else:
                    time = found.pts * Fraction(found.time_base) - self.origin
                if waiting is not None:
                    if time <= waiting[1]:
                        self.backward += 1
                        continue
                    yield Frame(waiting[0], waiting[1], time - waiting[1])
                waiting = self.upright(found), time
                last = found.duration * Fraction(found.time_base) if found.duration else self.usual
            if waiting is not None:
                yield Frame(waiting[0], waiting[1], last)
                self.reached = waiting[1] + last

    def upright(self, frame: Any) -> Pixels:
        """The frame's pixels in sRGB, the way up that it is shown."""
        if self.transfer in NAMES:
            return self.turned(tone_mapped(wide_pixels(frame), self.transfer), frame)
        space = int(frame.colorspace)
        if space == UNKNOWN:
            space = BT709 if frame.height >= HIGH else BT601
        if frame.format.name in WITH_ALPHA:
            pixels = over_white(frame.to_ndarray(format="rgba"))
        else:
            rgb = frame.reformat(format="rgb24", src_colorspace=space, dst_colorspace=space)
            pixels = rgb.to_ndarray()
        return self.turned(pixels, frame)

    def turned(self, pixels: Pixels, frame: Any) -> Pixels:
        """The pixels at the first frame's size, turned as the frame says."""
        if pixels.shape[:2] != self.stored:
            self.resized += 1
            pixels = as_pixels(as_image(pixels, self.stored))
        # The angle is counterclockwise, as that of numpy.
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))

    @property
    def notes(self) -> tuple[str, ...]:
        found = []
        if self.transfer in NAMES:
            found.append(
                f"the clip is of high dynamic range ({NAMES[self.transfer]}): it is tone-mapped, "
                "painted and written in standard range"
            )
        if self.bits > 8:
            found.append(f"the clip has {self.bits} bits a color: it is painted and written in 8")
        if self.damaged:
            found.append(
                f"{counted(self.damaged, 'damaged part')} of '{self.path.name}', which cannot be "
                "read: left out"
            )
        promised, reached = self.promised, self.reached
        if promised is not None and reached is not None and promised - reached > MISSED:
            found.append(
                f"'{self.path.name}' should last {float(promised):.1f} s, and can be read for "
                f"{float(reached):.1f} s: the rest is damaged, or missing"
            )
        if self.resized:
            height, width = self.stored
            found.append(
                f"{counted(self.resized, 'frame')} of another size: brought to "
                f"{show_size(width, height)} as the first"
            )
        if self.backward:
            found.append(f"{counted(self.backward, 'frame')} whose time stamp goes back: left out")
        return tuple(found)


WITH_ALPHA = frozenset(
    {"bgra", "rgba", "argb", "abgr", "pal8", "ya8", "yuva420p", "yuva444p", "gbrap"}
)


def over_white(pixels: Pixels) -> Pixels:
    """RGBA laid over white."""
    alpha = pixels[..., 3:].astype(np.float32) / 255
    found: Pixels = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return found


@final
class FrameFolder(AbstractClip):
    """A folder of pictures in the order of their names, or `%05d.png` by number; all alike long."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self.path, self.rate = path, rate
        self.files = numbered_frames(path) if is_pattern(path) else frames_in(path)
        first = load_picture(self.files[0])  # upright, which its header may not be
        self.size = (first.height, first.width)
        self.time_base, self.origin = 1 / rate, Fraction(0)
        self.count = len(self.files)
        self.duration = self.count / rate
        self.resized = 0

    def frames(self) -> Iterator[Frame]:
        self.resized = 0
        for number, file in enumerate(self.files):
            picture = load_picture(file)
            pixels = picture.pixels
            if picture.alpha is not None:
                pixels = pixels * picture.alpha + 1 - picture.alpha
            image = as_pixels(pixels)
            if image.shape[:2] != self.size:
                self.resized += 1
                image = as_pixels(as_image(image, self.size))
            yield Frame(image, number / self.rate, 1 / self.rate)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.resized:
            return ()
        height, width = self.size
        shown = show_size(width, height)
        return (f"{counted(self.resized, 'frame')} of another size: brought to {shown}",)


def frames_in(folder: Path) -> list[Path]:
    """The pictures of a folder, by number where names end in one, else by name."""
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise ImageError(f"the folder '{folder}' cannot be read ({error.strerror})") from error
    found = [file for file in files if file.suffix.lower() in EXTENSIONS]
    if not found:
        raise ImageError(f"there is no frame in the folder '{folder}': {ADVICE}")
    return sorted(found, key=lambda file: (number_of(file), file.name))


def number_of(file: Path) -> int:
    numbers = re.findall(r"\d+", file.stem)
    return int(numbers[-1]) if numbers else -1


def frame_path(pattern: Path, number: int) -> Path:
    """The file of a frame by a pattern such as `%05d.png`."""
    try:
        name = pattern.name % number
    except (TypeError, ValueError) as error:
        raise InputError(
            f"'{pattern}' is no pattern of numbered frames: write it as %05d.png"
        ) from error
    return pattern.with_name(name)


def numbered_frames(pattern: Path) -> list[Path]:
    """The frames of a pattern, from 0 or 1 on, as many as there are without a gap."""
    frame_path(pattern, 0)
    expression = re.sub(r"%0?\d*d", r"(\\d+)", re.escape(pattern.name).replace("\\%", "%"))
    if not pattern.parent.is_dir():
        raise ImageError(f"there is no folder '{pattern.parent}': {ADVICE}")
    found = {}
    for file in pattern.parent.iterdir():
        match = re.fullmatch(expression, file.name)
        if match and is_there(file):
            found[int(match[1])] = file
    if not found:
        raise ImageError(f"there is no frame '{pattern}': {ADVICE}")
    return [found[number] for number in sorted(found)]
