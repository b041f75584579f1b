"""HTTP signatures: what is made is accepted, and whatever was tampered with is refused."""

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from federation import keys, signatures
from federation.errors import FederationError, Malformed, Unauthenticated
from federation.signatures import Request, Signed

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
CREATED = str(int(NOW.timestamp()))
HOST = "ours.test"
KEY_ID = "https://theirs.test/actors/7#main-key"
BODY = b'{"type":"Like"}'
DIGEST = signatures.digest(BODY)
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


# What we make


@pytest.mark.parametrize("pair", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("body", [BODY, b"", None])
@pytest.mark.parametrize(
    "url", [f"https://{HOST}/inbox", f"https://{HOST}", f"https://{HOST}/%C3%A4/%2f?a=%20+b&c="]
)
def test_what_we_sign_is_accepted(pair: keys.KeyPair, body: bytes | None, url: str) -> None:
    method = "GET" if body is None else "POST"
    headers = signatures.sign_request(
        method, url, body, key_id=KEY_ID, private_pem=pair.private_pem, now=NOW
    )
    target = URL(url, encoded=True).raw_path_qs
    signed = accept(Request(method, target, list(headers.items()), body or b""), pair.public_pem)
    assert (signed.key_id, signed.at) == (KEY_ID, NOW)
    assert signed.valid_until == NOW + timedelta(hours=1)
    assert ("Digest" in headers) == ("Content-Type" in headers) == (body is not None)


def test_a_post_covers_what_strict_servers_ask_for() -> None:
    headers = signatures.sign_request(
        "POST",
        f"https://{HOST}/inbox?a=b",
        BODY,
        key_id=KEY_ID,
        private_pem=RSA.private_pem,
        now=NOW,
    )
    sent = {name: value for name, value in headers.items() if name != "Signature"}
    assert sent == {
        "Host": HOST,
        "Date": DATE,
        "Digest": "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
        "Content-Type": "application/activity+json",
    }
    assert headers["Signature"].startswith(
        f'keyId="{KEY_ID}",algorithm="rsa-sha256",'
        'headers="(request-target) host date digest content-type",signature="'
    )
    string = (
        f"(request-target): post /inbox?a=b\nhost: {HOST}\ndate: {DATE}\ndigest: {DIGEST}\n"
        "content-type: application/activity+json"
    )
    signature = base64.b64decode(headers["Signature"].rsplit('"', 2)[1])
    assert keys.verify(RSA.public_pem, signature, string.encode()) is True


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.test/x", "a.test"),
        ("https://a.test:443/x", "a.test"),
        ("http://a.test:80/x", "a.test"),
        ("https://a.test:8443/x", "a.test:8443"),
        ("http://127.0.0.1:8201/x", "127.0.0.1:8201"),
        ("http://[::1]:8201/x", "[::1]:8201"),
    ],
)
def test_the_host_has_its_port_unless_it_goes_without_saying(url: str, host: str) -> None:
    headers = signatures.sign_request(
        "GET", url, None, key_id=KEY_ID, private_pem=ED25519.private_pem, now=NOW
    )
    assert headers["Host"] == host


@pytest.mark.parametrize(
    "url",
    ["", "/inbox", "ftp://a.test/", "https:///x", "https://a.test/ä", "https://a.test/a b",
     "https://a.test/\r\nX: y", "https://u:p@a.test/", "https://a.test:port/", "https://[::1/"],
)  # fmt: skip
def test_an_odd_address_is_not_signed_for(url: str) -> None:
    with pytest.raises(Malformed):
        signatures.sign_request(
            "GET", url, None, key_id=KEY_ID, private_pem=ED25519.private_pem, now=NOW
        )


def test_the_date_is_in_universal_time_whatever_the_zone() -> None:
    headers = signatures.sign_request(
        "GET",
        f"https://{HOST}/",
        None,
        key_id=KEY_ID,
        private_pem=ED25519.private_pem,
        now=datetime.fromisoformat("2026-03-01T14:00:00+02:00"),
    )
    assert headers["Date"] == DATE


# What is accepted from others


