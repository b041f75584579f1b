"""Errors that storage may raise."""


class StorageError(Exception):
    """Base of all errors below."""


class NewerSchema(StorageError):
    """The file was written by a newer version of this program."""


class OtherInstance(StorageError):
    """The file belongs to an instance under another domain."""


class Damaged(StorageError):
    """The file does not pass SQLite's own check; nothing will be written to it."""


class CannotOpen(StorageError):
    """The file cannot be opened or made ready: no folder, no right to it, no room."""


class NotCopied(StorageError):
    """The file could not be copied; nothing is wrong with the file itself for that."""


class Locked(StorageError):
    """Another process owns the data folder."""


class Overloaded(StorageError):
    """Error: too many units wait; nothing was done."""


class TookTooLong(StorageError):
    """A read was interrupted, since it took longer than it is given; the text is for people."""


class NotCommitted(StorageError):
    """The database could not keep this group of units; none of it happened.

    `no_room`: the disk is full; it goes on by itself once there is room.
    """

    def __init__(self, text: str, *, no_room: bool = False) -> None:
        super().__init__(text)
        self.no_room = no_room


class Conflict(StorageError):
    """Conflict with a value that must be unique and is taken; `what` names the column."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
