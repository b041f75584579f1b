"""Pictures decoded, turned upright, resized and written anew: runs only inside the image worker.

Of an animation the first frame is kept; all of them where that is asked for and not too much. What
goes out holds pixels and nothing else (SECURITY 58).
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import blurhash
from PIL import Image, ImageCms, ImageSequence

# Named here so that Pillow imports nothing later, when the worker can open no file any more.
from PIL import (  # isort: skip
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

MOST_PIXELS = 40_000_000
MOST_FRAMES = 500
MOST_MOVING = 30_000_000  # pixels of all frames together; what has more stands still,
MOST_MOVING_BYTES = 16 * 1024 * 1024  # and so does what becomes larger than this
QUALITY = 85
BLUR_SIZE = (32, 32)

PLUGINS = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,  # what many phones write: JPEG with a second picture behind it
    PngImagePlugin,
    TiffImagePlugin,  # reads EXIF
    WebPImagePlugin,
)
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
_ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)  # orientations in which width and height change places
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_WIDE = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # grey with sixteen bits

Size = tuple[int, int]
Box = tuple[float, float, float, float]

Image.preinit()
# Pillow raises above twice its limit, from the header and before anything is allocated.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # every thread would reserve memory of its own


class NotTaken(Exception):
    """The picture is refused; `reason` is `pixels`, `frames` or `unreadable`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shape:
    """Pixels. With `cover` exactly so large, cut at the edges; without, at most so large, whole.

    `area` bounds width times height as well; `moves` keeps an animation.
    """

    width: int
    height: int
    cover: bool = True
    area: int = 0
    moves: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as we keep it; `format` is JPEG where nothing shines through, else PNG.

    What moves is a GIF if it was one, else WEBP.
    """

    format: str
    width: int
    height: int
    data: bytes


def blurhash_of(picture: Picture) -> str:
    """BlurHash of a picture, four parts by three."""
    with Image.open(io.BytesIO(picture.data), formats=(picture.format,)) as image:
        small = image.convert("RGBA").resize(BLUR_SIZE, Image.Resampling.BOX)
    ground = Image.new("RGBA", BLUR_SIZE, "white")
    pixels = Image.alpha_composite(ground, small).convert("RGB")
    rows = [[pixels.getpixel((x, y)) for x in range(BLUR_SIZE[0])] for y in range(BLUR_SIZE[1])]
    return str(blurhash.encode(rows, 4, 3))


def remake(data: bytes, format_: str, shape: Shape) -> Picture:
    """Raises NotTaken for too many pixels or frames, MemoryError, and whatever Pillow raises."""
    with warnings.catch_warnings(action="ignore"), _open(data, format_) as image:
        if getattr(image, "n_frames", 1) > MOST_FRAMES:
            raise NotTaken("frames")
        if shape.moves and _may_move(image):
            made = _moving(image, format_, shape)
            if len(made.data) <= MOST_MOVING_BYTES:
                return made
            image.seek(0)
        if not isinstance(image, JpegImagePlugin.JpegImageFile):
            image.load()  # now, so that what fails here is not taken for broken EXIF
        orientation = _orientation(image)
        wanted = _turn(shape) if orientation in _LYING else shape
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            # Decodes at a half, quarter or eighth: a third of the cost (PERFORMANCE, thumbnail).
            image.draft(image.mode, _size(image.size, wanted))
        return _encode(_upright(_resize(image, wanted), orientation), format_)


def _open(data: bytes, format_: str) -> Image.Image:
    if format_ not in FORMATS:
        raise NotTaken("unreadable")
    try:
        return Image.open(io.BytesIO(data), formats=(format_,))
    except Image.DecompressionBombError as error:
        raise NotTaken("pixels") from error


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF that is broken, in one of many ways, does not spoil the picture
        return 1
    return found if isinstance(found, int) else 1


def _may_move(image: Image.Image) -> bool:
    frames = getattr(image, "n_frames", 1)
    return 1 < frames <= MOST_MOVING // (image.width * image.height)


def _moving(image: Image.Image, format_: str, shape: Shape) -> Picture:
    """Picture with all its frames, each as long as it was; turned if the first one says so."""
    orientation = _orientation(image)
    wanted = _turn(shape) if orientation in _LYING else shape
    lasting: list[int] = []

    def frames() -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(image):
            frame.load()  # only now it says how long it lasts
            lasting.append(int(frame.info.get("duration") or 100))
            yield _bare(_upright(_resize(frame.convert("RGBA"), wanted), orientation))

    kept = list(frames())
    out, moving = io.BytesIO(), "GIF" if format_ == "GIF" else "WEBP"
    how = {"disposal": 2} if moving == "GIF" else {"quality": QUALITY, "method": 2}
    kept[0].save(
        out, moving, save_all=True, append_images=kept[1:], duration=lasting, loop=0, **how
    )
    return Picture(moving, kept[0].width, kept[0].height, out.getvalue())


def _bare(image: Image.Image) -> Image.Image:
    """Picture without what Pillow would write again: a comment, a colour profile."""
    image.info = {}
    return image


def _turn(shape: Shape) -> Shape:
    return Shape(shape.height, shape.width, shape.cover, shape.area, shape.moves)


def _size(given: Size, shape: Shape) -> Size:
    """Size that the picture gets."""
    if shape.cover:
        return shape.width, shape.height
    scale = min(1.0, shape.width / given[0], shape.height / given[1])
    if shape.area:
        scale = min(scale, math.sqrt(shape.area / (given[0] * given[1])))
    return max(1, round(given[0] * scale)), max(1, round(given[1] * scale))


def _box(given: Size, size: Size) -> Box:
    """The largest part, from the middle, that has the proportions of `size`."""
    scale = min(given[0] / size[0], given[1] / size[1])
    width, height = size[0] * scale, size[1] * scale
    left, top = (given[0] - width) / 2, (given[1] - height) / 2
    return max(left, 0), max(top, 0), min(left + width, given[0]), min(top + height, given[1])


def _resize(image: Image.Image, shape: Shape) -> Image.Image:
    size = _size(image.size, shape)
    box = _box(image.size, size) if shape.cover else None
    profile = image.info.get("icc_profile")
    small = _plain(image).resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    return _in_srgb(small, profile)


def _plain(image: Image.Image) -> Image.Image:
    """Picture in a mode that can be resized, without loss of colour and transparency."""
    if image.mode in _WIDE:
        return image.convert("I").point(lambda value: value / 256, "F").convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Picture as screens show it without a colour profile, which is not kept."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        with suppress(ImageCms.PyCMSError):  # a profile that is broken or of another colour space
            return _to_srgb(image, profile, mode)
    return image.convert(mode)


def _to_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    translated = ImageCms.profileToProfile(image, given, _SRGB, outputMode=mode)
    if translated is None:
        raise ImageCms.PyCMSError("nothing was translated")
    return translated


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _encode(image: Image.Image, format_: str) -> Picture:
    _bare(image)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    keeps = format_ in ("PNG", "GIF") or image.mode == "RGBA"
    out = io.BytesIO()
    if keeps:
        image.save(out, "PNG", optimize=True)
    else:
        image.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return Picture("PNG" if keeps else "JPEG", image.width, image.height, out.getvalue())