AND_SHA512 = f",SHA-512={base64.b64encode(hashlib.sha512(BODY).digest()).decode()}"
GOOD: dict[str, Sender] = {
    "plain": Sender(),
    "GET": getter(),
    "HEAD": replace(getter(), method="HEAD"),
    "no algorithm": Sender().with_parameters(algorithm=None),
    "hs2019": Sender().with_parameters(algorithm='"hs2019"'),
    "(created)": timed(),
    "(created), no algorithm": timed(algorithm=None),
    "(created) and (expires)": replace(
        timed(expires=str(int(CREATED) + 60)),
        listed=["(request-target)", "(created)", "(expires)", "host", "digest"],
    ),
    "created beside date": Sender().with_parameters(created=CREATED),
    "ed25519": replace(Sender(), key=ED25519).with_parameters(algorithm='"ed25519"'),
    "ed25519 as hs2019": replace(Sender(), key=ED25519).with_parameters(algorithm='"hs2019"'),
    "unknown parameter": Sender().with_parameters(opaque='"x"'),
    "host in capitals": Sender().with_header("Host", HOST.upper()),
    "digest name in lower case": Sender().with_header("Digest", DIGEST.replace("SHA", "sha")),
    "two digests": Sender().with_header("Digest", DIGEST + AND_SHA512),
    "two digests with a space": Sender().with_header(
        "Digest", DIGEST + AND_SHA512.replace(",", ", ")
    ),
    "listed in capitals": replace(Sender(), listed=[name.upper() for name in LISTED]),
    "many headers": replace(
        Sender(),
        headers=[*Sender().headers, ("Accept", "*/*"), ("X-Empty", ""), ("X-Word", "tab\tword")],
        listed=["accept", "x-empty", "x-word", *LISTED],
    ),
    "UTF-8 in a header": replace(
        Sender().with_header("X-Name", "grün"), listed=[*LISTED, "x-name"]
    ),
}


@pytest.mark.parametrize("sender", GOOD.values(), ids=GOOD.keys())
def test_a_good_signature_is_accepted(sender: Sender) -> None:
    signed = accept(sender.request(), sender.key.public_pem)
    assert (signed.key_id, signed.data, signed.at) == (KEY_ID, sender.string(), NOW)


def test_unusual_spelling_of_the_header_is_read_once_and_alike() -> None:
    spelled = [
        lambda header: header.replace(",", " ,\t "),
        lambda header: f" {header}\t",
        lambda header: header.replace("keyId=", "KEYID=").replace("headers=", "Headers="),
    ]
    first = accept(Sender().request())
    for change in spelled:
        assert accept(rewritten(Sender(), change)) == first


def test_blanks_around_a_header_are_not_signed() -> None:
    request = Sender().request()
    padded = [(name, f"  {value}\t") for name, value in request.headers]
    assert accepted(replace(request, headers=padded))


def test_other_headers_may_come_twice() -> None:
    assert accepted(headers_of(Sender().request(), ("Via", "a"), ("Via", "b")))


# SECURITY A1: the corpus

