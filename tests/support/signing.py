"""A signer of requests apart from ours, for tests of HTTP signatures, and what goes with it."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from federation.errors import Unauthenticated
from federation.transport import keys, signatures
from federation.transport.signatures import Request, Signed

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
CREATED = str(int(NOW.timestamp()))
HOST = "ours.test"
KEY_ID = "https://theirs.test/actors/7#main-key"
BODY = b'{"type":"Like"}'
DIGEST = signatures.digest(BODY)
AND_SHA512 = f",SHA-512={base64.b64encode(hashlib.sha512(BODY).digest()).decode()}"
RSA = keys.make_rsa()
ED25519 = keys.make_ed25519()
OTHER = keys.make_rsa()
LISTED = ["(request-target)", "host", "date", "digest", "content-type"]
MINUTE = timedelta(minutes=1)

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Sender:
    """A signer of its own, apart from ours, which signs whatever it is told, sane or not."""

    method: str = "POST"
    target: str = "/inbox"
    body: bytes = BODY
    headers: Headers = field(
        default_factory=lambda: [
            ("Host", HOST),
            ("Date", DATE),
            ("Digest", DIGEST),
            ("Content-Type", "application/activity+json"),
        ]
    )
    listed: Sequence[str] = tuple(LISTED)
    parameters: dict[str, str] = field(
        default_factory=lambda: {"keyId": f'"{KEY_ID}"', "algorithm": '"rsa-sha256"'}
    )
    key: keys.KeyPair = RSA

    def string(self) -> bytes:
        """The signing string, as the draft says it in 2.3."""
        values = {"(request-target)": f"{self.method.lower()} {self.target}"}
        values |= {f"({name})": self.parameters.get(name, "") for name in ("created", "expires")}
        for name, value in self.headers:
            before = values.get(name.lower())
            values[name.lower()] = value if before is None else f"{before}, {value}"
        lines = [f"{name.lower()}: {values.get(name.lower(), '')}" for name in self.listed]
        return "\n".join(lines).encode()

    def header(self) -> str:
        signature = base64.b64encode(keys.sign(self.key.private_pem, self.string())).decode()
        own = {"headers": f'"{" ".join(self.listed)}"', "signature": f'"{signature}"'}
        return ",".join(f"{name}={value}" for name, value in (self.parameters | own).items())

    def request(self) -> Request:
        headers = [*self.headers, ("Signature", self.header())]
        return Request(self.method, self.target, headers, self.body)

    def with_header(self, name: str, value: str | None) -> "Sender":
        kept = [header for header in self.headers if header[0] != name]
        return replace(self, headers=kept if value is None else [*kept, (name, value)])

    def with_parameters(self, **changed: str | None) -> "Sender":
        both = self.parameters | changed
        return replace(self, parameters={k: v for k, v in both.items() if v is not None})


def timed(**parameters: str | None) -> Sender:
    """A sender that signs (created) instead of Date, as hs2019."""
    listed = ["(request-target)", "(created)", "host", "digest"]
    values: dict[str, str | None] = {"algorithm": '"hs2019"', "created": CREATED}
    return replace(Sender(), listed=listed).with_parameters(**(values | parameters))


def getter() -> Sender:
    headers = [("Host", HOST), ("Date", DATE)]
    return Sender("GET", "/a?b=%2F", b"", headers, ["(request-target)", "host", "date"])


def accept(request: Request, public_pem: str = RSA.public_pem, now: datetime = NOW) -> Signed:
    signed = signatures.parse(request, authority=HOST, now=now)
    signatures.verify(signed, public_pem)
    return signed


def accepted(request: Request, public_pem: str = RSA.public_pem, now: datetime = NOW) -> bool:
    try:
        accept(request, public_pem, now)
    except Unauthenticated:
        return False
    return True


def refused_unread(request: Request, now: datetime = NOW) -> str:
    """The reason of a refusal that came before any key was asked for."""
    with pytest.raises(Unauthenticated, match=r"^[A-Z].*\.$") as caught:
        signatures.parse(request, authority=HOST, now=now)
    return str(caught.value)


def rewritten(sender: Sender, change: Callable[[str], str]) -> Request:
    """The request with its Signature header changed after signing."""
    return replace(
        sender.request(), headers=[*sender.headers, ("Signature", change(sender.header()))]
    )


def headers_of(request: Request, *more: tuple[str, str]) -> Request:
    return replace(request, headers=[*request.headers, *more])


def swapped(name: str, value: str) -> Request:
    """A good request with one header changed on the way."""
    request = Sender().request()
    changed = [(n, value if n == name else v) for n, v in request.headers]
    return replace(request, headers=changed)


def dated(sender: Sender, at: datetime) -> Sender:
    if "(created)" in sender.listed:
        return sender.with_parameters(created=str(int(at.timestamp())))
    return sender.with_header("Date", signatures.imf_fixdate(at))
