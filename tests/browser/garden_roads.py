"""Pages for coming and going, and for one's files, in each state."""

from server.pages.settings.import_export import ArchiveView, ImportExportView, ImportView
from server.pages.settings.move_and_delete import AliasView, MoveAndDeleteView
from server.pages.views import Choice, FormView, Frame, Person

Case = tuple[str, Frame, object]
_FILES = (("Whom you follow", "/settings/data/follows.csv"), ("Lists", "/settings/data/lists.csv"))
_KINDS = (Choice("follows", "Whom you follow"), Choice("blocks", "Whom you block"))
_MODES = (Choice("merge", "Add to what is here"), Choice("overwrite", "Replace what is here"))


def _going() -> MoveAndDeleteView:
    return MoveAndDeleteView((), None, FormView("alias"), FormView("move"), FormView("leave"))


def roads(visitor: Frame, member: Frame, elsewhere: Person) -> dict[str, Case]:
    """Name → (template, frame, view)."""
    now = member.now
    wrong = {"handle": "We could not find “@nobody@example.org”."}
    empty = FormView("import", {"mode": "merge"})
    going_on = MoveAndDeleteView(
        (AliasView("https://old.example/1", "@ines@old.example"), AliasView("u:" + "x" * 60, "?")),
        elsewhere,
        FormView("alias", {"handle": "@nobody@example.org"}, wrong),
        FormView("move", {"handle": "@nobody@example.org"}, wrong),
        FormView("leave", {}, {"name": "Please type “ines”.", "password": "That is not it."}),
    )
    full = ImportExportView(
        _FILES,
        (
            ArchiveView(now, now, "/settings/data/archive/1", "12.4"),
            ArchiveView(now, now, None, "0.0"),
        ),
        (
            ImportView("Whom you follow", now, 0, 40, 0, "/settings/data/imports/1/failed.csv"),
            ImportView("Your lists", now, 9000, 40, 3, "/settings/data/imports/2/failed.csv"),
        ),
        _KINDS,
        _MODES,
        FormView("import", {"kind": "blocks"}, {"file": "Please choose a file."}),
    )
    return {
        "going": ("move_and_delete", member, _going()),
        "going-again": ("move_and_delete", member, going_on),
        "gone-for-good": ("gone_for_good", visitor, None),
        "taking": (
            "import_export",
            member,
            ImportExportView(_FILES, (), (), _KINDS, _MODES, empty),
        ),
        "taking-full": ("import_export", member, full),
    }
