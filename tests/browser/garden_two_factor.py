"""The pages about logging in safely, and about letters that come first, in each state."""

from datetime import datetime

from server.access import totp
from server.pages.access.reauthentication import ProofView
from server.pages.access.second_factor import PasskeyView, SecondView
from server.pages.settings.two_factor_settings import (
    AddView,
    CodesView,
    PasskeyLine,
    SetUp,
    TwoFactorView,
)
from server.pages.views import (
    ConfirmView,
    FormView,
    Frame,
    NewPasswordView,
    ResetView,
    SignupDoneView,
)

Case = tuple[str, Frame, object]
WITH_SCRIPT = ("passkey", "reauthentication", "add_passkey")
OPTIONS = '{"challenge": "AAAA", "rpId": "garden.example", "allowCredentials": []}'
_ADDRESS = totp.address(b"12345678901234567890", "The Garden", "ines@garden.example")
_CODES = tuple(f"{letter}4tz-w2qm-6yfa-n3pd" for letter in "abcdefghij")


def _safety(now: datetime) -> dict[str, TwoFactorView]:
    keys = (
        PasskeyLine("1", "Firefox on Linux", now, now),
        PasskeyLine("2", "A name of " + "m" * 40, now, None),
    )
    shown = SetUp("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", totp.draw_qr_code(_ADDRESS))
    wrong = FormView("confirm", {}, {"code": "That code does not fit. Is your clock right?"})
    return {
        "safety": TwoFactorView(False, 0, None, ()),
        "safety-begun": TwoFactorView(False, 0, shown, ()),
        "safety-again": TwoFactorView(False, 0, shown, (), wrong),
        "safety-on": TwoFactorView(True, 9, None, keys),
        "safety-one": TwoFactorView(True, 1, None, keys),
        "safety-none": TwoFactorView(True, 0, None, keys),
    }


def safety(visitor: Frame, member: Frame) -> dict[str, Case]:
    """Name → (template, frame, view)."""
    said = FormView("passkey", {}, {}, "That did not work.")
    code = FormView("second", {}, {"code": "That code does not fit."})
    proof = FormView("prove", {}, {"proof": "That is not your password."})
    return {
        "second": ("second_step", visitor, SecondView()),
        "second-again": ("second_step", visitor, SecondView(code)),
        "passkey": ("passkey", visitor, PasskeyView(OPTIONS, "/settings")),
        "passkey-again": ("passkey", visitor, PasskeyView(OPTIONS, "/", said)),
        "prove": ("reauthentication", member, ProofView("/settings", coded=False)),
        "prove-coded": (
            "reauthentication",
            member,
            ProofView("/settings", coded=True, options=OPTIONS),
        ),
        "prove-again": (
            "reauthentication",
            member,
            ProofView("/settings", True, OPTIONS, proof),
        ),
        "add-passkey": ("add_passkey", member, AddView(OPTIONS, FormView("passkey"))),
        "add-passkey-again": ("add_passkey", member, AddView(OPTIONS, said)),
        "recovery-codes": ("recovery_codes", member, CodesView(_CODES)),
        **{
            name: ("two_factor_settings", member, view)
            for name, view in _safety(member.now).items()
        },
    }


def letters(visitor: Frame, member: Frame) -> dict[str, Case]:
    """What is said after signing up, and behind the links in letters."""
    handle, email = "@bep_k@garden.example", "bep@post.example"
    return {
        "signup-done": ("signup_done", visitor, SignupDoneView("asked", handle)),
        "signup-in": ("signup_done", member, SignupDoneView("in", handle)),
        "signup-letter": ("signup_done", visitor, SignupDoneView("letter", handle, email)),
        "signup-confirmed": ("signup_done", visitor, SignupDoneView("confirmed", handle)),
        "address-changed": ("signup_done", visitor, SignupDoneView("changed", handle, email)),
        "confirm": ("confirm", visitor, ConfirmView("t0ken", email)),
        "reset": ("reset", visitor, ResetView()),
        "reset-sent": ("reset", visitor, ResetView(sent=True)),
        "new-password": ("new_password", visitor, NewPasswordView("t0ken")),
    }
