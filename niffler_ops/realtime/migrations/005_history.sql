-- What came and went in each minute of the last week, and how far behind the receiver was at its worst.
CREATE TABLE history (
    minute        INTEGER PRIMARY KEY,           -- since 1970
    instances     INTEGER NOT NULL,              -- distinct ones that were received
    bytes         INTEGER NOT NULL,
    deleted_bytes INTEGER NOT NULL,
    lag           REAL NOT NULL,                 -- seconds, the highest
    unread        INTEGER NOT NULL,              -- files, the highest
    unstored      INTEGER NOT NULL,              -- series, the highest
    waiting_bytes INTEGER NOT NULL               -- on the disk at its end
);
