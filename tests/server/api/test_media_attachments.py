"""Pictures on posts: sent, described, hung on posts, shown to those who may see them."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image
from yarl import URL

from server.actions.posts import media_attachments
from server.api.media import params
from server.media.store import MEDIA, remove_strays
from storage.engine.transaction import Writer
from tests.server.media.test_processing import corners, decoded, encoded, files_in
from tests.support.clock import Watch
from tests.support.servers import Person, Place

PICTURE = encoded(corners(1200, 800), "PNG")


async def send(
    person: Person, data: bytes = PICTURE, path: str = "/api/v2/media", **more: str
) -> tuple[int, Any]:
    form = FormData()
    form.add_field("file", data, filename="x.bin", content_type="application/octet-stream")
    for name, value in more.items():
        form.add_field(name, value)
    return await person.ask("POST", path, data=form)


async def sent(person: Person, data: bytes = PICTURE, **more: str) -> Any:
    status, body = await send(person, data, **more)
    assert status == 200, body
    return body


async def opened(place: Place, url: str) -> tuple[int, bytes]:
    """What anybody gets who has the address, without a token."""
    address = URL(url)
    assert address.host == place.host
    async with place.client.get(address.raw_path_qs) as answer:
        return answer.status, await answer.read()


# ---- before it hangs on a post ----


async def test_picture_is_whole_when_the_answer_comes(place: Place) -> None:
    alice = await place.person("alice")
    for path in ("/api/v2/media", "/api/v1/media"):
        status, made = await send(alice, path=path, description="Four corners", focus="0.5,-0.25")
        assert status == 200
        assert made["id"].isdecimal() and made["type"] == "image"
        assert made["description"] == "Four corners"
        assert made["meta"]["focus"] == {"x": 0.5, "y": -0.25}
        original, small = made["meta"]["original"], made["meta"]["small"]
        assert (original["width"], original["height"], original["size"]) == (1200, 800, "1200x800")
        assert len(made["blurhash"]) == 28
        for url, size in ((made["url"], original), (made["preview_url"], small)):
            found, data = await opened(place, url)
            assert (found, decoded(data).size) == (200, (size["width"], size["height"]))
        assert small["width"] * small["height"] <= 231_000
        assert await alice.get(f"/api/v1/media/{made['id']}") == made


@pytest.mark.parametrize(
    ("focus", "is_taken"),
    [("0,0", True), ("1.0,-1.0", True), ("7,-7", True), ("x", False), ("1", False), (".,.", False)],
)
async def test_focus_is_two_numbers(place: Place, focus: str, is_taken: bool) -> None:
    alice = await place.person("alice")
    status, body = await send(alice, focus=focus)
    assert status == (200 if is_taken else 422), body
    if is_taken:
        assert all(-1 <= value <= 1 for value in body["meta"]["focus"].values())
    else:
        assert body["error"] == params.NO_FOCUS


async def test_media_can_be_described_until_it_is_attached(place: Place) -> None:
    alice = await place.person("alice")
    made = await sent(alice)
    path = f"/api/v1/media/{made['id']}"
    changed = await alice.call("PUT", path, json={"description": "Corners", "focus": "-1,1"})
    assert (changed["description"], changed["meta"]["focus"]) == ("Corners", {"x": -1, "y": 1})
    assert (await alice.call("PUT", path, json={}))["description"] == "Corners"
    status, body = await alice.ask("PUT", path, json={"description": "x" * 10_001})
    assert status == 422 and "10001 characters" in body["error"]
    said = await alice.say("Look", media_ids=[made["id"]])
    assert said["media_attachments"][0]["description"] == "Corners"
    for method in ("GET", "PUT", "DELETE"):
        assert (await alice.ask(method, path))[0] == 404


def _set_state(writer: Writer, state: str) -> None:
    writer.execute("UPDATE media SET state = ?", state)


async def test_states_have_their_statuses(place: Place) -> None:
    alice = await place.person("alice")
    made = await sent(alice)
    for state, status in (("processing", 206), ("failed", 422), ("ready", 200)):
        await place.database.write(_set_state, state)
        found, body = await alice.ask("GET", f"/api/v1/media/{made['id']}")
        assert found == status and (body["url"] is None) is (state != "ready")
        if state != "ready":
            refused, _ = await alice.ask(
                "POST", "/api/v1/statuses", json={"status": "x", "media_ids": [made["id"]]}
            )
            assert refused == 422


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x20ftypisom" + bytes(64),
        b"\x1aE\xdf\xa3" + bytes(64),
        b"OggS" + bytes(64),
        b"ID3" + bytes(64),
        b"RIFF\x00\x00\x00\x00WAVE" + bytes(64),
    ],
)
async def test_films_and_recordings_are_refused_with_a_sentence(place: Place, data: bytes) -> None:
    alice = await place.person("alice")
    assert await send(alice, data) == (422, {"error": media_attachments.NO_FILMS})
    assert files_in(place.app[MEDIA]) == []


async def test_upload_that_is_no_picture_or_no_file_is_refused(place: Place) -> None:
    alice = await place.person("alice")
    for data in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"", b"<html>"):
        status, body = await send(alice, data)
        assert status == 422 and set(body) == {"error"}
    assert (await alice.ask("POST", "/api/v2/media", json={"file": "x"}))[0] == 422


async def test_animation_goes_on_moving_unless_it_is_too_much(place: Place) -> None:
    alice = await place.person("alice")
    frames = [Image.new("RGB", (60, 40), (value, 0, 0)) for value in range(0, 250, 50)]
    for format_, mime in (("GIF", "GIF"), ("WEBP", "WEBP"), ("PNG", "WEBP")):
        data = encoded(frames[0], format_, save_all=True, append_images=frames[1:], duration=70)
        made = await sent(alice, data)
        _, kept = await opened(place, made["url"])
        image = Image.open(BytesIO(kept))
        assert (image.format, getattr(image, "n_frames", 1)) == (mime, 5)
        _, small = await opened(place, made["preview_url"])
        assert getattr(decoded(small), "n_frames", 1) == 1


# ---- on posts ----


async def test_pictures_hang_on_a_post_in_the_order_in_which_they_were_named(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    made = [await sent(alice, description=str(at)) for at in range(4)]
    wanted = [made[at]["id"] for at in (2, 0, 3, 1)]
    said = await alice.post("/api/v1/statuses", media_ids=wanted, sensitive=True)
    assert [one["id"] for one in said["media_attachments"]] == wanted
    assert said["sensitive"] and said["content"] == ""
    seen = await bob.get(f"/api/v1/statuses/{said['id']}")
    assert [one["description"] for one in seen["media_attachments"]] == ["2", "0", "3", "1"]
    for one in seen["media_attachments"]:
        assert (await opened(place, one["url"]))[0] == (await opened(place, one["preview_url"]))[0]
        assert "?" not in one["url"], "open to all"


async def test_media_is_attached_by_its_owner_once_and_four_at_most(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    mine, theirs = await sent(alice), await sent(bob)
    await alice.say("Once", media_ids=[mine["id"]])
    more = [(await sent(alice))["id"] for _ in range(5)]
    for ids in ([theirs["id"]], [mine["id"]], more, ["999"], ["x"], [more[0], mine["id"]]):
        status, body = await alice.ask(
            "POST", "/api/v1/statuses", json={"status": "No", "media_ids": ids}
        )
        assert status == 422 and "Nothing was posted." in body["error"], ids
    assert len(await alice.get(f"/api/v1/accounts/{alice.id}/statuses")) == 1


async def test_media_only_shows_posts_with_media(place: Place) -> None:
    alice = await place.person("alice")
    await alice.say("Words")
    said = await alice.say("A picture", media_ids=[(await sent(alice))["id"]])
    for path in ("/api/v1/timelines/public", f"/api/v1/accounts/{alice.id}/statuses"):
        found = await alice.get(path, only_media="true")
        assert [one["id"] for one in found] == [said["id"]]


async def test_edit_changes_what_hangs_there_and_how_it_is_described(place: Place) -> None:
    alice = await place.person("alice")
    first, second = await sent(alice, description="one"), await sent(alice, description="two")
    said = await alice.say("Look", media_ids=[first["id"]])
    edited = await alice.call(
        "PUT",
        f"/api/v1/statuses/{said['id']}",
        json={
            "status": "Look",
            "media_ids": [second["id"], first["id"]],
            "media_attributes": [{"id": first["id"], "description": "uno", "focus": "1,1"}],
        },
    )
    shown = edited["media_attachments"]
    assert [(one["id"], one["description"]) for one in shown] == [
        (second["id"], "two"),
        (first["id"], "uno"),
    ]
    assert shown[1]["meta"]["focus"] == {"x": 1, "y": 1} and edited["edited_at"]
    history = await alice.get(f"/api/v1/statuses/{said['id']}/history")
    told = [[one["description"] for one in edit["media_attachments"]] for edit in history]
    assert told == [["one"], ["two", "uno"]]
    bare = await alice.call("PUT", f"/api/v1/statuses/{said['id']}", json={"status": "Look"})
    assert bare["media_attachments"] == []
    assert (await alice.get(f"/api/v1/media/{second['id']}"))["description"] == "two"


async def test_redrafting_keeps_the_pictures_and_deleting_with_media_does_not(
    place: Place,
) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    said = await alice.say("Oh", media_ids=[(await sent(alice))["id"]])
    public = said["media_attachments"][0]["url"]
    gone = await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    (kept,) = gone["media_attachments"]
    assert (await opened(place, public))[0] == 404
    assert (await opened(place, kept["preview_url"]))[0] == 200
    assert (await bob.ask("GET", f"/api/v1/media/{kept['id']}"))[0] == 404
    again = await alice.say("Better", media_ids=[kept["id"]])
    assert (await opened(place, public))[0] == 200
    path = f"/api/v1/statuses/{again['id']}?delete_media=true"
    await alice.call("DELETE", path)
    assert (await opened(place, public))[0] == 404
    assert files_in(place.app[MEDIA]) == []
    assert (await alice.ask("GET", f"/api/v1/media/{kept['id']}"))[0] == 404


async def test_unattached_media_is_gone_within_a_day(place: Place, watch: Watch) -> None:
    alice = await place.person("alice")
    lost, used = await sent(alice), await sent(alice)
    await alice.say("Look", media_ids=[used["id"]])
    watch.advance(timedelta(hours=22, minutes=59))
    fresh = await sent(alice)
    assert await media_attachments.forget_unattached(place.database, watch()) == 0
    watch.advance(timedelta(minutes=2))
    assert await media_attachments.forget_unattached(place.database, watch()) == 1
    await remove_strays(place.app[MEDIA], place.database, datetime.max.replace(tzinfo=UTC))
    assert (await alice.ask("GET", f"/api/v1/media/{lost['id']}"))[0] == 404
    assert (await alice.ask("GET", f"/api/v1/media/{fresh['id']}"))[0] == 200
    assert len(files_in(place.app[MEDIA])) == 4, "originals and previews of the other two"


async def test_media_can_be_deleted(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    made = await sent(alice)
    path = f"/api/v1/media/{made['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert await bob.ask(method, path) == (404, {"error": "Record not found"})
    assert await alice.call("DELETE", path) == {}
    assert files_in(place.app[MEDIA]) == []
