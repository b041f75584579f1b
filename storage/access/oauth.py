"""Apps, their tokens and codes (RFC 6749). Whatever is secret is kept as SHA-256 only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from json import dumps

from orjson import loads

from storage.access.accounts import ACCESS
from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer


def hash_secret(secret: str) -> str:
    """Hash of a secret of 128 bits or more: hexadecimal SHA-256."""
    return sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class App:
    """`secret` is a hash; `redirect_uris` are matched exactly."""

    id: int
    client_id: str
    secret: str
    name: str
    website: str | None
    redirect_uris: tuple[str, ...]
    scopes: str
    created_at: datetime | None = None


_APP = "id, client_id, secret, name, website, redirect_uris, scopes, created_at"


def _app(row: Row) -> App:
    id_, client_id, secret, name, website, redirect_uris, scopes, created = row
    uris = tuple(loads(redirect_uris))
    return App(id_, client_id, secret, name, website, uris, scopes, moment(created))


def add(writer: Writer, app: App) -> None:
    writer.execute(
        f"INSERT INTO apps ({_APP}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        app.id,
        app.client_id,
        app.secret,
        app.name,
        app.website,
        dumps(app.redirect_uris),
        app.scopes,
        writer.now_ms,
    )


def by_client_id(reader: Reader, client_id: str) -> App | None:
    row = reader.row(f"SELECT {_APP} FROM apps WHERE client_id = ?", client_id)
    return _app(row) if row else None


def by_id(reader: Reader, id_: int) -> App | None:
    row = reader.row(f"SELECT {_APP} FROM apps WHERE id = ?", id_)
    return _app(row) if row else None


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, App]:
    """Apps by number; clients register anew, so a timeline has nearly one app an author."""
    ids = sorted(set(wanted))
    if not ids:
        return {}
    rows = reader.rows(
        f"SELECT {_APP} FROM apps WHERE id IN (SELECT value FROM json_each(?))", dumps(ids)
    )
    return {row[0]: _app(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Token:
    """Access token and what it may do; `account` None: it is the app's own."""

    id: int
    app: int
    account: ActorId | None
    scopes: str
    created_at: datetime
    last_used_at: datetime | None = None
    app_name: str = ""


_TOKEN = "tk.id, tk.app, tk.account, tk.scopes, tk.created_at, tk.last_used_at, ap.name"  # noqa: S105


def _token(row: Row) -> Token:
    id_, app, account, scopes, created, used, name = row
    return Token(id_, app, account, scopes, moment(created), optional_moment(used), name)


def issue(writer: Writer, secret: str, app: int, account: ActorId | None, scopes: str) -> int:
    """Keep a new token's hash; return its number."""
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO tokens (id, hash, app, account, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        id_,
        hash_secret(secret),
        app,
        account,
        scopes,
        writer.now_ms,
    )
    return id_


def token(reader: Reader, secret: str) -> Token | None:
    row = reader.row(
        f"SELECT {_TOKEN} FROM tokens tk JOIN apps ap ON ap.id = tk.app WHERE tk.hash = ?",
        hash_secret(secret),
    )
    return _token(row) if row else None


def tokens_of(reader: Reader, account: ActorId) -> list[Token]:
    rows = reader.rows(
        f"SELECT {_TOKEN} FROM tokens tk JOIN apps ap ON ap.id = tk.app WHERE tk.account = ?"
        " ORDER BY tk.id",
        account,
    )
    return [_token(row) for row in rows]


def change_key(id_: int) -> str:
    """Key by which a change of ACCESS names one token; of a whole account it names the number."""
    return f"token {id_}"


def token_used(writer: Writer, id_: int) -> None:
    writer.execute("UPDATE tokens SET last_used_at = ? WHERE id = ?", writer.now_ms, id_)


def revoke(writer: Writer, id_: int, account: ActorId | None = None) -> bool:
    """Take a token back; with an account, only when it is theirs."""
    removed = writer.execute(
        "DELETE FROM tokens WHERE id = ? AND account IS ifnull(?, account)", id_, account
    )
    if removed:
        writer.after_commit(ACCESS, change_key(id_))
    return bool(removed)


def revoke_all(writer: Writer, account: ActorId) -> None:
    writer.execute("DELETE FROM tokens WHERE account = ?", account)
    writer.execute("DELETE FROM codes WHERE account = ?", account)
    writer.after_commit(ACCESS, str(account))


@dataclass(frozen=True, slots=True)
class Code:
    """A grant on its way to the app. `challenge` is PKCE S256 (RFC 7636)."""

    app: int
    account: ActorId
    redirect_uri: str
    scopes: str
    challenge: str | None
    expires_at: datetime
    token: int | None = None
    used_at: datetime | None = None


_CODE = "app, account, redirect_uri, scopes, challenge, expires_at, token, used_at"


def add_code(writer: Writer, secret: str, code: Code) -> None:
    writer.execute(
        "INSERT INTO codes (hash, app, account, redirect_uri, scopes, challenge, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        hash_secret(secret),
        code.app,
        code.account,
        code.redirect_uri,
        code.scopes,
        code.challenge,
        milliseconds(code.expires_at),
    )


def code(reader: Reader, secret: str) -> Code | None:
    row = reader.row(f"SELECT {_CODE} FROM codes WHERE hash = ?", hash_secret(secret))
    if row is None:
        return None
    app, account, redirect_uri, scopes, challenge, expires, token_, used = row
    return Code(
        app,
        account,
        redirect_uri,
        scopes,
        challenge,
        moment(expires),
        token_,
        optional_moment(used),
    )


def code_used(writer: Writer, secret: str, token_: int | None) -> None:
    writer.execute(
        "UPDATE codes SET used_at = ?, token = ? WHERE hash = ?",
        writer.now_ms,
        token_,
        hash_secret(secret),
    )
