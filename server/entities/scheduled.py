"""Posts for later as `ScheduledStatus`."""

from collections.abc import Sequence

from federation.vocabulary import media_urls
from server.entities import media as media_entity
from server.entities import shapes
from server.entities.shared import when
from storage.engine.transaction import Reader
from storage.media import attachments
from storage.posts.scheduled_posts import Scheduled

_VISIBILITIES = {"local": "unlisted"}  # as the post will say (addressing.visibility)


def many(reader: Reader, found: Sequence[Scheduled]) -> list[shapes.ScheduledStatus]:
    """Render scheduled posts for their author, in the order given."""
    files = attachments.of_scheduled(reader, [one.id for one in found])
    rendered: list[shapes.ScheduledStatus] = []
    for one in found:
        given = media_urls.pass_for_member(one.author, reader.now)
        there = {row.id: row for row in files.get(one.id, ())}
        attached = [there[id_] for id_ in one.params["media"] if id_ in there]
        rendered.append(
            {
                "id": str(one.id),
                "scheduled_at": when(one.due),
                "params": _params(one),
                "media_attachments": [
                    media_entity.own(reader.site, row, given) for row in attached
                ],
            }
        )
    return rendered


def _params(one: Scheduled) -> shapes.ScheduledStatusParams:
    params = one.params
    return {
        "text": params["text"],
        "poll": params["poll"],
        "media_ids": [str(id_) for id_ in params["media"]] or None,
        "sensitive": params["sensitive"],
        "spoiler_text": params["spoiler"],
        "visibility": _VISIBILITIES.get(params["visibility"], params["visibility"]),
        "local_only": params["local_only"] or params["visibility"] == "local",
        "in_reply_to_id": params["in_reply_to"],
        "language": params["language"],
        "application_id": params["application"] or 0,
        "scheduled_at": None,
        "idempotency": params["key"] or None,
        "with_rate_limit": False,
        "quoted_status_id": None,
        "quote_approval_policy": params["policies"]["quote"],
    }
