"""What the image worker lets in and what it lets out (SECURITY 57–60)."""

import io
import itertools
import json
import re
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from server.http.errors import Refused
from server.media.processing import MOST_FRAMES, MOST_PIXELS, Shape, remake
from server.media.store import REASONS, WRONG_TYPE, Guard, MediaFolder, Purpose, format_of

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MIB = 1 << 20
PLANTED = b"planted-by-the-test"
CORNERS = ("red", "lime", "blue", "white")


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media", 16 * MIB)


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def corners(width: int = 80, height: int = 40) -> Image.Image:
    """A picture of four colours, by which one sees how it lies."""
    image = Image.new("RGB", (width, height))
    for number, colour in enumerate(CORNERS):
        box = (number % 2 * width // 2, number // 2 * height // 2)
        image.paste(Image.new("RGB", (width // 2, height // 2), colour), box)
    return image


async def refusal(folder: MediaFolder, data: bytes, purpose: Purpose = "avatar") -> Refused:
    with pytest.raises(Refused) as caught:
        await folder.ingest(data, purpose)
    assert files_in(folder) == []
    return caught.value


def files_in(folder: MediaFolder) -> list[Path]:
    return [path for path in folder.root.rglob("*") if path.is_file()]


# ---- nothing but pixels comes out ----


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = PLANTED.decode()
    exif.get_ifd(0x8825)[28] = b"ASCII\0\0\0" + PLANTED  # GPSAreaInformation
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + PLANTED  # UserComment
    return exif


def _xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns="urn:t">' + PLANTED + b"</a></x:xmpmeta>"


def _profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = "sRGB built-in".encode("utf-16-be")
    assert named in profile
    return profile.replace(named, PLANTED[:13].decode().encode("utf-16-be"))


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg() -> bytes:
    plain = encoded(
        corners(), "JPEG", exif=_exif(), xmp=_xmp(), comment=PLANTED, icc_profile=_profile()
    )
    iptc = b"\x1c\x02\x78" + struct.pack(">H", len(PLANTED)) + PLANTED  # 2:120, caption
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    return plain[:2] + _segment(0xED, resource) + _segment(0xEC, PLANTED) + plain[2:] + PLANTED


def _png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", PLANTED.decode())
    text.add_text("Author", PLANTED.decode(), zip=True)
    text.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    text.add(b"prVt", PLANTED)
    text.add(b"orPh", PLANTED, after_idat=True)
    image = corners()
    return encoded(image, "PNG", pnginfo=text, exif=_exif(), icc_profile=_profile()) + PLANTED


def _gif() -> bytes:
    plain = encoded(corners(), "GIF", comment=PLANTED)
    end = len(plain) - 1
    application = b"\x21\xff\x0bXMP DataXMP" + bytes([len(PLANTED)]) + PLANTED + b"\0"
    return plain[:end] + application + plain[end:] + PLANTED


def _webp() -> bytes:
    plain = encoded(corners(), "WEBP", exif=_exif(), xmp=_xmp(), icc_profile=_profile())
    chunk = b"PRVT" + struct.pack("<I", len(PLANTED) + 1) + PLANTED + b"\0"
    return b"RIFF" + struct.pack("<I", len(plain) + len(chunk) - 8) + plain[8:] + chunk


def _avif() -> bytes:
    plain = encoded(corners(), "AVIF", exif=_exif(), xmp=_xmp(), icc_profile=_profile())
    return plain + struct.pack(">I", len(PLANTED) + 8) + b"free" + PLANTED


PLANTED_IN = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp, "AVIF": _avif}


def parts_of(data: bytes) -> set[str]:
    """The names of a JPEG's segments or a PNG's chunks."""
    names, at = set[str](), 8
    if data.startswith(b"\x89PNG"):
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            names.add(data[at + 4 : at + 8].decode())
            at += 12 + length
        return names
    at = 2
    while data[at + 1] != 0xDA:
        names.add(f"{data[at + 1]:02x}")
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return names


@pytest.mark.parametrize("format_", FORMATS)
async def test_metadata_beside_the_pixels_is_gone(folder: MediaFolder, format_: str) -> None:
    given = PLANTED_IN[format_]()
    assert given.count(PLANTED) >= 3, "the strings are really there"
    for purpose in ("avatar", "header"):
        kept = await folder.ingest(given, purpose)
        data = folder.read(kept.file) or b""
        assert decoded(data).size == (kept.width, kept.height)
        for planted in (
            PLANTED,
            PLANTED.decode().encode("utf-16-be")[:26],
            b"Exif",
            b"xmp",
            b"ICC",
        ):
            assert planted not in data, planted
        # JFIF, tables, frame; header, palette, transparency, pixels, end
        assert parts_of(data) <= {"e0", "db", "c0", "c2", "c4"} | set("IHDR PLTE IDAT IEND".split())
    print(f"planted in {format_}: {given.count(PLANTED)} places, 2 purposes")


def test_picture_stands_upright_whatever_way_it_was_stored() -> None:
    cells = 0
    for format_, orientation in itertools.product(("JPEG", "PNG", "WEBP", "AVIF"), range(1, 9)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        expected = ImageOps.exif_transpose(decoded(encoded(corners(160, 80), "PNG", exif=exif)))
        stored = encoded(corners(160, 80), format_, exif=exif, quality=95)  # takes from exif
        whole = decoded(remake(stored, format_, Shape(40, 40, cover=False)).data)
        assert whole.size == ((20, 40) if orientation > 4 else (40, 20)), (format_, orientation)
        cover = decoded(remake(stored, format_, Shape(90, 30)).data)
        assert cover.size == (90, 30)
        for made, (x, y) in itertools.product(
            (whole, cover), itertools.product((0.1, 0.9), repeat=2)
        ):
            assert _close(_at(made, x, y), _at(expected, x, y)), (format_, orientation, x, y)
            cells += 1
    print(f"orientation: {cells} cells")


def _at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    found = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(found, tuple)
    return found


def _close(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 60 for a, b in zip(one, other, strict=True))


def test_broken_exif_does_not_spoil_a_picture() -> None:
    broken = (b"MM\0*\xff\xff\xff\xff" + b"\xff" * 40, b"MM\0*", b"no TIFF", b"")
    for exif, format_ in itertools.product(broken, ("JPEG", "PNG", "WEBP")):
        spoilt = encoded(corners(), format_, exif=b"Exif\0\0" + exif)
        assert remake(spoilt, format_, Shape(40, 40)).width == 40, (format_, exif)


def test_pixels_of_every_kind_come_through() -> None:
    cells = 0
    for mode, format_ in itertools.product("1 L LA P RGB RGBA CMYK I;16".split(), FORMATS):
        try:
            given = encoded(Image.new(mode, (64, 48), 0), format_)
        except (OSError, ValueError):
            continue  # a mode that this format does not know
        assert decoded(remake(given, format_, Shape(30, 30)).data).size == (30, 30), (mode, format_)
        cells += 1
    assert cells > 25
    print(f"modes and formats: {cells} cells")


def test_transparency_and_sixteen_bits_are_kept() -> None:
    clear = remake(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "WEBP"), "WEBP", Shape(9, 9))
    assert clear.format == "PNG" and decoded(clear.data).getpixel((4, 4)) == (0, 0, 0, 0)
    grey = remake(encoded(Image.new("I;16", (50, 50), 0x8000), "PNG"), "PNG", Shape(9, 9))
    assert decoded(grey.data).getpixel((4, 4)) == (128, 128, 128)


def test_first_frame_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in CORNERS]
    for format_ in ("GIF", "WEBP", "PNG", "AVIF"):
        moving = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        still = decoded(remake(moving, format_, Shape(10, 10)).data)
        assert getattr(still, "n_frames", 1) == 1
        assert _close(_at(still, 0.5, 0.5), (255, 0, 0)), format_


# ---- bombs ----


def _large_png(width: int, height: int) -> bytes:
    return encoded(Image.new("1", (width, height)), "PNG")


def _patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(mark) + offset
    return data[:at] + value + data[at + len(value) :]


def _too_many_pixels() -> dict[str, bytes]:
    """12,000 × 12,000 in every header, with hardly a byte behind it."""
    image, side = corners(), 12_000
    big, little = struct.pack(">HH", side, side), struct.pack("<HH", side, side)
    webp = encoded(image, "WEBP", exif=_exif())
    gif = encoded(image, "GIF")
    return {
        "PNG": _large_png(side, side),
        "JPEG": _patched(encoded(image, "JPEG"), b"\xff\xc0", 5, big),
        "GIF screen": _patched(gif, b"GIF8", 6, little),
        "GIF frame": _patched(gif, b"\x2c\0\0\0\0", 5, little),
        "WEBP": _patched(webp, b"VP8X", 12, struct.pack("<I", side - 1)[:3] * 2),
        "AVIF": _patched(encoded(image, "AVIF"), b"ispe", 8, struct.pack(">II", side, side)),
    }


@pytest.mark.parametrize("name", _too_many_pixels())
async def test_pixels_beyond_the_limit_are_refused_from_the_header(
    tmp_path: Path, name: str
) -> None:
    """Memory is so little that decoding would fail in another way."""
    folder = MediaFolder(tmp_path, 16 * MIB, Guard(memory=128 * MIB))
    refused = await refusal(folder, _too_many_pixels()[name])
    assert (refused.status, refused.sentence) == (422, REASONS["pixels"])


async def test_forty_million_pixels_are_taken_and_one_row_more_is_not(folder: MediaFolder) -> None:
    kept = await folder.ingest(_large_png(8000, MOST_PIXELS // 8000), "header")
    assert (kept.width, kept.height) == (1500, 500)
    folder.remove(kept.file)
    refused = await refusal(folder, _large_png(8000, MOST_PIXELS // 8000 + 1))
    assert refused.sentence == REASONS["pixels"]


def _chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


async def test_bomb_is_refused(folder: MediaFolder) -> None:
    packed = zlib.compress(bytes(600 * MIB), 1)
    plain = encoded(corners(), "PNG")
    for chunk in (
        _chunk(b"zTXt", b"Comment\0\0" + packed),
        _chunk(b"iCCP", b"profile\0\0" + packed),
        _chunk(b"iTXt", b"Comment\0\x01\0\0\0" + packed),
    ):
        refused = await refusal(folder, plain[:33] + chunk + plain[33:])
        assert refused.sentence == REASONS["unreadable"]
    surplus = plain[:33] + _chunk(b"IDAT", packed) + plain[-12:]  # more rows than announced
    assert (await folder.ingest(surplus, "avatar")).width == 400


def _still(count: int) -> bytes:
    """A GIF of so many frames of one pixel; Pillow would leave out those that do not differ."""
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * count + b";"


async def test_frames_beyond_five_hundred_are_refused(folder: MediaFolder) -> None:
    kept = await folder.ingest(_still(MOST_FRAMES), "avatar")
    folder.remove(kept.file)
    frames = [Image.new("RGB", (1, 1), (n % 256, n // 256, 0)) for n in range(MOST_FRAMES + 1)]
    moving = {"GIF": _still(MOST_FRAMES + 1), "many": _still(10_000), "a million": _still(900_000)}
    for format_ in ("PNG", "WEBP"):
        options = {"save_all": True, "append_images": frames[1:], "lossless": True}
        moving[format_] = encoded(frames[0], format_, **options)
    for name, data in moving.items():
        assert (await refusal(folder, data)).sentence == REASONS["frames"], name


async def test_memory_is_limited(tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", (7000, 5000)), "PNG")
    folder = MediaFolder(tmp_path, 16 * MIB, Guard(memory=150 * MIB))
    refused = await refusal(folder, data)
    assert (refused.status, refused.sentence) == (422, REASONS["memory"])
    assert (await MediaFolder(tmp_path, 16 * MIB).ingest(data, "avatar")).width == 400


async def test_processor_is_limited(tmp_path: Path) -> None:
    """A progressive JPEG that says its last scan again and again."""
    data = encoded(Image.new("L", (8000, 5000), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    data = data[:last] + data[last:-2] * 400 + data[-2:]
    assert len(data) < 4 * MIB
    refused = await refusal(MediaFolder(tmp_path, 16 * MIB, Guard(processor=1)), data)
    assert (refused.status, refused.sentence) == (422, REASONS["time"])


CONFINED = "from server.media.worker import confine\nconfine(1 << 30, 1)"


def test_worker_can_open_write_and_reach_nothing(tmp_path: Path) -> None:
    def after(confined: str) -> subprocess.CompletedProcess[bytes]:
        code = f"import socket\n{CONFINED}\n{confined}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert after("print('still alive')").returncode == 0
    for attempt in ("open('/etc/passwd')", "socket.socket()", "bytearray(2 << 30)"):
        ended = after(attempt)
        assert ended.returncode == 1, attempt
        assert re.search(rb"Too many open files|MemoryError", ended.stderr), ended.stderr
    written = tmp_path / "written"
    with written.open("wb") as out:
        command = [sys.executable, "-c", f"{CONFINED}\nprint('x', flush=True)"]
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False)
    assert written.read_bytes() == b""
    assert after("while True: pass").returncode == -signal.SIGXCPU


# ---- what is something else ----

NOT_PICTURES = {
    "nothing": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "svg with a declaration": b'\xef\xbb\xbf<?xml version="1.0"?><svg/>',
    "xml": b'<?xml version="1.0"?><a/>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "truetype": b"\0\x01\0\0\0\x0c\0\x80",
    "opentype": b"OTTO\0\x0c\0\x80",
    "woff": b"wOFF\0\x01\0\0",
    "woff2": b"wOF2\0\x01\0\0",
    "zip": b"PK\x03\x04",
    "bmp": encoded(corners(), "BMP"),
    "tiff": encoded(corners(), "TIFF"),
    "ico": encoded(corners(), "ICO"),
    "jpeg 2000": encoded(corners(), "JPEG2000"),
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "mp4": b"\0\0\0\x18ftypmp42",
    "heic": b"\0\0\0\x18ftypheic",
    "a picture behind a space": b" " + encoded(corners(), "PNG"),
}


@pytest.mark.parametrize("name", NOT_PICTURES)
async def test_file_that_is_no_picture_is_refused_with_a_sentence(
    folder: MediaFolder, name: str
) -> None:
    refused = await refusal(folder, NOT_PICTURES[name])
    assert (refused.status, refused.sentence) == (422, WRONG_TYPE)


SCRIPT = b"<script>alert('kith')</script>"


def _polyglots() -> dict[str, bytes]:
    """Files that other programs take for something else."""
    jpeg, png, gif = (encoded(corners(), one) for one in ("JPEG", "PNG", "GIF"))
    pdf = b"%PDF-1.7\n" + SCRIPT
    page = _chunk(b"tEXt", b"Comment\0" + SCRIPT)
    return {
        "jpeg and html": jpeg[:2] + _segment(0xFE, SCRIPT) + jpeg[2:] + SCRIPT,
        "jpeg and pdf": jpeg[:2] + _segment(0xFE, pdf) + jpeg[2:],
        "png and html": png[:33] + page + png[33:] + SCRIPT,
        "gif and html": gif[:-1] + b"\x21\xfe" + bytes([len(SCRIPT)]) + SCRIPT + b"\0;" + SCRIPT,
        "webp and html": encoded(corners(), "WEBP") + SCRIPT,
        "avif and html": encoded(corners(), "AVIF") + SCRIPT,
    }


@pytest.mark.parametrize("name", _polyglots())
async def test_polyglots_come_out_as_pictures_only(folder: MediaFolder, name: str) -> None:
    given = _polyglots()[name]
    assert SCRIPT in given
    kept = await folder.ingest(given, "avatar")
    data = folder.read(kept.file) or b""
    assert b"script" not in data and b"%PDF" not in data
    assert format_of(data) in ("JPEG", "PNG") and decoded(data).size == (400, 400)


async def test_scripts_that_only_begin_as_pictures_are_refused(folder: MediaFolder) -> None:
    for script in (
        b"GIF89a/*" + b" " * 50 + b"*/=1;alert('kith')",
        b"\xff\xd8\xff<script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n<html>",
        b"RIFF\x24\0\0\0WEBPVP8 <html>",
        b"\0\0\0\x1cftypavif<html>",
    ):
        refused = await refusal(folder, script + b" " * 300)
        assert refused.sentence in (REASONS["unreadable"], REASONS["pixels"]), script


async def test_decoder_other_than_the_announced_one_is_never_tried(folder: MediaFolder) -> None:
    """Bytes that begin as AVIF for us, and are a TGA for Pillow, which knows no magic for it."""
    tga = b"\0\0\x02\0ftypavi\0" + struct.pack("<HH", 10, 10) + b"\x18\x20" + bytes(300)
    assert decoded(tga).size == (10, 10), "Pillow left alone takes it"
    with pytest.raises(UnidentifiedImageError):
        remake(tga, "AVIF", Shape(10, 10))
    assert (await refusal(folder, tga)).sentence == REASONS["unreadable"]


async def test_file_behind_a_wrong_beginning_is_refused(folder: MediaFolder) -> None:
    data = {format_: encoded(corners(), format_) for format_ in FORMATS}
    pairs = [(one, other) for one, other in itertools.permutations(FORMATS, 2)]
    for one, other in pairs:
        mixed = data[one][:12] + data[other][12:]
        assert (await refusal(folder, mixed)).status == 422, (one, other)
    print(f"wrong beginnings: {len(pairs)} cells")


async def test_truncated_picture_is_refused(folder: MediaFolder) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((90, 60), 90)] * 3)
    cells = 0
    for format_, part in itertools.product(FORMATS, (1, 5, 20, 50, 80)):
        data = encoded(noise, format_)
        refused = await refusal(folder, data[: 12 + len(data) * part // 100])
        assert refused.status == 422, (format_, part)
        cells += 1
    print(f"cut off: {cells} cells")


def test_broken_job_is_an_error_and_no_answer() -> None:
    """The server tells a failing worker from a failing picture by its exit status."""
    command = [sys.executable, "-I", "-m", "server.media.worker"]
    ended = subprocess.run(command, input=b"{}\n", capture_output=True, check=False)
    assert ended.returncode == 1 and ended.stdout == b""
    job = {"format": "TGA", "shape": {"width": 1, "height": 1}, "memory": 1 << 30, "seconds": 5}
    line = json.dumps(job).encode() + b"\n"
    ended = subprocess.run(command, input=line, capture_output=True, check=True)
    assert ended.stdout == b'{"refused": "unreadable"}\n'
