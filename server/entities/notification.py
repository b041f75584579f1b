"""What came for a member, as `Notification`."""

from collections.abc import Sequence
from typing import Any

from server.entities import account as account_entity
from server.entities import status as status_entity
from server.entities.shared import when
from storage import visible_posts
from storage.notifications import Notification
from storage.units import Reader
from storage.visibility import Viewer


def many(reader: Reader, viewer: Viewer, found: Sequence[Notification]) -> list[dict[str, Any]]:
    people = account_entity.many(reader, [one.actor for one in found])
    wanted = [one.post for one in found if one.post is not None]
    posts = list(visible_posts.many(reader, viewer, wanted).values())
    statuses = {
        post.id: status
        for post, status in zip(posts, status_entity.of_posts(reader, viewer, posts), strict=True)
    }
    return [
        {
            "id": str(one.id),
            "type": one.type,
            "created_at": when(one.created_at),
            "group_key": f"ungrouped-{one.id}",
            "account": people[one.actor],
            **({"status": statuses[one.post]} if one.post in statuses else {}),  # type: ignore[index]
        }
        for one in found
        if one.actor in people
    ]
