"""The second step of a log-in, without HTTP: setting it up, and whether a code is right."""

from base64 import b32encode
from dataclasses import dataclass, field

from server.access import encryption, totp
from storage.access import second_factor
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

RECOVERY_CODES = 10
_RECOVERY = 10  # bytes: 80 bits, so that a plain hash of it is safe
_PURPOSE = "totp"


@dataclass(frozen=True, slots=True)
class Guess:
    """Guess at a code: who types what; `secret` is the instance's."""

    account: ActorId
    typed: str = field(repr=False)
    secret: str = field(repr=False)


def begin(writer: Writer, account: ActorId, secret: str) -> bool:
    """A new secret, not in force yet; whether none was in force."""
    sealed = encryption.seal(secret, _PURPOSE, account, totp.new_secret())
    return second_factor.begin_totp(writer, account, sealed)


def find_begun(reader: Reader, account: ActorId, secret: str) -> bytes | None:
    """The secret that waits for its first code."""
    found = second_factor.totp(reader, account)
    if found is None or found.confirmed_at is not None:
        return None
    return encryption.unseal(secret, _PURPOSE, account, found.sealed)


def in_force(reader: Reader, account: ActorId) -> bool:
    found = second_factor.totp(reader, account)
    return found is not None and found.confirmed_at is not None


def confirm(writer: Writer, guess: Guess) -> list[str] | None:
    """Put it in force when the first code is right: the recovery codes, shown once."""
    secret = find_begun(writer, guess.account, guess.secret)
    step = totp.step_of(secret, _digits(guess.typed), writer.now) if secret else None
    if step is None or not second_factor.confirm_totp(writer, guess.account, step):
        return None
    return new_recovery_codes(writer, guess.account)


def new_recovery_codes(writer: Writer, account: ActorId) -> list[str]:
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    second_factor.set_recovery_codes(writer, account, map(_plain, codes))
    return codes


def _recovery_code() -> str:
    """Code such as k4tz-w2qm-6yfa-n3pd: no digit that looks like a letter."""
    text = b32encode(bytes.fromhex(ids.hexadecimal(_RECOVERY))).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def accepts(writer: Writer, guess: Guess) -> bool:
    """Whether it is a code of the app or a recovery code; either counts once (SECURITY 71)."""
    if not in_force(writer, guess.account):
        return False
    digits = _digits(guess.typed)
    if len(digits) == totp.DIGITS and digits.isdecimal():
        return _is_code(writer, guess, digits)
    return second_factor.use_recovery_code(writer, guess.account, _plain(guess.typed))


def _is_code(writer: Writer, guess: Guess, digits: str) -> bool:
    found = second_factor.totp(writer, guess.account)
    secret = (
        encryption.unseal(guess.secret, _PURPOSE, guess.account, found.sealed) if found else None
    )
    step = totp.step_of(secret, digits, writer.now) if secret else None
    return step is not None and second_factor.use_step(writer, guess.account, step)


def _digits(typed: str) -> str:
    return "".join(typed.split())


def _plain(code: str) -> str:
    """Recovery code as it is compared: letters and digits alone."""
    return "".join(letter for letter in code.lower() if letter.isascii() and letter.isalnum())