SHA512_ONLY = AND_SHA512[1:]
WRONG_DIGEST = signatures.digest(b"other")
MANY = [(f"x-{number}", "x") for number in range(28)]
UNREAD: dict[str, Request] = {
    # the header itself
    "unsigned": Request("POST", "/inbox", Sender().headers, BODY),
    "two signatures": headers_of(Sender().request(), ("signature", Sender().header())),
    "in Authorization": Request(
        "POST",
        "/inbox",
        [*Sender().headers, ("Authorization", f"Signature {Sender().header()}")],
        BODY,
    ),
    "also in Authorization": headers_of(
        Sender().request(), ("authorization", f"Signature {Sender().header()}")
    ),
    "RFC 9421": headers_of(Sender().request(), ("Signature-Input", 'sig1=("@method");keyid="x"')),
    "empty": rewritten(Sender(), lambda _: ""),
    "garbage": rewritten(Sender(), lambda _: "garbage"),
    "with a scheme": rewritten(Sender(), lambda header: f"Signature {header}"),
    "trailing comma": rewritten(Sender(), lambda header: header + ","),
    "leading comma": rewritten(Sender(), lambda header: "," + header),
    "no comma": rewritten(Sender(), lambda header: header.replace('",', '" ')),
    "semicolons": rewritten(Sender(), lambda header: header.replace('",', '";')),
    "unquoted keyId": Sender().with_parameters(keyId=KEY_ID).request(),
    "single quotes": Sender().with_parameters(keyId=f"'{KEY_ID}'").request(),
    "unclosed quote": rewritten(Sender(), lambda header: header[:-1]),
    "escaped quote": Sender().with_parameters(keyId=f'"{KEY_ID}\\""').request(),
    "blank before the equals sign": rewritten(Sender(), lambda h: h.replace("keyId=", "keyId =")),
    "9 kB": Sender().with_parameters(opaque='"' + "x" * 9_000 + '"').request(),
    "newline": Sender().with_parameters(opaque='"a\nb"').request(),
    "not ASCII": Sender().with_parameters(opaque='"ä"').request(),
    "keyId twice": Sender().with_parameters(keyid='"https://evil.test/key"').request(),
    "headers twice": Sender().with_parameters(HEADERS='"date"').request(),
    "signature twice": Sender().with_parameters(Signature='"QQ=="').request(),
    "algorithm twice": Sender().with_parameters(ALGORITHM='"rsa-sha256"').request(),
    "created in quotes": timed(created=f'"{CREATED}"').request(),
    "created with a fraction": timed(created=f"{CREATED}.5").request(),
    "created negative": timed(created="-1").request(),
    "created enormous": timed(created="9" * 30).request(),
    "number for a text": Sender().with_parameters(algorithm="1").request(),
    # what it says
    "no keyId": Sender().with_parameters(keyId=None).request(),
    "empty keyId": Sender().with_parameters(keyId='""').request(),
    "keyId not http": Sender().with_parameters(keyId='"acct:a@theirs.test"').request(),
    "keyId of a file": Sender().with_parameters(keyId='"file:///etc/passwd"').request(),
    "keyId without a host": Sender().with_parameters(keyId='"https:///key"').request(),
    "keyId with a space": Sender().with_parameters(keyId='"https://a.test/ key"').request(),
    "keyId of 2049": Sender().with_parameters(keyId=f'"https://a.test/{"k" * 2034}"').request(),
    "no signature": rewritten(Sender(), lambda header: header.split(",signature=")[0]),
    "empty signature": rewritten(Sender(), lambda h: re.sub('signature=".*"', 'signature=""', h)),
    "signature not base64": rewritten(Sender(), lambda h: h.replace('signature="', 'signature="*')),
    "signature unpadded": rewritten(Sender(), lambda h: h[:-1].rstrip("=") + '"'),
    "signature with a blank": rewritten(Sender(), lambda h: h.replace('ture="', 'ture=" ')),
    "hmac": Sender().with_parameters(algorithm='"hmac-sha256"').request(),
    "none": Sender().with_parameters(algorithm='"none"').request(),
    "empty algorithm": Sender().with_parameters(algorithm='""').request(),
    "rsa-sha1": Sender().with_parameters(algorithm='"rsa-sha1"').request(),
    "rsa-sha512": Sender().with_parameters(algorithm='"rsa-sha512"').request(),
    "ecdsa": Sender().with_parameters(algorithm='"ecdsa-sha256"').request(),
    "algorithm in capitals": Sender().with_parameters(algorithm='"RSA-SHA256"').request(),
    # what it covers
    "no headers parameter": rewritten(Sender(), lambda h: re.sub(r'headers="[^"]*",', "", h)),
    "empty headers parameter": replace(Sender(), listed=[""]).request(),
    "host listed twice": replace(Sender(), listed=[*LISTED, "host"]).request(),
    "host listed twice in capitals": replace(Sender(), listed=[*LISTED, "HOST"]).request(),
    "two spaces": replace(Sender(), listed=["", *LISTED]).request(),
    "33 listed": replace(
        Sender(), headers=[*Sender().headers, *MANY], listed=[*LISTED, *(name for name, _ in MANY)]
    ).request(),
    "unknown pseudo-header": replace(
        Sender().with_header("(query)", "x"), listed=[*LISTED, "(query)"]
    ).request(),
    "listed and absent": replace(Sender(), listed=[*LISTED, "x-absent"]).request(),
    "rsa-sha256 with (created)": timed(algorithm='"rsa-sha256"').request(),
    "rsa-sha256 with (expires)": replace(
        Sender().with_parameters(expires=str(int(CREATED) + 60)), listed=[*LISTED, "(expires)"]
    ).request(),
    "(created) without created": timed(created=None).request(),
    "(expires) without expires": replace(timed(), listed=[*timed().listed, "(expires)"]).request(),
    # headers
    "Host twice": headers_of(Sender().request(), ("host", HOST)),
    "Date twice": headers_of(Sender().request(), ("date", DATE)),
    "Digest twice": headers_of(Sender().request(), ("digest", DIGEST)),
    "signed with two hosts": replace(
        Sender(), headers=[*Sender().headers, ("Host", HOST)]
    ).request(),
    "Content-Type twice": headers_of(Sender().request(), ("content-type", "text/html")),
    "no Host": Sender().with_header("Host", None).request(),
    "no Date": Sender().with_header("Date", None).request(),
    "no Digest": Sender().with_header("Digest", None).request(),
    "line break in a header": Sender().with_header("Content-Type", "a\ndate: b").request(),
    "NUL in a header": Sender().with_header("Content-Type", "a\0b").request(),
    "lone surrogate in a header": replace(
        Sender().request(),
        headers=[
            (n, "\ud800" if n == "Content-Type" else v) for n, v in Sender().request().headers
        ],
    ),
    # the first line
    "line break in the path": replace(Sender(), target="/inbox\nhost: x").request(),
    "space in the path": replace(Sender(), target="/in box").request(),
    "whole address as path": replace(Sender(), target=f"https://{HOST}/inbox").request(),
    "empty path": replace(Sender(), target="").request(),
    "odd method": replace(Sender(), method="PO ST").request(),
    "empty method": replace(Sender(), method="").request(),
    # SECURITY A3: the digest
    "other body": replace(Sender().request(), body=b'{"type":"Flag"}'),
    "cut body": replace(Sender().request(), body=BODY[:-1]),
    "longer body": replace(Sender().request(), body=BODY + b" "),
    "no body": replace(Sender().request(), body=b""),
    "wrong digest": Sender().with_header("Digest", WRONG_DIGEST).request(),
    "SHA-512 alone": Sender().with_header("Digest", SHA512_ONLY).request(),
    "MD5 alone": Sender()
    .with_header("Digest", "MD5=" + base64.b64encode(hashlib.md5(BODY).digest()).decode())  # noqa: S324
    .request(),
    "SHA-256 twice": Sender().with_header("Digest", f"{DIGEST},{DIGEST}").request(),
    "good and bad SHA-256": Sender().with_header("Digest", f"{DIGEST},{WRONG_DIGEST}").request(),
    "bad and good SHA-256": Sender().with_header("Digest", f"{WRONG_DIGEST},{DIGEST}").request(),
    "two spellings of SHA-256": Sender()
    .with_header("Digest", f"{DIGEST},{DIGEST.replace('SHA', 'sha')}")
    .request(),
    "digest not base64": Sender().with_header("Digest", "SHA-256=*").request(),
    "digest unpadded": Sender().with_header("Digest", DIGEST.rstrip("=")).request(),
    "digest in hex": Sender()
    .with_header("Digest", f"SHA-256={hashlib.sha256(BODY).hexdigest()}")
    .request(),
    "cut digest": Sender()
    .with_header(
        "Digest", "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()[:30]).decode()
    )
    .request(),
    "empty digest": Sender().with_header("Digest", "").request(),
    "digest without a name": Sender().with_header("Digest", DIGEST[8:]).request(),
    "digest with a trailing comma": Sender().with_header("Digest", DIGEST + ",").request(),
    "body on a GET, not covered": replace(getter(), body=b"x").request(),
    "wrong digest on a GET": replace(
        getter().with_header("Digest", WRONG_DIGEST), listed=[*getter().listed, "digest"]
    ).request(),
    # SECURITY A4: for whom
    "other host": Sender().with_header("Host", "other.test").request(),
    "host with another port": Sender().with_header("Host", f"{HOST}:8443").request(),
    "host with a dot": Sender().with_header("Host", f"{HOST}.").request(),
    "host beneath ours": Sender().with_header("Host", f"a.{HOST}").request(),
    "forwarded host": Sender()
    .with_header("Host", "other.test")
    .with_header("X-Forwarded-Host", HOST)
    .request(),
    "empty host": Sender().with_header("Host", "").request(),
    # SECURITY A5: dates that cannot be read
    "date in ISO form": Sender().with_header("Date", "2026-03-01T12:00:00Z").request(),
    "date with an offset": Sender().with_header("Date", DATE.replace("GMT", "+0000")).request(),
    "date without a zone": Sender().with_header("Date", DATE[:-4]).request(),
    "date of RFC 850": Sender().with_header("Date", "Sunday, 01-Mar-26 12:00:00 GMT").request(),
    "date of asctime": Sender().with_header("Date", "Sun Mar  1 12:00:00 2026").request(),
    "date with a wrong weekday": Sender().with_header("Date", DATE.replace("Sun", "Mon")).request(),
    "date that does not exist": Sender()
    .with_header("Date", "Mon, 30 Feb 2026 12:00:00 GMT")
    .request(),
    "date with other digits": Sender().with_header("Date", DATE.replace("01", "٠١")).request(),
    "date in lower case": Sender().with_header("Date", DATE.lower()).request(),
    "year 0": Sender().with_header("Date", "Sun, 01 Mar 0000 12:00:00 GMT").request(),
    "empty date": Sender().with_header("Date", "").request(),
}


