"""Threads of which a member wants to hear no more."""

from storage.units import Writer


def add(writer: Writer, account: int, root: int) -> None:
    writer.execute(
        "INSERT INTO thread_mutes (account, root) VALUES (?, ?) ON CONFLICT DO NOTHING",
        account,
        root,
    )


def remove(writer: Writer, account: int, root: int) -> None:
    writer.execute("DELETE FROM thread_mutes WHERE account = ? AND root = ?", account, root)
