"""The stewards' desk and invitations, in each state."""

from dataclasses import replace
from datetime import datetime

from server.pages.access.invitations import InvitingView
from server.pages.moderation.dashboard import (
    ActLine,
    DashboardView,
    LogView,
    NewcomerView,
    ReportLine,
)
from server.pages.moderation.report import CHOICES, UNDO, DecisionLine, ReportView
from server.pages.views import Choice, FormView, Frame, Person, PostView

Case = tuple[str, Frame, object]
NUMBERS = tuple(Choice(str(number), str(number)) for number in (1, 7, 30))


def _line(about: Person, by: Person, now: datetime, settled: bool = False) -> ReportLine:
    return ReportLine("7", about, by, "It breaks what we agreed on.", now, settled)


def _report(line: ReportLine, now: datetime, posts: tuple[PostView, ...]) -> ReportView:
    return ReportView(
        line=line,
        comment="He answers everybody with the same five words. " * 4,
        rules=("We answer.", "We ask before we advise."),
        forwarded=True,
        posts=posts,
        missing=1,
        assigned="@marta",
        before=(
            DecisionLine("Told them something", "Please be kinder.", now, "@marta", now),
            DecisionLine("Frozen", "", now, None, None),
        ),
        undo=(Choice("freeze", UNDO["freeze"]),),
        choices=tuple(Choice(name, label) for name, label in CHOICES.items()),
        may_decide=True,
        form=FormView("decide", {"action": "none"}),
    )


def _bare(line: ReportLine) -> ReportView:
    """Nothing but the report, and somebody who may not decide."""
    return ReportView(
        line=line,
        comment="",
        rules=(),
        forwarded=False,
        posts=(),
        missing=0,
        assigned=None,
        before=(),
        undo=(),
        choices=(),
        may_decide=False,
        form=FormView("decide"),
    )


def desk(steward: Frame, about: Person, by: Person, posts: tuple[PostView, ...]) -> dict[str, Case]:
    """Name → (template, frame, view)."""
    now = steward.now
    newcomer = NewcomerView("9", about, now, "I would like to grow leeks.", "bep@post.example")
    invited = NewcomerView("10", by, now, "", "x@post.example", "@marta")
    line = _line(about, by, now)
    report = _report(line, now, posts)
    empty = DashboardView("", (), (), ())
    full = DashboardView(
        "What do you hope to grow?",
        (newcomer, invited),
        (line,),
        (_line(by, about, now, True),),
        (newcomer,),
    )
    acts = (
        ActLine(now, "@marta", "account.freeze", "actor 7", "text: Rest a while."),
        ActLine(now, None, "domain.suspend", "host evil.example", ""),
    )
    bare = _bare(_line(about, by, now, True))
    said = FormView("decide", {"action": "freeze", "text": "Rest."}, {}, "That holds already.")
    again = replace(report, form=said)
    form = FormView("invite", {"days": "7", "uses": "1"})
    link = "https://garden.example/signup?invite_code=GEZDGNBVGY3TQOJQ"
    return {
        "desk": ("moderation", steward, full),
        "desk-empty": ("moderation", steward, empty),
        "desk-report": ("report", steward, report),
        "desk-report-bare": ("report", steward, bare),
        "desk-report-again": ("report", steward, again),
        "desk-log": ("audit_log", steward, LogView(acts, "/desk/log?below=7")),
        "desk-log-empty": ("audit_log", steward, LogView(())),
        "invite": ("invite", steward, InvitingView(form, NUMBERS, NUMBERS, ())),
        "invite-made": ("invite", steward, InvitingView(form, NUMBERS, NUMBERS, (by,), link)),
    }
