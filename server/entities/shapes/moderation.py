"""Reports, decisions and blocks, as the API shows them."""

from typing import TypedDict

from server.entities.json_parts import Rendered
from server.entities.shapes.people import Account, Role
from server.entities.shapes.posts import TagHistory


class Report(TypedDict):
    id: str
    action_taken: bool
    action_taken_at: str | None
    category: str
    comment: str
    forwarded: bool
    created_at: str
    status_ids: list[str]
    rule_ids: list[str]
    collection_ids: list[str]
    target_account: Account


class AccountWarning(TypedDict):
    id: str
    action: str
    text: str
    status_ids: list[str] | None
    target_account: Account
    appeal: None
    created_at: str


class Rule(TypedDict):
    id: str
    text: str
    hint: str


class AdminAccount(TypedDict):
    id: str
    username: str
    domain: str | None
    created_at: str
    email: str
    ip: None
    ips: list[str]
    locale: str
    invite_request: str | None
    role: Role
    confirmed: bool
    approved: bool
    disabled: bool
    silenced: bool
    suspended: bool
    sensitized: bool
    account: Account
    created_by_application_id: None
    invited_by_account_id: str | None


class AdminReport(TypedDict):
    id: str
    action_taken: bool
    action_taken_at: str | None
    category: str
    comment: str
    forwarded: bool
    created_at: str
    updated_at: str
    account: AdminAccount
    target_account: AdminAccount
    assigned_account: AdminAccount | None
    action_taken_by_account: AdminAccount | None
    statuses: list[Rendered]
    rules: list[Rule]


class AdminDomainBlock(TypedDict):
    id: str
    domain: str
    digest: str
    created_at: str
    severity: str
    reject_media: bool
    reject_reports: bool
    private_comment: str | None
    public_comment: str | None
    obfuscate: bool


class AdminEmailDomainBlock(TypedDict):
    id: str
    domain: str | None
    created_at: str
    history: list[TagHistory]


class AdminCanonicalEmailBlock(TypedDict):
    id: str
    canonical_email_hash: str | None


class AdminIpBlock(TypedDict):
    id: str
    ip: str
    severity: str
    comment: str
    created_at: str
    expires_at: str | None
