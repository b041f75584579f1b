"""Accounts, profiles and relationships, as the API shows them."""

from typing import NotRequired, TypedDict

from server.entities.json_parts import Rendered


class CustomEmoji(TypedDict):
    shortcode: str
    url: str
    static_url: str
    visible_in_picker: bool
    category: str | None


class Field(TypedDict):
    name: str
    value: str
    verified_at: str | None


class Account(TypedDict):
    id: str
    username: str
    acct: str
    display_name: str
    locked: bool
    bot: bool
    discoverable: bool | None
    indexable: bool
    group: bool
    created_at: str
    note: str
    url: str
    uri: str
    avatar: str
    avatar_static: str
    header: str
    header_static: str
    followers_count: int
    following_count: int
    statuses_count: int
    last_status_at: str | None
    hide_collections: bool | None
    emojis: list[CustomEmoji]
    fields: list[Field]
    noindex: NotRequired[bool]
    roles: NotRequired[list["Role"]]
    suspended: NotRequired[bool]
    limited: NotRequired[bool]
    moved: NotRequired["Account"]


class Role(TypedDict):
    id: str
    name: str
    color: str
    permissions: str
    highlighted: bool
    collection_limit: int | None


class AccountSource(TypedDict):
    privacy: str
    sensitive: bool
    language: str | None
    quote_policy: str
    note: str
    fields: list[Field]
    follow_requests_count: int
    discoverable: bool | None
    indexable: bool
    hide_collections: bool | None


class CredentialAccount(Account):
    source: AccountSource
    role: Role


class MutedAccount(Account):
    mute_expires_at: str | None


class FeaturedTag(TypedDict):
    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None


class Profile(TypedDict):
    id: str
    display_name: str
    note: str
    fields: list[Field]
    avatar: str | None
    avatar_static: str | None
    header: str | None
    header_static: str | None
    locked: bool
    bot: bool
    hide_collections: bool | None
    discoverable: bool | None
    indexable: bool
    avatar_description: str
    header_description: str
    show_media: bool
    show_media_replies: bool
    show_featured: bool
    attribution_domains: list[str]
    featured_tags: list[FeaturedTag]


class Relationship(TypedDict):
    id: str
    following: bool
    showing_reblogs: bool
    notifying: bool
    languages: list[str]
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    muting_expires_at: str | None
    requested: bool
    requested_by: bool
    domain_blocking: bool
    endorsed: bool
    note: str


class FamiliarFollowers(TypedDict):
    id: str
    accounts: list[Rendered]


class Suggestion(TypedDict):
    source: str
    sources: list[str]
    account: Account
