"""What hangs on a post, read from documents of any shape (SECURITY 8 of the trust facts, 42)."""

import math
from typing import Any

import pytest

from federation.objects import attachment, emoji
from federation.objects.attachment import Attachment, is_blurhash

URL = "https://files.example/a.jpg"
FILE = {"type": "Document", "mediaType": "image/png", "url": URL}
HASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"


def parsed(*files: Any) -> tuple[Attachment, ...]:
    return attachment.parse({"attachment": list(files)})


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None, 7, "x", [FILE]], {"type": "Link"}])
def test_attachment_that_is_no_file_is_left_out(value: Any) -> None:
    assert attachment.parse({"attachment": value}) == ()


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        [],
        {},
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "file:///etc/passwd",
        "https://user@files.example/",
        "https://files.example/\u202e",
        "https://" + "x" * 2050,
        {"href": "ftp://files.example/a"},
    ],
)
def test_file_without_an_address_of_the_web_is_left_out(url: Any) -> None:
    assert parsed({**FILE, "url": url}) == ()


def test_attachment_alone_and_links_are_understood() -> None:
    for url in (URL, [URL], {"type": "Link", "href": URL}, [{"type": "Link", "href": URL}]):
        (found,) = attachment.parse({"attachment": {**FILE, "url": url}})
        assert found == Attachment(url=URL, mime="image/png")


@pytest.mark.parametrize(
    ("stated", "type_", "url", "mime"),
    [
        ("image/webp", "Document", URL, "image/webp"),
        ("IMAGE/PNG", "Image", URL, "image/png"),
        (None, "Document", URL, "image/jpeg"),
        (None, "Document", "https://files.example/a.MP4?x=1", "video/mp4"),
        (None, "Document", "https://files.example/a", "application/octet-stream"),
        (None, "Image", "https://files.example/a", "image/jpeg"),
        (None, "Video", "https://files.example/a.gif", "video/mp4"),
        ("text/html", "Document", "https://files.example/a", "application/octet-stream"),
        ("image/<b>", "Image", "https://files.example/a.png", "image/png"),
        (7, "Audio", "https://files.example/a", "audio/mpeg"),
    ],
)
def test_type_is_as_stated_or_guessed(stated: Any, type_: str, url: str, mime: str) -> None:
    (found,) = parsed({"type": type_, "mediaType": stated, "url": url})
    assert found.mime == mime


@pytest.mark.parametrize(
    "focus",
    [None, 7, "0,0", [], [1], [1, 2, 3], ["a", "b"], [True, False], [math.nan, 0], [[0], 0]],
)
def test_focus_of_the_wrong_shape_is_the_middle(focus: Any) -> None:
    (found,) = parsed({**FILE, "focalPoint": focus})
    assert found.focus == (0.0, 0.0)


def test_numbers_are_held_to_what_there_can_be() -> None:
    (found,) = parsed({**FILE, "focalPoint": [9, -9]})
    assert found.focus == (1.0, -1.0)
    for side in (0, -1, 1 << 40, "7", None, True, math.inf):
        (found,) = parsed({**FILE, "width": side, "height": 10})
        assert (found.width, found.height) == (None, None), side
    (found,) = parsed({**FILE, "width": 640.0, "height": 360})
    assert (found.width, found.height) == (640, 360)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (HASH, True),
        ("00FFFF", True),
        ("000000", True),
        (HASH[:-1], False),
        (HASH + "0", False),
        ('L"HV6nWB2yk8pyo0adR*.7kCMdnj', False),
        ("", False),
        ("L" * 5000, False),
    ],
)
def test_blurhash_has_its_letters_and_its_length(text: str, good: bool) -> None:
    assert is_blurhash(text) is good
    (found,) = parsed({**FILE, "blurhash": text})
    assert found.blurhash == (text if is_blurhash(text) else None)
    assert parsed({**FILE, "blurhash": 7})[0].blurhash is None


def test_descriptions_are_plain_text_of_ten_thousand_characters() -> None:
    (found,) = parsed({**FILE, "name": "a\x00\r\nb" + "x" * 20_000})
    assert found.description.startswith("a\nbxx") and len(found.description) == 10_000
    wrongs: tuple[Any, ...] = (None, 7, [], {})
    for wrong in wrongs:
        assert parsed({**FILE, "name": wrong})[0].description == ""
    assert parsed({**FILE, "summary": "a cat"})[0].description == "a cat"


def test_sixteen_are_read_and_no_more() -> None:
    assert len(parsed(*[FILE] * 17)) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (":a: and :b_2:", {"a", "b_2"}),
        ("12:30:45 and a:b: and :a:b", set()),
        ("<p>:a:</p>", {"a"}),
        ("::a::", set()),
        (":a::b:", set()),
        (":a: :a:", {"a"}),
        (":" + "x" * 65 + ":", set()),
        (":<b>:", set()),
        ("é:a:", {"a"}),
    ],
)
def test_emoji_is_understood_by_what_says_so(text: str, said: set[str]) -> None:
    assert emoji.find_shortcodes([text]) == said
