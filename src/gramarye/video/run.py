"""A clip on its way: opened, painted frame by frame, written; no terminal, no printing.

Whatever ends a run, what it has painted stays beside the result, and the same run goes on there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, final

import numpy as np

import gramarye
from gramarye.config import StylizeConfig, changed_settings
from gramarye.errors import InputError, OutputError
from gramarye.feedforward.files import painter_sha256
from gramarye.files import check_target, file_sha256, user_path
from gramarye.pictures.picture import Picture, load_picture
from gramarye.special_configs import own_size
from gramarye.surroundings import undisturbed
from gramarye.video.animations import LONGEST_SIDE
from gramarye.video.clip import AbstractClip
from gramarye.video.extra import has_flow, load_av
from gramarye.video.formats import ClipFormat, clip_format
from gramarye.video.frames import Frame, Pixels, as_image, as_pixels, at_times, even_size
from gramarye.video.keeping import Parts, State, claim, fingerprint
from gramarye.video.masks import ProtectedFrames
from gramarye.video.optimizing import OptimizingPainter
from gramarye.video.reading import ClipFile, FrameFolder, frame_path, open_clip
from gramarye.video.settings import OF_WAY, VideoSettings
from gramarye.video.sound import OtherStreams
from gramarye.video.steady import SteadyPainter
from gramarye.video.ways import flow_source, make_video_config, optimizing_painter, steady_painter
from gramarye.video.writing import PartWriter, put_together

PART_FRAMES = 60  # of a part, and of what a kill loses at most
PART_SECONDS = 20.0  # likewise, for a slow machine


@final
@dataclass(frozen=True)
class VideoJob:
    """A clip, the styles, and what is made of them; a name that is `new` replaces nothing."""

    clip: Path
    styles: Sequence[Path]
    out: Path
    settings: Mapping[str, Any]  # of the painting, by their options' names
    video: VideoSettings
    new: bool = False
    protect: Path | None = None  # what stays: a picture, or a clip of masks


@final
@dataclass(frozen=True)
class Step:
    """A frame that has been painted: the how-manieth, and of how many, if that is known."""

    done: int
    total: int | None
    cut: bool


@final
@dataclass(frozen=True)
class VideoReport:
    """What a run has made."""

    output: Path
    frames: int
    shots: int  # that began in this run
    seconds: float
    stopped: bool
    notes: tuple[str, ...] = field(default=())


@final
class VideoRun:
    """Made by `open_video`; `steps` paints, `finish` writes the clip of what is painted."""

    def __init__(self, job: VideoJob, clip: AbstractClip, config: StylizeConfig) -> None:
        self.job, self.clip, self.config = job, clip, config
        self.masks = None if job.protect is None else ProtectedFrames(job.protect, clip)
        self.format = clip_format(job.out)
        self.size = painted_size(clip, job, self.format)
        self.stopped = self.complete = False
        self.began, self.shots = time.monotonic(), 0
        self.notes: list[str] = []
        self.styles = [load_picture(style) for style in job.styles]
        self.recipe = recipe_of(job, config)
        made_of = fingerprint({**self.recipe, "size": self.size, "end": job.out.suffix})
        self.out = claim(job.out, not job.new, made_of)
        self.parts = Parts(self.out)
        found = self.parts.read()
        self.state = found if found and found.made_of == made_of else State(made_of)
        self.resumed = self.state.frames
        self.writer: PartWriter | None = None

    def stop(self) -> None:
        """Let `steps` end after its frame."""
        self.stopped = True

    @undisturbed
    def steps(self) -> Iterator[Step]:
        """Paint the frames there are left to paint, yielding after each."""
        painter = self.painter()
        if self.resumed:
            painter.restore(self.parts.read_carried(self.state))
        frames = islice(self.wanted(), self.resumed, None)
        done, total, saved = self.resumed, self.total(), time.monotonic()
        try:
            for frame in frames:
                painted = painter.paint(frame)
                if done == 0:
                    self.state = replace(self.state, begun=str(frame.time))
                    self.parts.make()
                shown = as_pixels(painted.image)
                if self.job.video.compare:
                    shown = np.concatenate([as_pixels(painted.film), shown], 1)
                with self.disk():
                    self.write(shown, frame, done)
                done += 1
                self.shots += painted.cut
                self.state = replace(
                    self.state,
                    frames=done,
                    ended=str(frame.time + frame.duration),
                    shown=str(frame.duration),
                )
                late = time.monotonic() - saved > PART_SECONDS
                if late or done % PART_FRAMES == 0:
                    self.save(painter)
                    saved = time.monotonic()
                yield Step(done, total, painted.cut)
                if self.stopped:
                    self.save(painter)
                    return
            if not done:
                raise InputError(
                    f"no frame of '{self.clip.path}' is from --start to --end: choose others"
                )
            self.save(painter)
            self.complete = True
        finally:
            if self.writer is not None:  # broken off: what is not saved is painted again
                self.writer.abandon()
                self.writer = None

    def painter(self, *, kept: bool = True) -> SteadyPainter | OptimizingPainter:
        """What paints the frames, from the first on; flows are `kept` from run to run."""
        video, tell = self.job.video, self.notes.append if kept else None
        if video.way == "optimize":
            flows = flow_source(video, self.clip.size, tell)
            return optimizing_painter(self.styles, self.config, self.size, video, flows)
        steady = video.steady
        if steady and not has_flow():
            steady = 0.0
            self.notes.append(
                "without OpenCV frames are not blended with those before: pip install "
                "'gramarye[video]' for a steadier clip"
            )
        source = flow_source(video, self.clip.size, tell) if steady else None
        return steady_painter(self.styles, self.config, self.size, steady, source)

    def wanted(self) -> Iterator[Frame]:
        video = self.job.video
        rate = None if isinstance(self.clip, FrameFolder) else video.rate
        frames = self.clip.frames() if self.masks is None else self.masks.frames()
        return at_times(frames, video.first, video.last, rate)

    def total(self) -> int | None:
        """How many frames there will be, as far as the clip says."""
        count, length, video = self.clip.count, self.clip.duration, self.job.video
        if count is None or not length:
            return count
        end = min(length, video.last or length)
        seconds = max(Fraction(0), end - (video.first or 0))
        rate = Fraction(count) / length
        if video.rate is not None and not isinstance(self.clip, FrameFolder):
            rate = min(rate, video.rate)
        return max(1, round(seconds * rate))

    def write(self, pixels: Pixels, frame: Frame, number: int) -> None:
        if self.format is None:
            image = as_image(pixels, (pixels.shape[0], pixels.shape[1]))
            picture = Picture.from_tensor(image)
            picture.save(frame_file(self.out, number + 1), quality=self.job.video.quality)
            return
        if self.writer is None:
            size, quality = pixels.shape[:2], self.job.video.quality
            path = self.parts.part(self.state.parts)
            base = self.clip.time_base
            self.writer = PartWriter(path, self.format, size, base, quality)
        self.writer.write(pixels, frame.time - self.shift)

    @property
    def shift(self) -> Fraction:
        """How much earlier the result shows what the clip shows, besides the clip's own origin."""
        return Fraction(0) if self.job.video.start is None else self.state.first

    def save(self, painter: SteadyPainter | OptimizingPainter) -> None:
        """Close the part, and keep what the next frame needs to know."""
        parts = self.state.parts
        with self.disk():
            if self.writer is not None:
                self.writer.close()
                self.writer, parts = None, parts + 1
            self.state = replace(self.state, parts=parts)
            self.parts.write(self.state, painter.state())

    @contextmanager
    def disk(self) -> Iterator[None]:
        """Within, what cannot be written is told with what remains."""
        try:
            yield
        except (OSError, OutputError) as error:
            raise self.unwritten(error) from error
        except Exception as error:
            if self.format is None or not isinstance(error, load_av().error.FFmpegError):
                raise
            raise self.unwritten(error) from error

    def unwritten(self, error: Exception) -> OutputError:
        number = getattr(error, "errno", None)
        full = number == errno.ENOSPC or "no space left" in str(error)
        why = "no space left" if full else (getattr(error, "strerror", None) or str(error))
        kept = self.parts.read()
        if self.format is not None and (kept is None or not kept.frames):
            return OutputError(
                f"'{self.out}' cannot be written ({why}), and nothing of it could be kept: make "
                "room, or choose another place"
            )
        return OutputError(
            f"'{self.out}' cannot be written ({why}): what is painted stays in "
            f"'{self.parts.folder}', and the same command goes on there"
        )

    def finish(self) -> VideoReport:
        """Write the clip of all that is painted; once it is whole, the parts are gone."""
        with self.disk():
            if self.format is not None and self.state.parts:
                self.notes += put_together(
                    self.parts.paths(self.state.parts),
                    self.out,
                    self.format,
                    self.clip.time_base,
                    self.state.last,
                    self.others(),
                    json.dumps(self.recipe) if self.format.comment else "",
                    self.job.video.quality,
                )
        return VideoReport(
            self.out,
            self.state.frames,
            self.shots,
            time.monotonic() - self.began,
            not self.complete,
            tuple(dict.fromkeys((*self.clip.notes, *self.notes))),
        )

    def clean(self) -> None:
        """Remove what is kept beside a clip that is whole."""
        if self.complete:
            self.parts.remove()

    def others(self) -> OtherStreams | None:
        """The clip's sound and subtitles, for as long as there are frames."""
        assert self.format is not None
        if not isinstance(self.clip, ClipFile):
            return None
        video, origin = self.job.video, self.clip.origin
        cut = video.last is not None or not self.complete
        end = origin + self.state.end if cut else Fraction(10**9)
        start = origin + self.state.first if video.start is not None else Fraction(-(10**9))
        return OtherStreams(self.clip.path, start, end, origin + self.shift)


