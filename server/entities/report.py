"""Reports about accounts, as `Report`; decisions on them, as `AccountWarning`."""

from collections.abc import Iterable

from server.entities import account as account_entity
from server.entities import shapes
from server.entities.shared import optional_when, when
from storage.engine.transaction import Reader
from storage.moderation import decisions, reports
from storage.moderation.reports import Report

# Our words, in those of the client API.
ACTIONS = {
    "none": "none",
    "warn": "none",
    "freeze": "disable",
    "sensitive": "sensitive",
    "silence": "silence",
    "suspend": "suspend",
}


def one(reader: Reader, report: Report) -> shapes.Report:
    target = account_entity.whoever(reader, [report.target])[report.target]
    return _render(report, target)


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, shapes.Report]:
    """Reports by number, in a fixed number of statements."""
    found = reports.many(reader, wanted)
    people = account_entity.whoever(reader, [report.target for report in found.values()])
    return {id_: _render(report, people[report.target]) for id_, report in found.items()}


def _render(report: Report, target: shapes.Account) -> shapes.Report:
    return {
        "id": str(report.id),
        "action_taken": report.resolved_at is not None,
        "action_taken_at": optional_when(report.resolved_at),
        "category": report.category,
        "comment": report.comment,
        "forwarded": report.forwarded,
        "created_at": when(report.created_at),
        "status_ids": [str(post) for post in report.posts],
        "rule_ids": [str(rule) for rule in report.rules],
        "collection_ids": [],
        "target_account": target,
    }


def warnings(reader: Reader, wanted: Iterable[int]) -> dict[int, shapes.AccountWarning]:
    """Decisions by number, as the one concerned may read them: never by whom."""
    found = decisions.many(reader, wanted)
    people = account_entity.whoever(reader, [one.target for one in found.values()])
    return {
        id_: {
            "id": str(id_),
            "action": ACTIONS[decision.action],
            "text": decision.text,
            "status_ids": None,
            "target_account": people[decision.target],
            "appeal": None,
            "created_at": when(decision.created_at),
        }
        for id_, decision in found.items()
    }
