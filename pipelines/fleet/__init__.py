"""One channel on any of several machines: a lease and a journal in a database, snapshots in an object store. And the
tables of many channels in one database."""