def open_video(job: VideoJob) -> VideoRun:
    """The run of a job, checked as far as can be before its first frame."""
    protect = None if job.protect is None else user_path(job.protect)
    job = replace(job, clip=user_path(job.clip), out=user_path(job.out), protect=protect)
    format_ = clip_format(job.out)
    clip = open_clip(job.clip, job.video.rate, map_hdr=job.video.hdr == "map")
    inputs = (job.clip, *job.styles, *([] if protect is None else [protect]))
    if format_ is not None:
        load_av()
        check_target(job.out, inputs)
    else:
        check_target(frame_file(job.out, 1), inputs)
        for read in (job.clip, protect):
            if read and read.is_dir() and folder_of(job.out).resolve() == read.resolve():
                raise InputError(
                    f"the frames would be written into '{read}', which is read: choose another "
                    "folder"
                )
    size = painted_size(clip, job, format_)
    if format_ is not None and format_.container == "webp" and max(size) > LONGEST_SIDE:
        raise OutputError(
            f"'{job.out}' would have {max(size)} pixels a side, and WebP has {LONGEST_SIDE} at "
            "most: give a smaller --size, or write mp4 or webm"
        )
    longest = max(size) if "size" in job.settings else own_size((size[1], size[0]))
    config = make_video_config(job.video, size, **{**job.settings, "size": longest})
    return VideoRun(job, clip, config)


