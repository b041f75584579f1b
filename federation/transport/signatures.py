"""HTTP signatures, made and checked: draft-cavage-http-signatures-12, without any I/O.

`parse` does everything that needs no key, so that no key is fetched for a request that could
not pass (SECURITY 11); `verify` does the rest. The two meet in `Signed`.

There is room for a second scheme, RFC 9421: `_SCHEMES` is keyed by the header by which a request
says which scheme it uses, `signature-input` goes before `signature` (RFC 9421 sends both), and a
scheme is one function from `Request` to `Signed`. `verify` and all callers stay as they are.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

from yarl import URL

from federation.errors import Malformed, Unauthenticated
from federation.transport import keys

_Headers = Mapping[str, Sequence[str]]  # names in lower case

ACTIVITY_TYPE = "application/activity+json"
MAX_AGE = timedelta(hours=1)
MAX_FUTURE = timedelta(minutes=5)

_MOST_HEADER = 8_192
_MOST_KEY_ID = 2_048
_MOST_LISTED = 32
_BODILESS = ("GET", "HEAD")
_NUMBERS = ("created", "expires")
_ALGORITHMS = {None: None, "hs2019": None, "rsa-sha256": "rsa", "ed25519": "ed25519"}
_TIMED_ALGORITHMS = (None, "hs2019")  # draft 2.3: an error with rsa, hmac and ecdsa
_PSEUDO = ("(request-target)", "(created)", "(expires)")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

_PARAMETER = re.compile(r'([A-Za-z]{1,32})=(?:"([ !#-\[\]-~]*)"|([0-9]{1,11}))')
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_KEY_ID = re.compile(r"https?://[A-Za-z0-9\[][!-~]*")
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_TARGET = re.compile(r"/[!-~]*")
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DIGEST = re.compile(r"([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})")
_IMF_FIXDATE = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)


@dataclass(frozen=True, slots=True)
class Request:
    """An incoming request as it came: every header line on its own, the body undecoded.

    `body` is None before it is read: its digest is not looked at then.
    `network` is the address block that it came from, whose budget it counts against; empty where
    that says nothing (behind a proxy that does not tell).
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    network: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that passed every check but that of the signature itself.

    `digest_of_signature` names it in the replay table; the row is needed until `valid_until`,
    that moment included.
    """

    key_id: str
    algorithm: str | None
    signature: bytes
    data: bytes
    digest_of_signature: str
    at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class _Window:
    """The span of time around now in which a signature must have been made."""

    now: datetime
    past: timedelta
    future: timedelta

    def check(self, moment: datetime) -> None:
        if self.now - moment > self.past:
            raise Unauthenticated("The signature is too old.")
        if moment - self.now > self.future:
            raise Unauthenticated("The signature is dated in the future.")


@dataclass(frozen=True, slots=True)
class _Message:
    """A request with the parts of its signature taken apart, names in lower case."""

    request: Request
    headers: _Headers
    parameters: Mapping[str, str]
    listed: Sequence[str]

    def value(self, name: str) -> str:
        """The one value of this header."""
        values = self.headers.get(name, ())
        if len(values) != 1:
            raise Unauthenticated(f"The signed header “{name}” must be there exactly once.")
        if _UNFIT.search(values[0]):
            raise Unauthenticated(f"The header “{name}” has control characters.")
        return values[0].strip(" \t")


class _Scheme(Protocol):
    """Scheme for signing requests: all checks that need no key."""

    def __call__(
        self,
        request: Request,
        headers: _Headers,
        authority: str,
        window: _Window,
    ) -> Signed: ...


# Outgoing


def sign_request(
    method: str,
    url: str,
    body: bytes | None,
    *,
    key_id: str,
    private_pem: str,
    now: datetime,
    content_type: str = ACTIVITY_TYPE,
) -> dict[str, str]:
    """Headers to send: Host, Date and Signature, and with a body Digest and Content-Type.

    `url` is in its encoded form and must be sent as it is, `yarl.URL(url, encoded=True)`. Sign
    again for every hop and every attempt (SECURITY 13).
    """
    where = _url(url)
    headers = {"Host": where.host_port_subcomponent or "", "Date": imf_fixdate(now)}
    if body is not None or method.upper() not in _BODILESS:
        headers["Digest"] = digest(body or b"")
        headers["Content-Type"] = content_type
    lines = {"(request-target)": f"{method.lower()} {where.raw_path_qs}"}
    lines |= {name.lower(): value for name, value in headers.items()}
    data = "\n".join(f"{name}: {value}" for name, value in lines.items()).encode("ascii")
    return headers | {"Signature": _signature_header(key_id, private_pem, list(lines), data)}


def _url(url: str) -> URL:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Malformed("An address to sign for must be in its encoded form.")
    try:
        where = URL(url, encoded=True)
        odd = where.scheme not in ("http", "https") or not where.host or "@" in where.raw_authority
    except ValueError as error:
        raise Malformed("This address cannot be read.") from error
    if odd:
        raise Malformed("Only plain http and https addresses can be signed for.")
    return where


def _signature_header(key_id: str, private_pem: str, names: list[str], data: bytes) -> str:
    # draft 2.1.3: hs2019 is the only name for what is not RSA-SHA256
    algorithm = "rsa-sha256" if keys.algorithm_of_private(private_pem) == "rsa" else "hs2019"
    signature = base64.b64encode(keys.sign(private_pem, data)).decode("ascii")
    return (
        f'keyId="{key_id}",algorithm="{algorithm}",'
        f'headers="{" ".join(names)}",signature="{signature}"'
    )


def digest(body: bytes) -> str:
    """The value of a Digest header (RFC 3230)."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def imf_fixdate(moment: datetime) -> str:
    """The value of a Date header (RFC 9110 §5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


# Incoming


def parse(
    request: Request,
    *,
    authority: str,
    now: datetime,
    max_age: timedelta = MAX_AGE,
    max_future: timedelta = MAX_FUTURE,
) -> Signed:
    """Make every check that needs no key; `authority` is our own host, with its port if any.

    Raises Unauthenticated with the reason.
    """
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), []).append(value)
    if any(value.lower().startswith("signature") for value in headers.get("authorization", ())):
        raise Unauthenticated("A signature belongs in the header “Signature”.")
    scheme = _scheme(headers)
    return scheme(request, headers, authority, _Window(now, max_age, max_future))


def verify(signed: Signed, public_pem: str) -> None:
    """Check the signature; raises Unauthenticated unless it is good."""
    try:
        asked = _ALGORITHMS.get(signed.algorithm)
        if asked is not None and asked != keys.algorithm_of(public_pem):
            raise Unauthenticated("The signature names another algorithm than its key has.")
        good = keys.verify(public_pem, signed.signature, signed.data)
    except Malformed as error:
        raise Unauthenticated(f"The key cannot be used. {error}") from error
    if good is not True:
        raise Unauthenticated("The signature does not match.")


def _scheme(headers: _Headers) -> _Scheme:
    announced = next((name for name in ("signature-input", "signature") if name in headers), None)
    if announced is None:
        raise Unauthenticated("The request is not signed.")
    scheme = _SCHEMES.get(announced)
    if scheme is None:
        raise Unauthenticated("The request is signed in a way that this server does not read.")
    return scheme


# draft-cavage-http-signatures-12


def _draft_cavage(request: Request, headers: _Headers, authority: str, window: _Window) -> Signed:
    message = _message(request, headers)
    _check_names(message.parameters)
    _check_listed(message)
    if message.value("host").lower() != authority.lower():
        raise Unauthenticated("The request was signed for another host.")
    at, valid_until = _times(message, window)
    if "digest" in message.listed and request.body is not None:
        _check_digest(message.value("digest"), request.body)
    return _parse_parameters(message, at, valid_until)


def _parse_parameters(message: _Message, at: datetime, valid_until: datetime) -> Signed:
    key_id = message.parameters["keyid"]
    signature = _unbase64(message.parameters["signature"])
    return Signed(
        key_id=key_id,
        algorithm=message.parameters.get("algorithm"),
        signature=signature,
        data=_signing_string(message),
        digest_of_signature=hashlib.sha256(key_id.encode("ascii") + b"\n" + signature).hexdigest(),
        at=at,
        valid_until=valid_until,
    )


def _message(request: Request, headers: _Headers) -> _Message:
    if len(headers["signature"]) != 1:
        raise Unauthenticated("There must be exactly one signature.")
    if not request.method.isascii() or not request.method.isalpha():
        raise Unauthenticated("The method cannot be signed.")
    if not _TARGET.fullmatch(request.target):
        raise Unauthenticated("The path cannot be signed.")
    parameters = _parameters(headers["signature"][0].strip(" \t"))
    # Without this parameter the draft means "(created)", which is too little for us anyway.
    listed = parameters.get("headers", "").lower().split(" ")
    return _Message(request, headers, parameters, listed)


def _parameters(header: str) -> dict[str, str]:
    """The one parser of the header; names come out in lower case."""
    if len(header) > _MOST_HEADER:
        raise Unauthenticated("The signature is too long.")
    found: dict[str, str] = {}
    position = 0
    while match := _PARAMETER.match(header, position):
        _keep(found, match)
        if match.end() == len(header):
            return found
        comma = _COMMA.match(header, match.end())
        if comma is None:
            break
        position = comma.end()
    raise Unauthenticated("The signature cannot be read.")


def _keep(found: dict[str, str], match: re.Match[str]) -> None:
    name, number = match[1].lower(), match[3] is not None
    if name in found:
        raise Unauthenticated(f"The signature has the parameter “{name}” twice.")
    if number != (name in _NUMBERS):
        raise Unauthenticated(f"The parameter “{name}” of the signature has the wrong form.")
    found[name] = match[3] if number else match[2]


def _check_names(parameters: Mapping[str, str]) -> None:
    key_id = parameters.get("keyid", "")
    if len(key_id) > _MOST_KEY_ID or not _KEY_ID.fullmatch(key_id):
        raise Unauthenticated("The signature does not say by which key it was made.")
    if parameters.get("algorithm") not in _ALGORITHMS:
        raise Unauthenticated("The signature uses an algorithm that is not accepted.")
    if not parameters.get("signature"):
        raise Unauthenticated("The signature is empty.")


def _check_listed(message: _Message) -> None:
    """SECURITY 2: what must be signed is signed, and nothing is listed twice."""
    listed = message.listed
    if len(listed) > _MOST_LISTED or len(set(listed)) != len(listed):
        raise Unauthenticated("The signature lists a header twice, or too many.")
    if any(name not in _PSEUDO and not _HEADER_NAME.fullmatch(name) for name in listed):
        raise Unauthenticated("The signature lists what is not a header.")
    for name in _required_components(message.request):
        if name not in listed:
            raise Unauthenticated(f"The signature does not cover “{name}”.")
    timed = "(created)" in listed or "(expires)" in listed
    if timed and message.parameters.get("algorithm") not in _TIMED_ALGORITHMS:
        raise Unauthenticated("This algorithm does not go with “(created)” or “(expires)”.")


def _required_components(request: Request) -> tuple[str, ...]:
    if request.method.upper() in _BODILESS and not request.body:
        return "(request-target)", "host"
    return "(request-target)", "host", "digest"


def _times(message: _Message, window: _Window) -> tuple[datetime, datetime]:
    """Moment of the signature, and until when it can pass, by what the signature covers.

    Times that it does not cover could have been left out by whoever replays the request: they
    can refuse it, and never shorten how long it is remembered.
    """
    covered = []
    if "date" in message.listed:
        covered.append(_date(message.value("date")))
    if "(created)" in message.listed:
        covered.append(_stamp(message, "created"))
    if not covered:
        raise Unauthenticated("The signature covers neither “date” nor “(created)”.")
    claimed = [_stamp(message, "created")] if "created" in message.parameters else []
    for moment in covered + claimed:
        window.check(moment)
    at = min(covered)
    return at, _until(message, window, at + window.past)


def _until(message: _Message, window: _Window, latest: datetime) -> datetime:
    covered = "(expires)" in message.listed
    if not covered and "expires" not in message.parameters:
        return latest
    expires = _stamp(message, "expires")
    if expires < window.now:
        raise Unauthenticated("The signature has expired.")
    return min(latest, expires) if covered else latest


def _stamp(message: _Message, name: str) -> datetime:
    number = message.parameters.get(name)
    if number is None:
        raise Unauthenticated(f"The signature covers “({name})” without saying it.")
    return datetime.fromtimestamp(int(number), UTC)


def _date(text: str) -> datetime:
    match = _IMF_FIXDATE.fullmatch(text)
    if match is None:
        raise Unauthenticated("The date cannot be read.")
    day, year, month = int(match[2]), int(match[4]), _MONTHS.index(match[3]) + 1
    try:
        moment = datetime(year, month, day, int(match[5]), int(match[6]), int(match[7]), tzinfo=UTC)
    except ValueError as error:
        raise Unauthenticated("The date does not exist.") from error
    if _DAYS[moment.weekday()] != match[1]:
        raise Unauthenticated("The date has the wrong day of the week.")
    return moment


def _check_digest(header: str, body: bytes) -> None:
    """SECURITY 3: SHA-256 over the bytes that came, once, whatever other digests there are."""
    found = []
    for part in header.split(","):
        match = _DIGEST.fullmatch(part.strip(" \t"))
        if match is None:
            raise Unauthenticated("The digest cannot be read.")
        if match[1].lower() == "sha-256":
            found.append(_unbase64(match[2]))
    if len(found) != 1:
        raise Unauthenticated("There must be exactly one SHA-256 digest.")
    if not hmac.compare_digest(found[0], hashlib.sha256(body).digest()):
        raise Unauthenticated("The digest does not match the body.")


def _unbase64(text: str) -> bytes:
    try:
        return keys.decode_base64(text)
    except Malformed as error:
        raise Unauthenticated("The signature or the digest is not base64.") from error


def _signing_string(message: _Message) -> bytes:
    """Draft 2.3, in the order in which the signature lists them."""
    text = "\n".join(f"{name}: {_signature_base(message, name)}" for name in message.listed)
    try:
        # surrogateescape: gives back the bytes that the server could not read as UTF-8
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Unauthenticated("A signed header cannot be read.") from error


def _signature_base(message: _Message, name: str) -> str:
    if name == "(request-target)":
        return f"{message.request.method.lower()} {message.request.target}"
    if name in _PSEUDO:
        return message.parameters[name.strip("()")]
    return message.value(name)


_SCHEMES: Mapping[str, _Scheme] = {"signature": _draft_cavage}
