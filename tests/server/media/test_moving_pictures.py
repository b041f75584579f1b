"""What moves: kept moving, within limits, and nothing but frames."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from server.media import processing
from server.media.processing import MOST_MOVING, Shape
from server.media.store import MediaFolder
from tests.server.media.test_processing import encoded

WHOLE = Shape(16_000, 16_000, cover=False, area=8_294_400, moves=True)
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def moving(format_: str, **more: object) -> bytes:
    frames = [Image.new("RGB", (60, 40), colour) for colour in COLOURS]
    return encoded(
        frames[0],
        format_,
        save_all=True,
        append_images=frames[1:],
        **{"duration": [40, 80, 120], "loop": 0, **more},
    )


def frames(data: bytes) -> Iterator[tuple[tuple[int, ...], int]]:
    """(colour in the middle, milliseconds) of each."""
    with Image.open(io.BytesIO(data)) as image:
        for frame in ImageSequence.Iterator(image):
            shown = frame.convert("RGB")
            colour = shown.getpixel((shown.width // 2, shown.height // 2))
            assert isinstance(colour, tuple)
            yield colour, int(frame.info["duration"])


@pytest.mark.parametrize(
    ("format_", "becomes"), [("GIF", "GIF"), ("WEBP", "WEBP"), ("PNG", "WEBP"), ("AVIF", "WEBP")]
)
def test_frames_stay_as_they_were_and_as_long(format_: str, becomes: str) -> None:
    made = processing.remake(moving(format_), format_, WHOLE)
    assert (made.format, made.width, made.height) == (becomes, 60, 40)
    shown = list(frames(made.data))
    assert [duration for _, duration in shown] == [40, 80, 120]
    for (colour, _), wanted in zip(shown, COLOURS, strict=True):
        assert all(abs(a - b) < 40 for a, b in zip(colour, wanted, strict=True))


def test_animation_is_made_smaller_like_any_other() -> None:
    small = Shape(30, 30, cover=False, moves=True)
    made = processing.remake(moving("GIF"), "GIF", small)
    assert (made.width, made.height, len(list(frames(made.data)))) == (30, 20, 3)


def test_animation_that_moves_too_much_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_MOVING == 30_000_000
    monkeypatch.setattr(processing, "MOST_MOVING", 3 * 60 * 40 - 1)
    made = processing.remake(moving("GIF"), "GIF", WHOLE)
    assert made.format == "PNG"
    monkeypatch.setattr(processing, "MOST_MOVING", 3 * 60 * 40)
    assert processing.remake(moving("GIF"), "GIF", WHOLE).format == "GIF"


def test_animation_that_becomes_too_large_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "MOST_MOVING_BYTES", 100)
    made = processing.remake(moving("GIF"), "GIF", WHOLE)
    assert made.format == "PNG"
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.convert("RGB").getpixel((5, 5)) == COLOURS[0], "the first frame"


def test_face_stands_still() -> None:
    assert processing.remake(moving("GIF"), "GIF", Shape(40, 40)).format == "PNG"


@pytest.mark.parametrize("format_", ["GIF", "WEBP"])
def test_animation_has_nothing_but_frames(format_: str) -> None:
    secret = b"where-she-lives"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    more: dict[str, object] = (
        {"comment": secret} if format_ == "GIF" else {"exif": exif.tobytes(), "xmp": secret}
    )
    data = moving(format_, **more)
    assert secret in data
    made = processing.remake(data, format_, WHOLE)
    assert secret not in made.data
    assert not any(chunk in made.data for chunk in (b"EXIF", b"XMP ", b"ICCP"))


async def test_largest_animation_is_made_within_the_guard(tmp_path: Path) -> None:
    """30 million pixels of noise: in time and in memory."""
    size = (600, 500)
    noise = [Image.effect_noise(size, 20 + at).convert("RGB") for at in range(4)]
    many = [noise[at % 4] for at in range(MOST_MOVING // (size[0] * size[1]))]
    data = encoded(many[0], "WEBP", save_all=True, append_images=many[1:], quality=30, method=0)
    folder = MediaFolder(tmp_path, 64 << 20)
    kept = await folder.ingest(data, "attachment")
    assert (kept.mime, kept.width) == ("image/webp", 600)
