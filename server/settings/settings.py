"""Environment and kith.toml → one frozen Settings; nobody else reads the environment."""

# ruff: noqa: RUF009 (_setting() is dataclasses.field() with our metadata)

import difflib
import json
import stat
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import tzinfo
from pathlib import Path
from typing import Any, Literal

from server.settings import types as kinds
from server.settings.types import Kind, Listen, Network

Registrations = Literal["open", "approval", "invitation", "closed"]
MailEncryption = Literal["starttls", "tls", "off"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "text"]

_PREFIX = "KITH_"
_CONFIG = "KITH_CONFIG"
_MAIL_PORTS = {"starttls": 587, "tls": 465, "off": 25}


class SettingsError(Exception):
    """A setting that cannot be used, in a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """Declaration of a setting: all that is known of it beside its name and type."""

    kind: Kind
    default: object  # as kith.toml would say it; or a function of the values declared before it
    meaning: str
    shown: str | None


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as the operator wrote it, with its name there and the place."""

    name: str
    where: str
    raw: object


def _setting(
    kind: Kind, default: object, meaning: str, shown: str | None = None, hidden: bool = False
) -> Any:
    declared = _Declared(kind, default, meaning, shown)
    return field(repr=not hidden, metadata={"declared": declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that the operator decides; made by load()."""

    data_dir: Path = _setting(
        kinds.PATH,
        "./data",
        "The folder of all that this server keeps; in `kith.toml` only if KITH_CONFIG names it.",
    )
    domain: str = _setting(
        kinds.DOMAIN,
        None,
        "The name in handles, `@alice@garden.example`; it can never change later.",
        "none: `kith init` asks for it",
    )
    web_domain: str = _setting(
        kinds.DOMAIN,
        lambda values: values["domain"],
        "The name in web addresses, if that is another one; it can never change either.",
        "as `domain`",
    )
    development: bool = _setting(
        kinds.ON_OFF, "off", "For trials on one machine: plain http, and peers on loopback."
    )
    listen: Listen = _setting(
        kinds.LISTEN, "127.0.0.1:8000", "Where the server waits for its reverse proxy."
    )
    metrics_listen: Listen | None = _setting(
        kinds.LISTEN_PRIVATE,
        "off",
        "Where Prometheus reads figures, such as `127.0.0.1:9100`; never a public address.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        kinds.NETWORKS,
        lambda values: "none" if values["development"] else kinds.LOOPBACK,
        "Whose `X-Forwarded-For` is believed: the addresses of the reverse proxy.",
        "loopback; in development none",
    )
    secret: str | None = _setting(
        kinds.SECRET,
        None,
        "Seals what must be read again, and signs links to media; `kith init` makes it.",
        "none; in development made at the first start",
        hidden=True,
    )
    title: str = _setting(
        kinds.text_of(100),
        lambda values: values["domain"][:100],
        "The name of this server as people read it.",
        "as `domain`",
    )
    summary: str = _setting(
        kinds.text_of(500), "", "A sentence about this server, for its first page and for clients."
    )
    contact_email: str = _setting(
        kinds.EMAIL, "", "Where people write to the stewards; everybody can see it."
    )
    contact_account: str = _setting(
        kinds.HANDLE, "", "The member shown as the one to ask, by the name in the handle."
    )
    languages: tuple[str, ...] = _setting(
        kinds.LANGUAGES, ["en"], "The languages mostly written here, the first one first."
    )
    default_locale: str = _setting(
        kinds.LOCALE, "en", "The language of our pages where a browser asks for none that we have."
    )
    timezone: str = _setting(kinds.TIMEZONE, "UTC", "The time zone of the times on our pages.")
    registrations: Registrations = _setting(
        kinds.one_of(Registrations),
        "approval",
        "Who may sign up: anybody, whom a steward approves, who was invited, or nobody.",
    )
    rate_limits: bool = _setting(
        kinds.ON_OFF, "on", "Whether callers that ask too often have to wait; off only for tests."
    )
    authorised_fetch: bool = _setting(
        kinds.ON_OFF,
        "off",
        "Whether other servers must sign requests for public posts too, as they must for others.",
    )
    max_characters: int = _setting(
        kinds.whole(100, 50_000), 500, "How long a member's post may be, in characters."
    )
    media_max_bytes: int = _setting(
        kinds.whole(65_536, 268_435_456),
        16_777_216,
        "How large an uploaded file may be; the reverse proxy's own limit must lie above it.",
    )
    timeline_length: int = _setting(
        kinds.whole(40, 10_000), 800, "How many posts a member's home timeline reaches back."
    )
    inbox_limit: int = _setting(
        kinds.whole(100, 1_000_000),
        20_000,
        "How many changes may wait for the database before callers are asked to come later.",
    )
    signature_max_age_minutes: int = _setting(
        kinds.whole(1, 720), 60, "How old the signature of another server's request may be."
    )
    deliveries_concurrency: int = _setting(
        kinds.whole(1, 512), 64, "How many deliveries to other servers may run at once."
    )
    deliveries_per_host: int = _setting(
        kinds.whole(1, 16), 2, "How many of them may go to one and the same server."
    )
    smtp_host: str = _setting(
        kinds.HOST,
        "",
        "The mail server that takes our emails; empty: none go, and addresses are not confirmed.",
    )
    smtp_tls: MailEncryption = _setting(
        kinds.one_of(MailEncryption), "starttls", "How the way to the mail server is encrypted."
    )
    smtp_port: int = _setting(
        kinds.whole(1, 65_535),
        lambda values: _MAIL_PORTS[values["smtp_tls"]],
        "The mail server's port.",
        "587 for starttls, 465 for tls, 25 for off",
    )
    smtp_user: str = _setting(
        kinds.text_of(254), "", "The name to log in to the mail server with; empty means no login."
    )
    smtp_password: str = _setting(
        kinds.text_of(254), "", "The password that goes with `smtp_user`.", hidden=True
    )
    smtp_from: str = _setting(
        kinds.EMAIL,
        lambda values: f"no-reply@{values['domain'].partition(':')[0]}",
        "The sender of our emails.",
        "`no-reply@` and the domain",
    )
    backup_dir: Path = _setting(
        kinds.PATH,
        lambda values: str(values["data_dir"] / "backups"),
        "Where `kith backup` writes; best on another disk.",
        "`backups` in the data folder",
    )
    log_level: LogLevel = _setting(
        kinds.one_of(LogLevel), "info", "What to log: lines of this weight and above."
    )
    log_format: LogFormat = _setting(
        kinds.one_of(LogFormat),
        lambda values: "text" if values["development"] else "json",
        "Whether log lines are for programs or for eyes.",
        "json; in development text",
    )

    @property
    def scheme(self) -> str:
        return "http" if self.development else "https"

    @property
    def web_origin(self) -> str:
        return f"{self.scheme}://{self.web_domain}"

    @property
    def secure_cookies(self) -> bool:
        return not self.development

    @property
    def zone(self) -> tzinfo:
        return kinds.zone(self.timezone)


def _declare(setting: "Field[Any]") -> _Declared:
    declared: _Declared = setting.metadata["declared"]
    return declared


_DECLARED = {setting.name: _declare(setting) for setting in fields(Settings)}
_HIDDEN = {setting.name for setting in fields(Settings) if not setting.repr}


def locate(environ: Mapping[str, str]) -> Path:
    """Path of kith.toml, or where it would be: KITH_CONFIG, or in the data folder."""
    if named := environ.get(_CONFIG):
        return Path(named).absolute()
    default = str(_DECLARED["data_dir"].default)
    return Path(environ.get(f"{_PREFIX}DATA_DIR") or default).absolute() / "kith.toml"


Typed = tuple[str, str, object]
"""What somebody calls a setting, where they said it, and what they said."""


def load(
    environ: Mapping[str, str], file: Path | None = None, typed: Mapping[str, Typed] | None = None
) -> Settings:
    """Load all settings: typed before the environment before the file; raises SettingsError.

    Without `file`, the one that locate() names is read, if it is there. An empty variable counts
    as not set.
    """
    named = file is not None or bool(environ.get(_CONFIG))
    given = _from_file(file or locate(environ), named) | _from_environment(environ)
    given |= {name: _Given(*entry) for name, entry in (typed or {}).items()}
    if "domain" not in given:
        raise SettingsError("No domain is set: run `kith init`, or set KITH_DOMAIN.")
    values: dict[str, Any] = {}
    for name in _DECLARED:
        values[name] = _value(name, given.get(name), values)
    settings = Settings(**values)
    _refuse_open_password(settings)
    if not settings.development:
        _refuse_in_production(settings, given)
    return settings


def _from_file(file: Path, named: bool) -> dict[str, _Given]:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingsError(f"There is no {file} to read settings from.") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise SettingsError(f"{file} is not written as TOML: {error}.") from None
    given = {name: _Given(name, file.name, raw) for name, raw in content.items()}
    for entry in given.values():
        _refuse_unknown(entry)
    if "data_dir" in given and not named:
        raise SettingsError(
            f"{file} lies in the data folder and says `data_dir` as well: leave that line out, or"
            f" name the file in {_CONFIG}."
        )
    _refuse_readable_secrets(file, given)
    return {name: _beside(file, entry) for name, entry in given.items()}


def _refuse_unknown(entry: _Given) -> None:
    says = entry.where.replace("the ", "The ", 1)
    if isinstance(entry.raw, dict):
        raise SettingsError(
            f"{says} has a table `[{entry.name}]`; every setting stands on a line of its own."
        )
    known = [_variable(name) if says.startswith("The ") else name for name in _DECLARED]
    if entry.name in known:
        return
    # Without the prefix, which would make every variable look like every other.
    plain = {name.removeprefix(_PREFIX).lower(): name for name in known}
    nearest = difflib.get_close_matches(entry.name.removeprefix(_PREFIX).lower(), plain, 1)
    hint = f"; did you mean `{plain[nearest[0]]}`?" if nearest else ", which is no setting of ours."
    raise SettingsError(f"{says} says `{entry.name}`{hint}")


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _refuse_readable_secrets(file: Path, given: Mapping[str, _Given]) -> None:
    holds_secrets = not _HIDDEN.isdisjoint(given)
    if holds_secrets and stat.S_IMODE(file.stat().st_mode) & stat.S_IRWXO:
        raise SettingsError(
            f"{file} holds secrets, and everybody on this machine may read it or write to it:"
            f" run `chmod 600 {file}`."
        )


def _beside(file: Path, entry: _Given) -> _Given:
    """The entry, with a relative path taken from the file's folder."""
    if (
        _DECLARED[entry.name].kind is not kinds.PATH
        or not isinstance(entry.raw, str)
        or not entry.raw
    ):
        return entry
    return _Given(entry.name, entry.where, str(file.absolute().parent / entry.raw))


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = {_variable(name): name for name in _DECLARED}
    given = {}
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or variable == _CONFIG:
            continue
        entry = _Given(variable, "the environment", environ[variable])
        _refuse_unknown(entry)
        if environ[variable].strip():
            given[names[variable]] = entry
    return given


def _value(name: str, entry: _Given | None, values: Mapping[str, Any]) -> object:
    declared = _DECLARED[name]
    if entry is None:
        raw = declared.default(values) if callable(declared.default) else declared.default
        return None if raw is None else declared.kind.parse(raw)
    try:
        return declared.kind.parse(entry.raw)
    except ValueError as error:
        said = "a value that is not shown here" if name in _HIDDEN else _quote(entry.raw)
        raise SettingsError(
            f"`{entry.name}` in {entry.where} says {said}, {error}."
            f" What fits is {declared.kind.fits}."
        ) from None


def _quote(raw: object) -> str:
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str)
    printable = "".join(character if character.isprintable() else "·" for character in text)
    return f"`{printable[:60]}{'…' if len(printable) > 60 else ''}`"


def _refuse_open_password(settings: Settings) -> None:
    sends_password = settings.smtp_host and settings.smtp_password and settings.smtp_tls == "off"
    if sends_password and settings.smtp_host not in ("localhost", "127.0.0.1", "::1"):
        raise SettingsError(
            f"`smtp_tls` is off, so the password would travel to {settings.smtp_host} in the open."
            " Set it to starttls or tls."
        )


def _refuse_in_production(settings: Settings, given: Mapping[str, _Given]) -> None:
    for name in ("domain", "web_domain"):
        domain: str = getattr(settings, name)
        if problem := kinds.why_not_public(domain):
            entry = given.get(name, given["domain"])
            raise SettingsError(
                f"`{entry.name}` in {entry.where} says `{domain}`, {problem}. What fits is a public"
                " name such as `garden.example`; for a trial on this machine, set"
                " KITH_DEVELOPMENT=true."
            )
    if settings.secret is None:
        raise SettingsError("No secret is set: run `kith init`, which makes one.")


def document() -> str:
    """The settings as a Markdown table, for deploy/README.md."""
    rows = [
        f"| `{name}` | {declared.meaning} | {_fits(declared)} | {_default(declared)} |"
        for name, declared in _DECLARED.items()
    ]
    return "\n".join(("| setting | meaning | what fits | default |", "|---|---|---|---|", *rows))


def _fits(declared: _Declared) -> str:
    return declared.kind.fits.replace("|", r"\|")


def _default(declared: _Declared) -> str:
    if declared.shown is not None:
        return declared.shown
    return f"`{_toml(declared.default)}`" if declared.default != "" else "empty"


def annotate(values: Mapping[str, object]) -> str:
    """A kith.toml with these values, in which every other setting is explained and left out."""
    parts = [_lines(name, declared, values) for name, declared in _DECLARED.items()]
    head = "# Settings of Kith. A variable KITH_… in the environment goes before a line here."
    return "\n\n".join((head, *parts)) + "\n"


def _lines(name: str, declared: _Declared, values: Mapping[str, object]) -> str:
    about = f"{declared.meaning} What fits is {declared.kind.fits}."
    if name in values:
        line = f"{name} = {_toml(values[name])}"
    elif declared.shown is not None:
        about, line = f"{about} Default: {declared.shown}.", f"# {name} ="
    else:
        line = f"# {name} = {_toml(declared.default)}"
    comment = textwrap.wrap(about, 98, break_on_hyphens=False)
    return "\n".join((*(f"# {part}" for part in comment), line))


def _toml(value: object) -> str:
    """Text, numbers, switches and lists of text read the same in JSON and TOML."""
    return json.dumps(value, ensure_ascii=False)
