"""Documents of other software: what we make of each, and never an exception but our own.

Those in tests/wire/received were written for this project after the shapes that the software named
by the folder sends. Many more are read where WIRE_CORPUS points to a folder of them.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation.activities import (
    Accept,
    Announce,
    Block,
    Create,
    Delete,
    Follow,
    Like,
    Undo,
)
from federation.activity import Activity, knows, parse_activity
from federation.errors import FederationError
from federation.objects import actor as actor_object
from federation.objects import note
from federation.objects.actor import ActorDocument
from federation.objects.attachment import Attachment
from federation.objects.note import Mention, Note
from federation.resolve.webfinger import actor_in
from federation.vocabulary import json_documents
from federation.vocabulary.sanitize_html import plain
from federation.vocabulary.uris import PUBLIC
from tests.support.reading import normalise

FOLDER = Path(__file__).parent / "received"


def understood(body: bytes) -> Activity | ActorDocument | Note:
    """Whatever it is. Raises FederationError."""
    document = normalise(json_documents.read(body))
    type_ = json_documents.kind(document)
    if knows(type_):
        return parse_activity(document)
    if type_ in actor_object.TYPES:
        return actor_object.parse(document)
    return note.parse(document)


def received(name: str) -> Any:
    return understood((FOLDER / f"{name}.json").read_bytes())


def test_files_are_understood() -> None:
    found = Counter(type(understood(path.read_bytes())) for path in FOLDER.rglob("*.json"))
    print(f"\n{sum(found.values())} documents of {len(list(FOLDER.iterdir()))} kinds of software")
    assert found.total() >= 20


def test_mastodon() -> None:
    person = received("mastodon/person")
    assert person.row.display_name == "Inês"
    assert person.row.locked
    assert person.row.shared_inbox == "https://masto.example/inbox"
    assert [one.name for one in person.row.fields] == ["Home"]
    assert [one.algorithm for one in person.keys] == ["ed25519"]
    create = received("mastodon/create")
    assert isinstance(create, Create)
    said = create.note
    assert plain(said.content) == "@alice dinner #soup"
    assert (said.spoiler, said.sensitive, said.language) == ("food", True, "pt")
    assert said.mentions == (Mention("https://kith.example/actors/1", "@alice@kith.example"),)
    assert said.hashtags == ("soup",)
    assert said.published == datetime(2026, 11, 5, 11, 46, 50, tzinfo=UTC)
    left = received("mastodon/delete-account")
    assert isinstance(left, Delete)
    assert left.what == left.actor
    undo = received("mastodon/undo-announce")
    assert isinstance(undo, Undo)
    assert isinstance(undo.inner, Announce)
    accept = received("mastodon/accept-follow")
    assert isinstance(accept, Accept)
    assert isinstance(accept.inner, Follow)
    assert received("mastodon/question").type == "Question"


def test_pleroma() -> None:
    create = received("pleroma/create")
    assert plain(create.note.content) == "Good morning\nall"
    assert create.note.to == (PUBLIC,)
    assert isinstance(received("pleroma/block"), Block)


def test_misskey() -> None:
    person = received("misskey/person")
    assert (person.row.name, person.row.avatar) == ("mio", None)
    assert len(person.keys) == 1
    assert isinstance(received("misskey/like"), Like)
    assert isinstance(received("misskey/undo-follow").inner, Follow)


def test_gotosocial() -> None:
    """Single values where others send lists, and a Delete that has no id."""
    delete = received("gotosocial/delete")
    assert delete.id.startswith("https://gts.example/users/tomo#delete-")
    assert delete.what == "https://gts.example/users/tomo/statuses/01ABC"
    assert received("gotosocial/create").note.to == ("https://gts.example/users/tomo/followers",)


def test_lemmy() -> None:
    group = received("lemmy/group")
    assert (group.row.type, group.row.access) == ("Group", "open")
    announce = received("lemmy/announce-create")
    assert announce.boosted == "https://lemmy.example/activities/create/1"
    page = received("lemmy/page")
    assert page.title == "Slugs, what helps?"
    assert plain(page.content).startswith("Slugs, what helps?")


def test_peertube() -> None:
    video = received("peertube/video")
    assert video.author == "https://tube.example/accounts/ada"
    assert video.url == "https://tube.example/w/1"
    assert "Where to **cut**" in plain(video.content)


def test_blogs_pictures_and_others() -> None:
    assert received("wordpress/article").title == "Winter jobs"
    assert received("wordpress/article").spoiler == ""
    assert plain(received("pixelfed/create").note.content) == "dew"
    assert received("friendica/follow").target == "https://kith.example/actors/1"
    assert received("friendica/undo-like-by-uri").inner == "https://friendica.example/activity/2"


def test_json_ld_in_other_clothes() -> None:
    assert received("bridgy-fed/no-context").row.name == "bot"
    like = received("expanded/like-with-aliases")
    assert like == Like(
        id="https://odd.example/likes/1",
        actor="https://odd.example/users/a",
        favourited="https://kith.example/posts/7",
    )


def _outcome(path: Path) -> str:
    body = path.read_bytes()
    try:
        found = understood(body)
    except FederationError:
        return _as_a_handle(body)
    if isinstance(found, Activity):
        return "activity"
    return "actor" if isinstance(found, ActorDocument) else "post"


def _as_a_handle(body: bytes) -> str:
    try:
        actor_in(json_documents.read(body))
    except FederationError:
        return "refused"
    return "webfinger"


@pytest.mark.skipif("WIRE_CORPUS" not in os.environ, reason="WIRE_CORPUS names no folder")
def test_corpus_is_understood_or_refused() -> None:
    folder = Path(os.environ["WIRE_CORPUS"])
    found = Counter(_outcome(path) for path in sorted(folder.rglob("*")) if path.is_file())
    print(f"\n{found.total()} documents: {dict(found)}")
    assert found.total() > 0
    assert found["activity"] > 0


def test_pictures_and_emoji() -> None:
    said = received("mastodon/note-pictures")
    picture, film = said.attachments
    assert picture == Attachment(
        url="https://files.masto.example/1.jpg",
        mime="image/jpeg",
        description="A bowl of soup",
        blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        width=1200,
        height=900,
        focus=(0.5, -0.25),
    )
    assert (film.mime, film.description, film.focus) == ("video/mp4", "", (0.0, 0.0))
    (emoji,) = said.emojis
    assert (emoji.shortcode, emoji.uri) == ("soup_bowl", "https://masto.example/emojis/9")
    assert emoji.remote_url == "https://files.masto.example/emoji/9.png"
    (dew,) = received("pixelfed/create").note.attachments
    assert (dew.url, dew.description) == ("https://pixelfed.example/storage/1.jpg", "Dew")
