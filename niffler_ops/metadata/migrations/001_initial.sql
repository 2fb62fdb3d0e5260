-- A series grows by a revision with every change; `stored_revision` is the last one that the store has.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    stored_revision INTEGER NOT NULL DEFAULT 0,
    changed_at TEXT NOT NULL,
    detailed INTEGER NOT NULL DEFAULT 0,  -- how many instances stand in `instances`
    folded BLOB,  -- the others, see folding.py
    folded_digests BLOB  -- eight bytes of each of them
);

CREATE INDEX series_to_store ON series (revision, changed_at, detailed) WHERE revision > stored_revision;
CREATE INDEX series_to_fold ON series (changed_at) WHERE detailed > 0 AND revision = stored_revision;

CREATE TABLE instances (
    series INTEGER NOT NULL REFERENCES series (id),
    digest BLOB NOT NULL,  -- of the SOP Instance UID
    facts TEXT NOT NULL,
    received TEXT,
    PRIMARY KEY (series, digest)
) WITHOUT ROWID;

-- The last revision given to any series: one row.
CREATE TABLE revisions (last INTEGER NOT NULL);
INSERT INTO revisions (last) VALUES (0);
