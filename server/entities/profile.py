"""The user's own profile as `Profile`: as they wrote it, with what only they decide."""

from typing import Literal, get_args

from server.entities import account as account_entity
from server.entities import shapes
from server.entities import tag as tag_entity
from storage.access.accounts import Account
from storage.engine.transaction import Reader
from storage.people.actors import Actor
from storage.posts.visibility import Member
from storage.reading import featured_hashtags

_Flag = Literal["show_media", "show_media_replies", "show_featured"]
_Text = Literal["avatar_description", "header_description"]
SHOWN: tuple[_Flag, ...] = get_args(_Flag)
DESCRIPTIONS: tuple[_Text, ...] = get_args(_Text)


def one(reader: Reader, actor: Actor, account: Account) -> shapes.Profile:
    rendered = account_entity.one(reader, actor)
    settings = account.settings
    return {
        "id": rendered["id"],
        "display_name": actor.display_name,
        "note": actor.summary_source or "",
        "fields": [
            {"name": field.name, "value": field.source, "verified_at": field.verified_at}
            for field in actor.fields
        ],
        "avatar": rendered["avatar"] if actor.avatar else None,
        "avatar_static": rendered["avatar_static"] if actor.avatar else None,
        "header": rendered["header"] if actor.header else None,
        "header_static": rendered["header_static"] if actor.header else None,
        "locked": actor.locked,
        "bot": actor.bot,
        "hide_collections": actor.hide_collections,
        "discoverable": actor.discoverable,
        "indexable": actor.indexable,
        "avatar_description": settings.get("avatar_description", ""),
        "header_description": settings.get("header_description", ""),
        "show_media": settings.get("show_media", True),
        "show_media_replies": settings.get("show_media_replies", True),
        "show_featured": settings.get("show_featured", True),
        "attribution_domains": list(settings.get("attribution_domains", ())),
        "featured_tags": [
            tag_entity.render_featured(reader.site, featured)
            for featured in featured_hashtags.of(reader, Member(actor.id), actor.id)
        ],
    }