def flipped(header: str) -> str:
    """The same header with one bit of the signature the other way round."""
    before, text = header.rsplit('signature="', 1)
    raw = bytearray(base64.b64decode(text[:-1]))
    raw[10] ^= 1
    return f'{before}signature="{base64.b64encode(raw).decode()}"'


def hashed(header: str, algorithm: hashes.HashAlgorithm) -> str:
    """The same header with a true signature that uses another hash."""
    key = keys.private_key(RSA.private_pem)
    assert isinstance(key, rsa.RSAPrivateKey)
    raw = key.sign(Sender().string(), padding.PKCS1v15(), algorithm)
    before, _ = header.rsplit('signature="', 1)
    return f'{before}signature="{base64.b64encode(raw).decode()}"'


def swapped(name: str, value: str) -> Request:
    """A good request with one header changed on the way."""
    request = Sender().request()
    changed = [(n, value if n == name else v) for n, v in request.headers]
    return replace(request, headers=changed)


FALSE: dict[str, Request] = {
    "other method": replace(Sender().request(), method="PUT"),
    "other path": replace(Sender().request(), target="/users/bob/inbox"),
    "added query": replace(Sender().request(), target="/inbox?a"),
    "path decoded": replace(replace(getter(), target="/%61").request(), target="/a"),
    "later date": swapped("Date", "Sun, 01 Mar 2026 12:00:01 GMT"),
    "other content type": swapped("Content-Type", "text/html"),
    "body and digest changed": replace(swapped("Digest", WRONG_DIGEST), body=b"other"),
    "order of the list": rewritten(Sender(), lambda h: h.replace("host date", "date host")),
    "shorter list": rewritten(Sender(), lambda h: h.replace(" content-type", "")),
    "changed bit": rewritten(Sender(), flipped),
    "other key": replace(Sender(), key=OTHER).request(),
    "key of another kind": replace(Sender(), key=ED25519).request(),
    "later created": rewritten(timed(), lambda h: h.replace(CREATED, str(int(CREATED) + 1))),
    "later expires": rewritten(
        replace(timed(expires=CREATED), listed=[*timed().listed, "(expires)"]),
        lambda h: h.replace(f"expires={CREATED}", f"expires={int(CREATED) + 9}"),
    ),
    "algorithm of another key": Sender().with_parameters(algorithm='"ed25519"').request(),
    "SHA-1": rewritten(Sender(), lambda h: hashed(h, hashes.SHA1())),  # noqa: S303
    "SHA-512": rewritten(Sender(), lambda h: hashed(h, hashes.SHA512())),
}


