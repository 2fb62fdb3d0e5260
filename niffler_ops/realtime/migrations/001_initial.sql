-- What a receiver has on its disk. Times are ISO 8601 in UTC. Series and studies are named by pseudonyms.

CREATE TABLE receiver (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    run_state      TEXT NOT NULL DEFAULT 'stopped' CHECK (run_state IN ('running', 'stopped')),
    started_at     TEXT,
    updated_at     TEXT,
    storage_folder TEXT NOT NULL,
    local_entities TEXT NOT NULL,                -- AET:PORT, with commas between
    store          TEXT NOT NULL DEFAULT '',     -- as it may be shown
    rate           REAL NOT NULL DEFAULT 0,      -- instances a second, in the last minute
    unread         INTEGER NOT NULL DEFAULT 0,   -- files
    unstored       INTEGER NOT NULL DEFAULT 0,   -- series
    lag            REAL NOT NULL DEFAULT 0,      -- seconds
    store_reason   TEXT NOT NULL DEFAULT '',     -- why it cannot be reached; empty: it can
    deletes_at     TEXT,
    pressure       TEXT NOT NULL DEFAULT ''      -- why images are deleted at any hour
);

-- Files that were read and are still there.
CREATE TABLE files (
    id       INTEGER PRIMARY KEY,
    path     TEXT NOT NULL UNIQUE,               -- below StorageFolder
    study    TEXT NOT NULL,
    series   TEXT NOT NULL,                      -- both empty: it cannot be read
    size     INTEGER NOT NULL,
    received TEXT NOT NULL,
    inode    INTEGER NOT NULL,                   -- with modified: tells a file replaced after it was read
    modified INTEGER NOT NULL,                   -- nanoseconds
    reason   TEXT NOT NULL DEFAULT ''            -- why it cannot be read: it is never deleted
);
CREATE INDEX files_by_series ON files (series, received);
CREATE INDEX files_by_study ON files (study);

-- What PassOn has made: the study as it was then.
CREATE TABLE passed (
    study     TEXT NOT NULL,
    processor TEXT NOT NULL,
    files     INTEGER NOT NULL,
    newest    TEXT NOT NULL,                     -- time of reception
    attempts  INTEGER NOT NULL DEFAULT 0,
    failed    TEXT NOT NULL DEFAULT '',          -- why it was given up
    PRIMARY KEY (study, processor)
) WITHOUT ROWID;

-- The way back from pseudonyms; it stays when the images are deleted.
CREATE TABLE links (
    attribute TEXT NOT NULL,
    original  TEXT NOT NULL,
    pseudonym TEXT NOT NULL,
    PRIMARY KEY (attribute, original, pseudonym)
) WITHOUT ROWID;
CREATE INDEX links_by_pseudonym ON links (pseudonym);

-- Who sends: AE titles as the file meta information names them.
CREATE TABLE sources (
    aet         TEXT PRIMARY KEY,
    instances   INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    first_at    TEXT NOT NULL,
    last_at     TEXT NOT NULL,
    longest_gap REAL NOT NULL DEFAULT 0          -- seconds between two instances, slowly forgotten
) WITHOUT ROWID;

CREATE TABLE counts (
    name   TEXT PRIMARY KEY,
    number INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO counts (name) VALUES ('received'), ('bytes'), ('repeated'), ('deleted'), ('deleted_bytes');

CREATE TABLE processes (
    id          INTEGER PRIMARY KEY,
    token       TEXT NOT NULL UNIQUE,
    role        TEXT NOT NULL,
    command     TEXT NOT NULL,
    user_id     INTEGER NOT NULL,
    intended_at TEXT NOT NULL,
    pid         INTEGER,
    start_ticks INTEGER,
    boot_id     TEXT,
    launched_at TEXT,
    ended_at    TEXT,
    exit_code   INTEGER
);
CREATE INDEX processes_open ON processes (id) WHERE ended_at IS NULL;
