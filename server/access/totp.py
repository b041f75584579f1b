"""Codes that an app makes from a shared secret and the time (RFC 6238, RFC 4226)."""

import hmac
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from storage.engine import ids

STEP = 30  # seconds
DIGITS = 6
_SECRET = 20  # bytes, as RFC 4226 §4 R6 recommends
_AROUND = (0, -1, 1)  # steps: clocks differ, and typing takes time
_QUIET = 4  # modules of white around the code (ISO/IEC 18004)


def new_secret() -> bytes:
    return bytes.fromhex(ids.hexadecimal(_SECRET))


def code_at(secret: bytes, step: int) -> str:
    """RFC 4226 §5.3."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """The step whose code it is, of the present one and its neighbours."""
    present = int(now.timestamp()) // STEP
    found = [
        step for step in (present + by for by in _AROUND) if ids.same(code_at(secret, step), code)
    ]
    return found[0] if found else None


def to_base32(secret: bytes) -> str:
    """Secret as it is typed into an app: base32."""
    return b32encode(secret).decode().rstrip("=")


def address(secret: bytes, place: str, name: str) -> str:
    """Address that the QR code holds (Key Uri Format)."""
    label = quote(f"{place}:{name}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': to_base32(secret), 'issuer': place})}"


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code as an SVG path of dark modules in a square of `size`."""

    size: int
    path: str


def draw_qr_code(text: str) -> QrCode:
    """ISO/IEC 18004, error correction M."""
    import segno  # only where a code is drawn

    rows = list(segno.make(text, micro=False, error="m").matrix_iter(border=_QUIET))
    dark = [
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module
    ]
    return QrCode(len(rows), "".join(dark))
