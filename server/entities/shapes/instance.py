"""The instance and its apps, as the API shows them."""

from collections.abc import Mapping
from typing import TypedDict

from server.entities.shapes.moderation import Rule
from server.entities.shapes.people import Account


class Application(TypedDict):
    id: str
    name: str
    website: str | None
    scopes: list[str]
    redirect_uri: str
    redirect_uris: list[str]
    vapid_key: str


class ExtendedDescription(TypedDict):
    content: str
    updated_at: str | None


Limits = Mapping[str, Mapping[str, int | list[str]]]
"""Numbers that an instance holds members to, by what they are about."""


class InstanceRegistrations(TypedDict):
    enabled: bool
    approval_required: bool
    reason_required: bool
    message: None
    url: None


class InstanceContact(TypedDict):
    email: str
    account: Account | None


class Instance(TypedDict):
    domain: str
    title: str
    version: str
    source_url: str
    description: str
    usage: Mapping[str, Mapping[str, int]]
    thumbnail: Mapping[str, str]
    icon: list[Mapping[str, str]]
    languages: list[str]
    configuration: Mapping[str, Mapping[str, object]]
    registrations: InstanceRegistrations
    api_versions: Mapping[str, int]
    contact: InstanceContact
    rules: list[Rule]


class V1Instance(TypedDict):
    uri: str
    title: str
    short_description: str
    description: str
    email: str
    version: str
    urls: Mapping[str, str]
    stats: Mapping[str, int]
    thumbnail: str
    languages: list[str]
    registrations: bool
    approval_required: bool
    invites_enabled: bool
    configuration: Limits
    contact_account: Account | None
    rules: list[Rule]
