"""HTTP signatures: what is made is accepted, and whatever is good of others."""

import base64
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from yarl import URL

from federation.errors import Malformed
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
    RSA,
    Sender,
    accept,
    accepted,
    getter,
    headers_of,
    rewritten,
    timed,
)

# What we make


@pytest.mark.parametrize("pair", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("body", [BODY, b"", None])
@pytest.mark.parametrize(
    "url", [f"https://{HOST}/inbox", f"https://{HOST}", f"https://{HOST}/%C3%A4/%2f?a=%20+b&c="]
)
def test_signature_of_ours_is_accepted(pair: keys.KeyPair, body: bytes | None, url: str) -> None:
    method = "GET" if body is None else "POST"
    headers = signatures.sign_request(
        method, url, body, key_id=KEY_ID, private_pem=pair.private_pem, now=NOW
    )
    target = URL(url, encoded=True).raw_path_qs
    signed = accept(Request(method, target, list(headers.items()), body or b""), pair.public_pem)
    assert (signed.key_id, signed.at) == (KEY_ID, NOW)
    assert signed.valid_until == NOW + timedelta(hours=1)
    assert ("Digest" in headers) == ("Content-Type" in headers) == (body is not None)


def test_post_covers_what_strict_servers_ask_for() -> None:
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
def test_host_has_its_port_unless_it_goes_without_saying(url: str, host: str) -> None:
    headers = signatures.sign_request(
        "GET", url, None, key_id=KEY_ID, private_pem=ED25519.private_pem, now=NOW
    )
    assert headers["Host"] == host


@pytest.mark.parametrize(
    "url",
    ["", "/inbox", "ftp://a.test/", "https:///x", "https://a.test/ä", "https://a.test/a b",
     "https://a.test/\r\nX: y", "https://u:p@a.test/", "https://a.test:port/", "https://[::1/"],
)  # fmt: skip
def test_odd_address_is_not_signed_for(url: str) -> None:
    with pytest.raises(Malformed):
        signatures.sign_request(
            "GET", url, None, key_id=KEY_ID, private_pem=ED25519.private_pem, now=NOW
        )


def test_date_is_in_universal_time_whatever_the_zone() -> None:
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
def test_good_signature_is_accepted(sender: Sender) -> None:
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


def test_headers_beside_may_come_twice() -> None:
    assert accepted(headers_of(Sender().request(), ("Via", "a"), ("Via", "b")))
