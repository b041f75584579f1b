"""The database itself: connections, transactions, readers, migrations, ids, time, changes."""