@pytest.mark.parametrize("request_", UNREAD.values(), ids=UNREAD.keys())
def test_a_malformed_request_is_refused_before_any_key(request_: Request) -> None:
    refused_unread(request_)


@pytest.mark.parametrize("request_", FALSE.values(), ids=FALSE.keys())
def test_a_false_signature_is_refused_with_its_key(request_: Request) -> None:
    signed = signatures.parse(request_, authority=HOST, now=NOW)
    with pytest.raises(Unauthenticated, match=r"^The signature .*\.$"):
        signatures.verify(signed, RSA.public_pem)


def test_the_corpus_is_counted() -> None:
    print(f"{len(UNREAD) + len(FALSE)} tampered requests refused, {len(UNREAD)} without a key")
    assert len(UNREAD) + len(FALSE) >= 60


# SECURITY A2


def test_each_required_part_is_missed_when_it_is_not_signed() -> None:
    cells = [
        (sender, name)
        for sender in (Sender(), timed(), getter())
        for name in sender.listed
        if name != "content-type"
    ]
    for sender, name in cells:
        left = [listed for listed in sender.listed if listed != name]
        reason = refused_unread(replace(sender, listed=left).request())
        assert name in reason
    print(f"{len(cells)} required parts dropped in turn")
    assert len(cells) == 11