def painted_size(clip: AbstractClip, job: VideoJob, format_: ClipFormat | None) -> tuple[int, int]:
    """(height, width) of what is painted; even where it is coded."""
    longest = job.settings.get("size")
    if isinstance(longest, int):
        make_video_config(job.video, (64, 64), size=longest)  # a mistake is told as the setting's
    return even_size(clip.size, longest if isinstance(longest, int) else None)


def folder_of(out: Path) -> Path:
    return out.parent if "%" in out.name else out


def frame_file(out: Path, number: int) -> Path:
    """The file of a frame, from 1 on, in a folder or by a pattern."""
    return frame_path(out if "%" in out.name else out / "%05d.png", number)


def recipe_of(job: VideoJob, config: StylizeConfig) -> dict[str, Any]:
    """What made a clip, for its metadata: names without folders, and SHA-256s."""
    styles = [{"name": s.name, "sha256": file_sha256(user_path(s))} for s in job.styles]
    other = {name for name, way in OF_WAY.items() if way != job.video.way}
    other.add("flow_cache")  # which changes nothing of the result
    video = {k: v for k, v in asdict(job.video).items() if v is not None and v is not False}
    video = {k: v.name if isinstance(v, Path) else v for k, v in video.items() if k not in other}
    settings = json.loads(json.dumps(changed_settings(config), default=str))
    for name in ("painter", "weights"):
        if name in settings:
            settings[name] = Path(settings[name]).name
    own = config.painter.file is not None
    painter = {"painter_sha256": painter_sha256(config.painter.by)} if own else {}
    mask = job.protect
    masks = {} if mask is None else {"protect": {"name": mask.name, "sha256": clip_sha256(mask)}}
    return {
        "gramarye": gramarye.__version__,
        "clip": {"name": job.clip.name, "sha256": clip_sha256(job.clip)},
        "styles": styles,
        "settings": settings,
        "video": video,
        **painter,
        **masks,
    }


def clip_sha256(path: Path) -> str:
    """Of a file its own; of frames that of their names and sizes, as there may be thousands."""
    if path.is_file():
        return file_sha256(path)
    folder = path if path.is_dir() else path.parent
    listing = sorted((f.name, f.stat().st_size) for f in folder.iterdir() if f.is_file())
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
