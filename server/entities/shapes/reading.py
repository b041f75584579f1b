"""Notifications, conversations, lists, markers, filters and search, as the API shows them."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from server.entities.json_parts import Rendered
from server.entities.shapes.moderation import AccountWarning, Report
from server.entities.shapes.people import Account
from server.entities.shapes.posts import Tag


class Notification(TypedDict):
    id: str
    type: str
    created_at: str
    group_key: str
    account: Rendered
    status: NotRequired[Rendered]
    report: NotRequired["Report"]
    moderation_warning: NotRequired["AccountWarning"]


class Conversation(TypedDict):
    id: str
    unread: bool
    accounts: list[Rendered]
    last_status: Rendered | None


class List(TypedDict):
    id: str
    title: str
    replies_policy: str
    exclusive: bool


class Marker(TypedDict):
    last_read_id: str
    version: int
    updated_at: str


class FilterKeyword(TypedDict):
    id: str
    keyword: str
    whole_word: bool


class FilterStatus(TypedDict):
    id: str
    status_id: str


class FilterBase(TypedDict):
    """Members that a filter has also where a post met it."""

    id: str
    title: str
    context: list[str]
    expires_at: str | None
    filter_action: str


class Filter(FilterBase):
    keywords: list[FilterKeyword]
    statuses: list[FilterStatus]


class FilterResult(TypedDict):
    filter: FilterBase
    keyword_matches: list[str] | None
    status_matches: list[str] | None


class V1Filter(TypedDict):
    id: str
    phrase: str
    context: list[str]
    whole_word: bool
    expires_at: str | None
    irreversible: bool


class Search(TypedDict):
    accounts: Sequence[Account]
    statuses: Sequence[Rendered]
    hashtags: Sequence[Tag]