def test_each_signed_header_is_missed_when_it_is_taken_away() -> None:
    cells = [(s, name) for s in (Sender(), getter()) for name, _ in s.headers]
    for sender, name in cells:
        assert name.lower() in refused_unread(sender.with_header(name, None).request())
        stripped = sender.request()
        kept = [header for header in stripped.headers if header[0] != name]
        refused_unread(replace(stripped, headers=kept))
    print(f"{len(cells)} signed headers taken away in turn")
    assert len(cells) == 6


# SECURITY A4


def test_a_signature_for_one_server_is_not_good_at_another() -> None:
    request = Sender().request()
    with pytest.raises(Unauthenticated, match="another host"):
        signatures.parse(request, authority="victim.test", now=NOW)
    local = Sender().with_header("Host", "localhost:8000").request()
    signatures.parse(local, authority="localhost:8000", now=NOW)
    with pytest.raises(Unauthenticated):
        signatures.parse(local, authority="localhost", now=NOW)


# SECURITY A5

SECOND = timedelta(seconds=1)
CLOCK = [
    (timedelta(0), True),
    (-SECOND, True),
    (-59 * MINUTE, True),
    (-60 * MINUTE, True),
    (-60 * MINUTE - SECOND, False),
    (-timedelta(days=1), False),
    (-timedelta(days=9_000), False),
    (SECOND, True),
    (5 * MINUTE, True),
    (5 * MINUTE + SECOND, False),
    (timedelta(days=1), False),
    (timedelta(days=9_000), False),
]


def dated(sender: Sender, at: datetime) -> Sender:
    if "(created)" in sender.listed:
        return sender.with_parameters(created=str(int(at.timestamp())))
    return sender.with_header("Date", signatures.imf_fixdate(at))


@pytest.mark.parametrize("sender", [Sender(), timed(), getter()], ids=["date", "created", "get"])
@pytest.mark.parametrize(("offset", "good"), CLOCK)
def test_only_an_hour_back_and_five_minutes_ahead_are_accepted(
    sender: Sender, offset: timedelta, good: bool
) -> None:
    request = dated(sender, NOW + offset).request()
    assert accepted(request) is good
    if good:
        signed = accept(request)
        assert signed.at == NOW + offset
        assert signed.valid_until == NOW + offset + timedelta(hours=1)
        assert accepted(request, now=signed.valid_until)
        assert not accepted(request, now=signed.valid_until + SECOND)


