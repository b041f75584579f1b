"""Notifications of a member, as `Notification`."""

from collections.abc import Sequence
from typing import Any

from server.entities import account as account_entity
from server.entities import report as report_entity
from server.entities import status as status_entity
from server.entities.shared import when
from storage.engine.transaction import Reader
from storage.posts.visibility import Viewer
from storage.reading.notifications import Notification


def many(reader: Reader, viewer: Viewer, found: Sequence[Notification]) -> list[dict[str, Any]]:
    people = account_entity.by_number(reader, [one.actor for one in found])
    wanted = [one.post for one in found if one.post is not None]
    statuses = status_entity.by_number(reader, viewer, wanted)
    moderator = _moderation(reader, found)
    return [
        {
            "id": str(one.id),
            "type": one.type,
            "created_at": when(one.created_at),
            "group_key": f"ungrouped-{one.id}",
            "account": people[one.actor],
            **({"status": statuses[one.post]} if one.post in statuses else {}),
            **moderator.get(one.id, {}),
        }
        for one in found
        if one.actor in people
    ]


def _moderation(reader: Reader, found: Sequence[Notification]) -> dict[int, dict[str, Any]]:
    """Members that notifications about reports and decisions have beside the rest, by number."""
    numbers: dict[str, list[int]] = {"admin.report": [], "moderation_warning": []}
    for one in found:
        if one.type in numbers and one.about is not None:
            numbers[one.type].append(one.about)
    told, decided = numbers.values()
    reports = report_entity.many(reader, told) if told else {}
    warnings = report_entity.warnings(reader, decided) if decided else {}
    fields = {"admin.report": ("report", reports), "moderation_warning": (_WARNING, warnings)}
    beside: dict[int, dict[str, Any]] = {}
    for one in found:
        name, known = fields.get(one.type, ("", {}))
        if one.about in known:
            beside[one.id] = {name: known[one.about]}
    return beside


_WARNING = "moderation_warning"
