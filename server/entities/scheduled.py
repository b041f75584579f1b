"""Posts for later as `ScheduledStatus`."""

from collections.abc import Sequence
from typing import Any

from federation.vocabulary import media_urls
from server.entities import media as media_entity
from server.entities.shared import when
from storage.engine.transaction import Reader
from storage.media import attachments
from storage.posts.scheduled_posts import Scheduled

_VISIBILITIES = {"local": "unlisted"}  # as the post will say (addressing.visibility)


def many(reader: Reader, found: Sequence[Scheduled]) -> list[dict[str, Any]]:
    """For their author, in the order given."""
    files = attachments.of_scheduled(reader, [one.id for one in found])
    rendered = []
    for one in found:
        given = media_urls.pass_for_member(one.author, reader.now)
        there = {row.id: row for row in files.get(one.id, ())}
        attached = [there[id_] for id_ in one.wish["media"] if id_ in there]
        rendered.append(
            {
                "id": str(one.id),
                "scheduled_at": when(one.due),
                "params": _params(one),
                "media_attachments": [
                    media_entity.own(reader.here, row, given) for row in attached
                ],
            }
        )
    return rendered


def _params(one: Scheduled) -> dict[str, Any]:
    wish = one.wish
    return {
        "text": wish["text"],
        "poll": wish["poll"],
        "media_ids": [str(id_) for id_ in wish["media"]] or None,
        "sensitive": wish["sensitive"],
        "spoiler_text": wish["spoiler"],
        "visibility": _VISIBILITIES.get(wish["visibility"], wish["visibility"]),
        "local_only": wish["local_only"] or wish["visibility"] == "local",
        "in_reply_to_id": wish["in_reply_to"],
        "language": wish["language"],
        "application_id": wish["application"] or 0,
        "scheduled_at": None,
        "idempotency": wish["key"] or None,
        "with_rate_limit": False,
        "quoted_status_id": None,
        "quote_approval_policy": wish["policies"]["quote"],
    }