def test_the_window_can_be_made_wider_for_old_software() -> None:
    request = dated(Sender(), NOW - timedelta(hours=11)).request()
    assert not accepted(request)
    signed = signatures.parse(request, authority=HOST, now=NOW, max_age=timedelta(hours=12))
    assert signed.valid_until == NOW + timedelta(hours=1)
    early = dated(Sender(), NOW + 50 * MINUTE).request()
    assert not accepted(early)
    signatures.parse(early, authority=HOST, now=NOW, max_future=timedelta(hours=1))


def test_of_two_signed_times_both_must_fit_and_the_earlier_counts() -> None:
    both = replace(timed(), listed=[*timed().listed, "date"])
    earlier = both.with_header("Date", signatures.imf_fixdate(NOW - 30 * MINUTE)).request()
    assert accept(earlier).at == NOW - 30 * MINUTE
    for offset in (-61 * MINUTE, 6 * MINUTE):
        moved = both.with_header("Date", signatures.imf_fixdate(NOW + offset))
        assert "signature is" in refused_unread(moved.request())


@pytest.mark.parametrize("covered", [True, False])
@pytest.mark.parametrize(("seconds", "good"), [(-3600, False), (-1, False), (0, True), (60, True)])
def test_an_expiry_is_honoured(covered: bool, seconds: int, good: bool) -> None:
    sender = timed(expires=str(int(CREATED) + seconds))
    if covered:
        sender = replace(sender, listed=[*sender.listed, "(expires)"])
    assert accepted(sender.request()) is good
    if good and covered:
        assert accept(sender.request()).valid_until == NOW + timedelta(seconds=seconds)


def test_an_expiry_that_is_not_signed_does_not_shorten_the_memory_of_replays() -> None:
    # Whoever replays the request can leave the parameter out.
    signed = accept(timed(expires=CREATED).request())
    assert signed.valid_until == NOW + timedelta(hours=1)
    bare = rewritten(timed(expires=CREATED), lambda h: h.replace(f"expires={CREATED},", ""))
    again = accept(bare, now=NOW + 30 * MINUTE)
    assert again.digest_of_signature == signed.digest_of_signature


def test_a_creation_time_that_is_not_signed_can_only_refuse() -> None:
    assert not accepted(Sender().with_parameters(created=str(int(CREATED) + 3600)).request())
    old = dated(Sender(), NOW - 61 * MINUTE).with_parameters(created=CREATED)
    assert not accepted(old.request())


# SECURITY A6: what the table of replays is told


def test_a_replay_has_the_same_name_however_it_is_spelled() -> None:
    first = accept(Sender().request())
    assert re.fullmatch("[0-9a-f]{64}", first.digest_of_signature)
    again = rewritten(Sender(), lambda h: h.replace(",", ", ").replace("keyId", "KeyID"))
    assert accept(again).digest_of_signature == first.digest_of_signature
    later = dated(Sender(), NOW + SECOND)
    assert accept(later.request()).digest_of_signature != first.digest_of_signature


