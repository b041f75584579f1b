"""HTTP signatures: whatever was tampered with is refused (SECURITY A1-A4)."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from federation.errors import Unauthenticated
from federation.transport import keys, signatures
from federation.transport.signatures import Request
from tests.support.signing import (
    AND_SHA512,
    BODY,
    CREATED,
    DATE,
    DIGEST,
    ED25519,
    HOST,
    KEY_ID,
    LISTED,
    NOW,
    OTHER,
    RSA,
    Sender,
    getter,
    headers_of,
    refused_unread,
    rewritten,
    swapped,
    timed,
)

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
def test_malformed_request_is_refused_before_any_key(request_: Request) -> None:
    assert refused_unread(request_)


@pytest.mark.parametrize("request_", FALSE.values(), ids=FALSE.keys())
def test_false_signature_is_refused_with_its_key(request_: Request) -> None:
    signed = signatures.parse(request_, authority=HOST, now=NOW)
    with pytest.raises(Unauthenticated, match=r"^The signature .*\.$"):
        signatures.verify(signed, RSA.public_pem)


def test_corpus_is_counted() -> None:
    print(f"{len(UNREAD) + len(FALSE)} tampered requests refused, {len(UNREAD)} without a key")
    assert len(UNREAD) + len(FALSE) >= 60


# SECURITY A2


def test_required_part_is_missed_when_it_is_not_signed() -> None:
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


def test_signed_header_is_missed_when_it_is_taken_away() -> None:
    cells = [(s, name) for s in (Sender(), getter()) for name, _ in s.headers]
    for sender, name in cells:
        assert name.lower() in refused_unread(sender.with_header(name, None).request())
        stripped = sender.request()
        kept = [header for header in stripped.headers if header[0] != name]
        refused_unread(replace(stripped, headers=kept))
    print(f"{len(cells)} signed headers taken away in turn")
    assert len(cells) == 6


# SECURITY A4


def test_signature_for_one_server_is_not_good_at_another() -> None:
    request = Sender().request()
    with pytest.raises(Unauthenticated, match="another host"):
        signatures.parse(request, authority="victim.test", now=NOW)
    local = Sender().with_header("Host", "localhost:8000").request()
    signatures.parse(local, authority="localhost:8000", now=NOW)
    with pytest.raises(Unauthenticated):
        signatures.parse(local, authority="localhost", now=NOW)
