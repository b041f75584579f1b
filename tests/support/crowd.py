"""A member with so many of everything: for counting what a list costs."""

from datetime import timedelta

from storage.access import signup_blocks
from storage.access.signup_blocks import NetworkBlock
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Writer
from storage.media import attachments, emojis
from storage.media.attachments import Media
from storage.media.emojis import Emoji
from storage.moderation import reports
from storage.moderation.reports import Report
from storage.people import blocks, endorsements, follows, user_domain_blocks
from storage.people.actors import Actor
from storage.people.blocks import Mute
from storage.posts import boosts, edits, favourites, pins, quotes, scheduled_posts
from storage.posts.audiences import NAMED, PUBLIC, ensure
from storage.posts.boosts import Boost
from storage.posts.posts import Post
from storage.reading import (
    bookmarks,
    conversations,
    featured_hashtags,
    filters,
    followed_tags,
    lists,
    notifications,
    timelines,
)
from tests.storage import cast

Numbers = dict[str, int]


def crowd(writer: Writer, me: Actor, many: int) -> Numbers:
    """Make it; numbers of one thing of each kind, to fill addresses with."""
    root = cast.post(writer, me.id, tags=["root"])
    favourited = cast.post(writer, me.id)
    found = {"root": root.id, "liked": favourited.id, "me": int(me.id)}
    found |= {
        "list": lists.add(writer, me.id, "Full", "list", exclusive=False).id,
        "filter": filters.add(writer, me.id, "Full", ["home"], "warn", None),
        "friend": cast.actor(writer, "friend"),
    }
    for number in range(many):
        person = cast.actor(writer, f"person{number}", discoverable=True)
        _people(writer, me.id, person, number, found)
        _posts(writer, me.id, person, number, found, root)
        _kept(writer, me.id, number, found)
        _office(writer, me.id, person, number)
    return found


def _people(writer: Writer, me: ActorId, person: ActorId, number: int, found: Numbers) -> None:
    others = [
        cast.actor(writer, f"{name}{number}", discoverable=name == "new")
        for name in ("asking", "blocked", "muted", "new")
    ]
    asking, blocked, muted, _ = others
    cast.follow(writer, me, person)
    cast.follow(writer, person, me)
    cast.follow(writer, person, found["friend"])
    follows.ask(writer, f"https://x.example/asks/{number}", asking, me)
    cast.block(writer, me, blocked)
    blocks.mute(writer, me, Mute(muted, notifications=True, expires_at=None))
    endorsements.add(writer, me, person)
    lists.put(writer, found["list"], person)
    other = lists.add(writer, me, f"List {number}", "list", exclusive=False)
    lists.put(writer, other.id, ActorId(found["friend"]))
    found["person"] = person


def _posts(
    writer: Writer, me: ActorId, person: ActorId, number: int, found: Numbers, root: Post
) -> None:
    mine = cast.post(writer, me, PUBLIC, to=[person], tags=["lantern", f"tag{number}"])
    said = cast.post(
        writer, person, PUBLIC, to=[me], tags=["lantern"], answers=root, spoiler="lantern"
    )
    direct = cast.post(writer, person, NAMED, to=[me])
    entries = writer.new_id(), writer.new_id()
    timelines.fan_out(writer, [me], said.id, said.id, None)
    writer.execute(
        "INSERT INTO list_entries (list, entry, post) VALUES (?, ?, ?)",
        found["list"],
        said.id,
        said.id,
    )
    favourites.add(writer, f"https://x.example/likes/{entries[0]}", me, said.id)
    favourites.add(writer, f"https://x.example/likes/{entries[1]}", person, PostId(found["liked"]))
    uri, audience = f"https://x.example/shares/{number}", ensure(writer, PUBLIC)
    shared = Boost(writer.new_id(), uri, person, PostId(found["liked"]), audience, True, writer.now)
    boosts.add(writer, shared)
    bookmarks.add(writer, me, said.id)
    conversations.go_on(writer, direct, {ActorId(int(me)), ActorId(int(person))}, [me])
    notifications.add(writer, me, "mention", person, said.id)
    pins.add(writer, me, mine.id, 100)
    edits.keep(writer, root, {})
    filters.add_post(writer, found["filter"], said.id)
    found["scheduled"] = _later(writer, me)
    _shown(writer, said, number)
    _quotes(writer, said, root)
    found["post"] = said.id


def _quotes(writer: Writer, said: Post, root: Post) -> None:
    writer.execute("UPDATE posts SET quoted = ? WHERE id = ?", root.uri, said.id)
    quotes.keep(
        writer, stamp=None, target=root.id, actor=said.author, request=said.uri, state="approved"
    )


def _later(writer: Writer, me: ActorId) -> int:
    params: scheduled_posts.ScheduledParams = {
        "text": "Later.",
        "spoiler": "",
        "visibility": "public",
        "local_only": False,
        "sensitive": False,
        "language": None,
        "in_reply_to": None,
        "poll": None,
        "policies": {"reply": "public", "like": "public", "announce": "public", "quote": "public"},
        "media": [],
        "application": None,
        "key": "",
    }
    return scheduled_posts.add(writer, me, writer.now + timedelta(days=1), params, []).id


def _shown(writer: Writer, said: Post, number: int) -> None:
    """A picture and an emoji."""
    address = f"https://x.example/{number}.png"
    picture = Media(
        id=writer.new_id(),
        owner=said.author,
        purpose="attachment",
        file=None,
        mime="image/png",
        bytes=0,
        width=30,
        height=20,
        post=said.id,
        remote_url=address,
        state="remote",
    )
    attachments.add(writer, picture)
    host = str(writer.value("SELECT host FROM actors WHERE id = ?", said.author))
    if host:
        emojis.learn(writer, host, [Emoji(0, f"e{number}", remote_url=address)])
    else:
        emojis.add(writer, Emoji(writer.new_id(), f"e{number}", file=f"{number:032x}.png"))
    writer.execute("UPDATE posts SET content = ? WHERE id = ?", f"<p>:e{number}:</p>", said.id)
    writer.execute("UPDATE actors SET summary = ? WHERE id = ?", f":e{number}:", said.author)


def _kept(writer: Writer, me: ActorId, number: int, found: Numbers) -> None:
    user_domain_blocks.add(writer, me, f"host{number}.example")
    filters.add_keyword(writer, found["filter"], f"phrase {number}", whole=True)
    other = filters.add(writer, me, f"Filter {number}", ["home"], "warn", None)
    filters.add_keyword(writer, other, f"word {number}", whole=True)
    followed_tags.add(writer, me, f"followed{number}")
    tag = followed_tags.number_of(writer, f"shown{number}")
    featured_hashtags.add(writer, me, tag, f"shown{number}")


def _office(writer: Writer, me: ActorId, person: ActorId, number: int) -> None:
    """What an admin sees lists of."""
    cast.account(writer, f"member{number}")
    uri, now = f"https://x.example/flags/{number}", writer.now
    reports.add(
        writer,
        Report(
            id=writer.new_id(), uri=uri, reporter=me, target=person, created_at=now, updated_at=now
        ),
    )
    signup_blocks.block_email(writer, domain=f"mail{number}.example")
    signup_blocks.block_email(writer, hash_=f"{number:064}")
    network = f"192.0.2.{number}/32"
    signup_blocks.put_network(
        writer,
        NetworkBlock(writer.new_id(), network, "sign_up_block", "", now, None),
    )
    writer.execute(
        "INSERT INTO hosts (host, tier, limit_id, limited_at) VALUES (?, 'limited', ?, ?)",
        f"limited{number}.example",
        writer.new_id(),
        writer.now_ms,
    )