def test_bits_that_base64_ignores_do_not_make_a_new_signature() -> None:
    """The last letter before the padding has bits that loose decoders drop."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def respelled(header: str) -> str:
        head, last = header[:-4], header[-4]
        return head + alphabet[alphabet.index(last) + 1] + '=="'

    assert Sender().header().endswith('=="')
    assert not accepted(rewritten(Sender(), respelled))


# SECURITY A7

NAMES = st.sampled_from(
    ["keyId", "keyid", "KEYID", "algorithm", "headers", "signature", "created", "expires", "x"]
)
VALUES = st.one_of(
    st.sampled_from(
        [f'"{KEY_ID}"', '"https://evil.test/k"', '"rsa-sha256"', '"none"', '"QQ=="', CREATED, '"']
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12),
    st.integers().map(str),
)
SEPARATORS = st.sampled_from([",", ", ", ",,", ";", " ", "\t,"])


def naive(header: str) -> list[tuple[str, str]]:
    """Another reading of a header, split at commas and equals signs."""
    parts = [part.strip(" \t") for part in header.split(",")]
    pairs = [part.partition("=") for part in parts]
    return [(name.lower(), value.strip('"')) for name, _, value in pairs]


@given(st.lists(st.tuples(NAMES, VALUES, SEPARATORS), max_size=5), st.booleans())
def test_whatever_is_accepted_was_made_by_the_key_that_is_named(
    parts: list[tuple[str, str, str]], before: bool
) -> None:
    extra = "".join(f"{name}={value}{separator}" for name, value, separator in parts)
    good = Sender().header()
    header = extra + good if before else f"{good},{extra}".rstrip(",")
    request = rewritten(Sender(), lambda _: header)
    try:
        signed = accept(request)
    except Unauthenticated:
        return
    assert signed.key_id == KEY_ID
    assert signed.data == Sender().string()
    assert [value for name, value in naive(header) if name == "keyid"] == [KEY_ID]


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_parameters_are_read_alike_by_another_reader_or_refused(
    parts: list[tuple[str, str]],
) -> None:
    header = ",".join(f"{name}={value}" for name, value in parts)
    with contextlib.suppress(Unauthenticated):
        signed = signatures.parse(rewritten(Sender(), lambda _: header), authority=HOST, now=NOW)
        assert ("keyid", signed.key_id) in naive(header)


@given(
    st.text(max_size=8),
    st.text(max_size=30),
    st.lists(st.tuples(st.sampled_from(["Host", "Date", "Digest", "Signature", "X"]), st.text())),
    st.binary(max_size=50),
)
def test_any_request_at_all_is_refused_and_breaks_nothing(
    method: str, target: str, headers: Headers, body: bytes
) -> None:
    with pytest.raises(Unauthenticated):
        accept(Request(method, target, headers, body))


@given(st.data())
def test_no_character_of_a_signed_request_can_be_changed(data: st.DataObject) -> None:
    """What the change touches is either not signed, or it is refused."""
    request = Sender().request()
    header = Sender().header()
    position = data.draw(st.integers(0, len(header) - 1))
    letter = data.draw(st.characters())
    changed = header[:position] + letter + header[position + 1 :]
    try:
        signed = accept(replace(request, headers=[*Sender().headers, ("Signature", changed)]))
    except Unauthenticated:
        return
    # The keyId and names of parameters are not signed; what is signed came out the same.
    assert signed.data == Sender().string()
    assert signed.signature == base64.b64decode(header.rsplit('"', 2)[1])


@given(st.text())
def test_the_date_is_read_only_in_the_one_form(text: str) -> None:
    with pytest.raises(Unauthenticated):
        accept(swapped("Date", text))


@given(st.datetimes(min_value=datetime(1000, 1, 1)))  # noqa: DTZ001
def test_every_date_that_we_write_is_read_back(when: datetime) -> None:
    aware = when.replace(microsecond=0, tzinfo=UTC)
    sender = Sender().with_header("Date", signatures.imf_fixdate(aware))
    signed = signatures.parse(
        sender.request(), authority=HOST, now=min(aware, datetime.max.replace(tzinfo=UTC))
    )
    assert signed.at == aware


# SECURITY A10


@pytest.mark.parametrize("pair", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("named", ["rsa-sha256", "ed25519", "hs2019", None])
def test_the_key_decides_the_algorithm_and_the_name_may_not_differ(
    pair: keys.KeyPair, named: str | None
) -> None:
    algorithm = None if named is None else f'"{named}"'
    sender = replace(Sender(), key=pair).with_parameters(algorithm=algorithm)
    fits = named in (None, "hs2019", {"rsa": "rsa-sha256", "ed25519": "ed25519"}[pair.algorithm])
    assert accepted(sender.request(), pair.public_pem) is fits


@pytest.mark.parametrize("pem", ["", "x" * 20_000, "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_an_unfit_key_verifies_nothing(pem: str) -> None:
    signed = signatures.parse(Sender().request(), authority=HOST, now=NOW)
    with pytest.raises(Unauthenticated, match="The key cannot be used"):
        signatures.verify(signed, pem)


def test_refusals_belong_to_the_errors_of_federation() -> None:
    assert issubclass(Unauthenticated, FederationError)
