"""Notifications of a member, as `Notification`."""

from collections.abc import Sequence

from server.entities import account as account_entity
from server.entities import report as report_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.entities.shared import when
from storage.engine.transaction import Reader
from storage.posts.visibility import Viewer
from storage.reading.notifications import Notification


def many(
    reader: Reader, viewer: Viewer, found: Sequence[Notification]
) -> list[shapes.Notification]:
    people = account_entity.by_number(reader, [one.actor for one in found])
    wanted = [one.post for one in found if one.post is not None]
    statuses = status_entity.by_number(reader, viewer, wanted)
    reports, warnings = _about(found, "admin.report"), _about(found, "moderation_warning")
    reported = report_entity.many(reader, reports) if reports else {}
    warned = report_entity.warnings(reader, warnings) if warnings else {}
    rendered: list[shapes.Notification] = []
    for one in found:
        if one.actor not in people:
            continue
        entity: shapes.Notification = {
            "id": str(one.id),
            "type": one.type,
            "created_at": when(one.created_at),
            "group_key": f"ungrouped-{one.id}",
            "account": people[one.actor],
        }
        if one.post in statuses:
            entity["status"] = statuses[one.post]
        if one.type == "admin.report" and one.about in reported:
            entity["report"] = reported[one.about]
        if one.type == "moderation_warning" and one.about in warned:
            entity["moderation_warning"] = warned[one.about]
        rendered.append(entity)
    return rendered


def _about(found: Sequence[Notification], type_: str) -> list[int]:
    return [one.about for one in found if one.type == type_ and one.about is not None]
