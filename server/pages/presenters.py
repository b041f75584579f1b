"""Rows as pages show them: people and posts, in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from federation.objects.note import read_stored
from federation.vocabulary import media_urls, uris
from federation.vocabulary.addressing import visibility
from federation.vocabulary.media_urls import Kind as MediaKind
from federation.vocabulary.sanitize_html import SafeHtml, escape_markup
from server.pages import formatting, media
from server.pages.views import Kind, Person, PollView, PostView, ProfileField
from storage.engine.ids import ActorId
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor, Field
from storage.posts import polls, visible_posts
from storage.posts.polls import Poll
from storage.posts.visibility import Anonymous, Viewer
from storage.posts.visible_posts import Post
from storage.reading.timelines import Entry

MEDIA = "/media"
CLOTH = 1  # of the instance's own community, until there are more


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """The name of the place, the reader's language, and whether “for everyone” goes unsaid."""

    place: str
    locale: str
    public_is_plain: bool = False


def person(site: Site, actor: Actor) -> Person:
    """Show a person as they stand beside what they said."""
    return Person(
        id=actor.id,
        name=actor.display_name,
        handle=f"@{actor.acct}",
        full_handle=f"@{actor.name}@{actor.domain or site.domain}",
        url=page_of(site, actor),
        is_local=actor.is_local,
        kind=_kind(actor),
        avatar_url=picture(site, actor, "avatar", actor.avatar),
    )


def whole_person(reader: Reader, actor: Actor) -> Person:
    """Show a person as their own page does."""
    site = reader.site
    return replace(
        person(site, actor),
        emojis=media.emoji_of_people(reader, [actor])[actor.id],
        header_url=picture(site, actor, "header", actor.header),
        bio=read_stored(actor.summary) if actor.summary else None,
        fields=tuple(_field(one) for one in actor.fields),
        since=actor.created_at,
    )


def page_of(site: Site, actor: Actor) -> str:
    """Address where people read about somebody."""
    return uris.profile_page(site, actor.name) if actor.is_local else actor.url or actor.uri


def picture(site: Site, actor: Actor, kind: MediaKind, file: str | None) -> str | None:
    """The path of a picture; browsers load nothing from elsewhere for a page of ours."""
    if not file or actor.is_local:
        return f"{MEDIA}/{file}" if file else None
    return media_urls.proxy_path(site, kind, actor.id, file)


def _kind(actor: Actor) -> Kind:
    if actor.type in ("Group", "Organization"):
        return "community"
    return "service" if actor.bot or actor.type in ("Service", "Application") else "person"


def _field(written: Field) -> ProfileField:
    verified = datetime.fromisoformat(written.verified_at) if written.verified_at else None
    return ProfileField(written.name, read_stored(written.value), verified)


def people(reader: Reader, wanted: Iterable[ActorId]) -> dict[int, Person]:
    """People by number, in one statement; those who left are not among them."""
    found = actors.many(reader, wanted)
    said = media.emoji_of_people(reader, found.values())
    return {
        id_: replace(person(reader.site, actor), emojis=said[id_])
        for id_, actor in found.items()
        if actor.effective_state == "active"
    }


def with_suspended(reader: Reader, wanted: Sequence[ActorId]) -> dict[int, Person]:
    """People by number, also those who were turned out: for stewards."""
    found = actors.many(reader, wanted)
    return {id_: person(reader.site, actor) for id_, actor in found.items()}


def entries(
    reader: Reader, viewer: Viewer, found: Sequence[Entry], options: RenderOptions
) -> tuple[PostView, ...]:
    """Lines of a list, in their order; each post is one that the viewer may see."""
    wanted = {entry.post.author for entry in found} | {one.booster for one in found if one.booster}
    known = people(reader, wanted)
    told = [entry.post for entry in found]
    answers = count_answers(reader, viewer, told)
    pictures = media.of_posts(reader, viewer, told)
    choices = _choices(reader, told)
    said = media.emoji_in_posts(reader, told)
    return tuple(
        replace(
            view(reader.site, post, known[post.author], options),
            answers=answers.get(post.id, 0),
            passed_on_by=known.get(entry.booster or 0),
            pictures=pictures.get(post.id, ()),
            poll=choices.get(post.id),
            emojis=said[post.id],
        )
        for entry in found
        for post in [entry.post]
        if post.author in known
    )


def posts(
    reader: Reader, found: Sequence[Post], options: RenderOptions, viewer: Viewer | None = None
) -> tuple[PostView, ...]:
    """Posts of one conversation, in their order; their answers stand beneath them.

    Without a viewer, pictures that are not for everybody are left out.
    """
    known = people(reader, {post.author for post in found})
    pictures = media.of_posts(reader, viewer or Anonymous(), found)
    choices = _choices(reader, found)
    said = media.emoji_in_posts(reader, found)
    return tuple(
        replace(
            view(reader.site, post, known[post.author], options),
            pictures=pictures.get(post.id, ()),
            poll=choices.get(post.id),
            emojis=said[post.id],
        )
        for post in found
        if post.author in known
    )


def _choices(reader: Reader, found: Sequence[Post]) -> dict[int, PollView]:
    """Choices of posts that ask. While a poll is open pages count nothing, as anywhere else."""
    known = polls.many(reader, [post.id for post in found])
    return {post: _poll(poll, poll.is_over(reader.now)) for post, poll in known.items()}


def _poll(poll: Poll, over: bool) -> PollView:
    choices = tuple((one.title, one.votes if over else None) for one in poll.options)
    return PollView(choices, poll.multiple, over, poll.closes_at)


def view(site: Site, post: Post, author: Person, options: RenderOptions) -> PostView:
    """Show a post with its author."""
    return PostView(
        id=str(post.id),
        url=page_of_post(site, post, author),
        person=author,
        published=post.published_at,
        html=_text(post),
        audience=_audience(post, options),
        cloth=CLOTH if post.local_only else None,
        spoiler=post.spoiler,
        language=post.language,
        sensitive=post.sensitive,
        edited=post.edited_at,
    )


def _text(post: Post) -> SafeHtml:
    """Text of a post; an Article under its title, which is plain text."""
    if post.type != "Article" or not post.title:
        return read_stored(post.content)
    return read_stored(f"<p><strong>{escape_markup(post.title)}</strong></p>{post.content}")


def page_of_post(site: Site, post: Post, author: Person) -> str:
    """Address where people read a post."""
    if post.local:
        return uris.post_page(site, author.handle.removeprefix("@"), post.id)
    return post.url or post.uri


def _audience(post: Post, options: RenderOptions) -> str | None:
    known_as = visibility(post.kind, post.listed)
    if options.public_is_plain and known_as == "public":
        return None
    return formatting.audience(
        known_as, options.place, options.locale, all_here=post.kind == "instance"
    )


def count_answers(reader: Reader, viewer: Viewer, found: Sequence[Post]) -> dict[int, int]:
    """Count the answers to each post that the viewer may see: hidden ones are not counted."""
    figures = visible_posts.figures(reader, viewer, [post.id for post in found])
    return {post.id: figures[post.id].replies for post in found if figures[post.id].replies}
