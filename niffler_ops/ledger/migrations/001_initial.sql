-- One extraction. Times are ISO 8601 in UTC; not_before is seconds since 1970.

CREATE TABLE extraction (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    configuration  TEXT NOT NULL,               -- JSON: the keys that define the extraction
    storage_folder TEXT NOT NULL,
    csv_file       TEXT NOT NULL,
    csv_digest     TEXT NOT NULL,               -- SHA-256 of the file
    csv_header     TEXT NOT NULL,               -- JSON array of cells
    imported       INTEGER NOT NULL DEFAULT 0,  -- 1 when every line of the CSV is in rows
    run_state      TEXT NOT NULL DEFAULT 'stopped' CHECK (
        run_state IN ('running', 'paused', 'stopped', 'finished')),
    created_at     TEXT NOT NULL,
    started_at     TEXT,                        -- of the latest run
    updated_at     TEXT,
    finished_at    TEXT,
    pause_reason   TEXT,                        -- while paused
    resumes_at     TEXT,                        -- the same, where that is known
    tables_event   INTEGER NOT NULL DEFAULT 0   -- up to which event OutputFolder's tables tell
);

CREATE TABLE rows (
    id         INTEGER PRIMARY KEY,
    line       INTEGER,                         -- of the CSV file, the header being 1; NULL: withdrawn
    cells      TEXT NOT NULL,                   -- JSON array, as they stand in the file
    keys       TEXT,                            -- JSON object of C-FIND keys; NULL where rejected
    same_as    INTEGER REFERENCES rows (id),    -- the first row with the same keys, which is asked for all
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL DEFAULT '',
    attempts   INTEGER NOT NULL DEFAULT 0,
    mismatches INTEGER NOT NULL DEFAULT 0,      -- answers with other values than were asked for
    untold     INTEGER NOT NULL DEFAULT 0,      -- studies that may match, of which the archive would not tell
    not_before REAL NOT NULL DEFAULT 0,
    archive    TEXT NOT NULL DEFAULT '',        -- AET@HOST:PORT that is asked next; empty: the first of SrcAet
    waits      INTEGER NOT NULL DEFAULT 0,      -- 1: for that archive, because every other one was asked
    unqueried  INTEGER NOT NULL DEFAULT 0       -- 1: its query is refused, and it is retrieved by its keys
);
CREATE UNIQUE INDEX rows_line ON rows (line);
CREATE UNIQUE INDEX rows_first_with_keys ON rows (keys) WHERE same_as IS NULL AND keys IS NOT NULL;
CREATE INDEX rows_same_as ON rows (same_as) WHERE same_as IS NOT NULL;
CREATE INDEX rows_to_query ON rows (archive, not_before, id) WHERE state = 'pending' AND same_as IS NULL;
CREATE INDEX rows_passed_on ON rows (id) WHERE archive <> '';
CREATE INDEX rows_waiting ON rows (id) WHERE waits;
CREATE INDEX rows_unqueried ON rows (archive, not_before, id) WHERE state = 'pending' AND unqueried;
CREATE INDEX rows_querying ON rows (id) WHERE state = 'querying';
CREATE INDEX rows_with_problem ON rows (line) WHERE state IN ('partial', 'failed', 'not_found', 'rejected');

CREATE TABLE studies (
    id                 INTEGER PRIMARY KEY,
    study_instance_uid TEXT NOT NULL UNIQUE,
    found_at           TEXT NOT NULL,               -- AET@HOST:PORT of the archive that named it first
    archive            TEXT NOT NULL,               -- of the one that is asked for it, or was last
    waits              INTEGER NOT NULL DEFAULT 0,  -- 1: for that archive, because every other one was asked
    exhausted          INTEGER NOT NULL DEFAULT 0,  -- 1: no archive is left that could have more of it
    whole              INTEGER NOT NULL DEFAULT 1,  -- 0: only the series in wanted_series
    widened            INTEGER NOT NULL DEFAULT 0,  -- 1: more of it was wanted while it was on its way
    state              TEXT NOT NULL,
    reason             TEXT NOT NULL DEFAULT '',
    promised_count     INTEGER,                     -- as the archive counts what is wanted; NULL: not told
    promised_by        TEXT CHECK (promised_by IN ('uid', 'count', 'none')),
    expected           INTEGER NOT NULL DEFAULT 0,  -- instances promised, by UID or by count
    received           INTEGER NOT NULL DEFAULT 0,  -- promised instances that are whole on disk
    surplus            INTEGER NOT NULL DEFAULT 0,  -- whole instances of the study that were not promised
    bytes              INTEGER NOT NULL DEFAULT 0,
    listings           INTEGER NOT NULL DEFAULT 0,  -- failed attempts to learn the UIDs
    relisted           INTEGER NOT NULL DEFAULT 0,  -- 1: asked again since the latest retrieve
    asked              INTEGER NOT NULL DEFAULT 0,  -- times it was given to a movescu
    attempts           INTEGER NOT NULL DEFAULT 0,  -- those that count against MaxAttempts
    last_status        INTEGER,                     -- of the latest C-MOVE; NULL: no final response
    last_completed     INTEGER,                     -- sub-operations of that, as the archive counts
    grace              REAL NOT NULL DEFAULT 0,     -- seconds without arrivals before what came is judged
    not_before         REAL NOT NULL DEFAULT 0,
    outcome            TEXT CHECK (outcome IN ('done', 'partial')),  -- decided, effective once filed
    verified           TEXT CHECK (verified IN ('by_uid', 'by_count', 'unverified', 'reported'))
);
CREATE INDEX studies_found ON studies (archive, not_before, id) WHERE state = 'found';
CREATE INDEX studies_listed ON studies (archive, not_before, id) WHERE state = 'listed';
CREATE INDEX studies_open ON studies (id) WHERE state NOT IN ('done', 'partial', 'failed');
CREATE INDEX studies_moved ON studies (id) WHERE state = 'moved';
CREATE INDEX studies_verified ON studies (id) WHERE state = 'verified';
CREATE INDEX studies_in_flight ON studies (id) WHERE state IN ('listing', 'moving', 'relisting');
CREATE INDEX studies_ended_badly ON studies (id) WHERE state IN ('partial', 'failed');

CREATE TABLE row_studies (
    row_id   INTEGER NOT NULL REFERENCES rows (id),
    study_id INTEGER NOT NULL REFERENCES studies (id),
    PRIMARY KEY (row_id, study_id)
) WITHOUT ROWID;
CREATE INDEX row_studies_by_study ON row_studies (study_id);

-- Of studies that are not wanted as a whole (RetrieveLevel SERIES): what is.
CREATE TABLE wanted_series (
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    series_instance_uid TEXT NOT NULL,
    promised_count      INTEGER,                 -- NumberOfSeriesRelatedInstances; NULL: not told
    PRIMARY KEY (study_id, series_instance_uid)
) WITHOUT ROWID;

-- Where there are several archives: those that did not give a row or a study which is not at its end.
CREATE TABLE passed (
    subject    TEXT NOT NULL CHECK (subject IN ('row', 'study')),
    subject_id INTEGER NOT NULL,
    archive    TEXT NOT NULL,
    why        TEXT NOT NULL CHECK (why IN ('absent', 'failed', 'unavailable')),
    reason     TEXT NOT NULL,
    PRIMARY KEY (subject, subject_id, archive)
) WITHOUT ROWID;

CREATE TABLE instances (
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    sop_instance_uid    TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    promised            INTEGER NOT NULL,        -- 1: the archive named it
    state               TEXT NOT NULL CHECK (state IN ('awaited', 'received', 'filed', 'missing')),
    path                TEXT,                    -- below StorageFolder, final
    size                INTEGER,                 -- bytes
    sha256              BLOB,
    inode               INTEGER,                 -- with modified_ns: tells a file replaced after it was read
    modified_ns         INTEGER,
    PRIMARY KEY (study_id, sop_instance_uid)
) WITHOUT ROWID;

-- Of the instances of a study that arrived: for charts, never to decide by.
CREATE TABLE modalities (
    study_id INTEGER NOT NULL REFERENCES studies (id),
    modality TEXT NOT NULL,
    PRIMARY KEY (study_id, modality)
) WITHOUT ROWID;

-- What C-FIND answered in the CFIND modes: of a study (series_instance_uid is empty) or of a series.
CREATE TABLE answers (
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    series_instance_uid TEXT NOT NULL,
    attributes          TEXT NOT NULL,           -- JSON object, keyword to text
    PRIMARY KEY (study_id, series_instance_uid)
) WITHOUT ROWID;

-- The post-processors that this extraction has or had, and what they were told.
CREATE TABLE processors (
    processor TEXT PRIMARY KEY,
    settings  TEXT NOT NULL,                     -- JSON
    active    INTEGER NOT NULL                   -- 0: not configured any more
) WITHOUT ROWID;

-- What a post-processor makes of a study that is done.
CREATE TABLE handovers (
    id         INTEGER PRIMARY KEY,
    study_id   INTEGER NOT NULL REFERENCES studies (id),
    processor  TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL DEFAULT '',
    given      INTEGER NOT NULL DEFAULT 0,      -- times a worker was given it, so that a late answer is known
    attempts   INTEGER NOT NULL DEFAULT 0,      -- those that count against MaxAttempts
    not_before REAL NOT NULL DEFAULT 0,
    files      INTEGER NOT NULL DEFAULT 0,      -- of the study, when it was worked on
    held       INTEGER NOT NULL DEFAULT 0,      -- of these, the ones that are in failures.csv
    UNIQUE (study_id, processor)
);
CREATE INDEX handovers_waiting ON handovers (not_before, id) WHERE state = 'waiting';
CREATE INDEX handovers_processing ON handovers (id) WHERE state = 'processing';
CREATE INDEX handovers_failed ON handovers (id) WHERE state = 'failed';

CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY,
    study_id   INTEGER NOT NULL REFERENCES studies (id),
    archive    TEXT NOT NULL,
    lane       INTEGER NOT NULL,
    level      TEXT NOT NULL,                    -- STUDY, SERIES or IMAGE
    started_at TEXT NOT NULL,
    ended_at   TEXT,
    status     INTEGER,                          -- final C-MOVE status; NULL: none came
    completed  INTEGER,                          -- sub-operations, as the archive counts
    failed     INTEGER,
    warning    INTEGER,
    charged    INTEGER NOT NULL DEFAULT 1,       -- 0: does not count against MaxAttempts
    reason     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX attempts_by_study ON attempts (study_id);
CREATE INDEX attempts_open ON attempts (id) WHERE ended_at IS NULL;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    subject    TEXT NOT NULL CHECK (subject IN ('extraction', 'row', 'study', 'handover')),
    subject_id INTEGER NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    reason     TEXT NOT NULL DEFAULT ''
);

CREATE TABLE processes (
    id          INTEGER PRIMARY KEY,
    token       TEXT NOT NULL UNIQUE,            -- of the launch, written before it
    role        TEXT NOT NULL CHECK (role IN (
        'supervisor', 'storescp', 'movescu', 'findscu', 'postprocess')),
    command     TEXT NOT NULL,                   -- JSON array
    user_id     INTEGER NOT NULL,
    intended_at TEXT NOT NULL,
    pid         INTEGER,
    start_ticks INTEGER,                         -- field 22 of /proc/PID/stat
    boot_id     TEXT,
    launched_at TEXT,
    ended_at    TEXT,
    exit_code   INTEGER                          -- negative: ended by that signal
);
CREATE INDEX processes_open ON processes (id) WHERE ended_at IS NULL;

-- What status shows, kept by the triggers below so that nothing ever counts all rows.
CREATE TABLE tallies (
    subject TEXT NOT NULL,
    name    TEXT NOT NULL,
    number  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, name)
) WITHOUT ROWID;
INSERT INTO tallies (subject, name) VALUES
    ('row', 'pending'), ('row', 'querying'), ('row', 'matched'), ('row', 'done'), ('row', 'partial'),
    ('row', 'failed'), ('row', 'not_found'), ('row', 'rejected'), ('row', 'withdrawn'),
    ('study', 'found'), ('study', 'listing'), ('study', 'listed'), ('study', 'moving'), ('study', 'moved'),
    ('study', 'relisting'), ('study', 'verified'), ('study', 'done'), ('study', 'partial'), ('study', 'failed'),
    ('instance', 'expected'), ('instance', 'received'), ('instance', 'bytes'),
    ('verified', 'by_uid'), ('verified', 'by_count'), ('verified', 'unverified'), ('verified', 'reported'),
    ('unexpected', 'files');

CREATE TRIGGER rows_inserted AFTER INSERT ON rows BEGIN
    UPDATE tallies SET number = number + 1 WHERE subject = 'row' AND name = NEW.state;
END;

CREATE TRIGGER rows_changed AFTER UPDATE OF state ON rows WHEN OLD.state <> NEW.state BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'row' AND name = OLD.state;
    UPDATE tallies SET number = number + 1 WHERE subject = 'row' AND name = NEW.state;
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'row', NEW.id, OLD.state, NEW.state, NEW.reason);
END;

CREATE TRIGGER studies_inserted AFTER INSERT ON studies BEGIN
    UPDATE tallies SET number = number + 1 WHERE subject = 'study' AND name = NEW.state;
    UPDATE tallies SET number = number + NEW.expected WHERE subject = 'instance' AND name = 'expected';
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'study', NEW.id, NULL, NEW.state, NEW.reason);
END;

CREATE TRIGGER studies_deleted AFTER DELETE ON studies BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'study' AND name = OLD.state;
    UPDATE tallies SET number = number - OLD.expected WHERE subject = 'instance' AND name = 'expected';
END;

CREATE TRIGGER studies_changed AFTER UPDATE OF state ON studies WHEN OLD.state <> NEW.state BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'study' AND name = OLD.state;
    UPDATE tallies SET number = number + 1 WHERE subject = 'study' AND name = NEW.state;
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'study', NEW.id, OLD.state, NEW.state, NEW.reason);
END;

CREATE TRIGGER studies_counted AFTER UPDATE OF expected, received, bytes ON studies BEGIN
    UPDATE tallies SET number = number + NEW.expected - OLD.expected
    WHERE subject = 'instance' AND name = 'expected' AND NEW.expected <> OLD.expected;
    UPDATE tallies SET number = number + NEW.received - OLD.received
    WHERE subject = 'instance' AND name = 'received' AND NEW.received <> OLD.received;
    UPDATE tallies SET number = number + NEW.bytes - OLD.bytes
    WHERE subject = 'instance' AND name = 'bytes' AND NEW.bytes <> OLD.bytes;
END;

CREATE TRIGGER studies_trusted AFTER UPDATE OF verified ON studies WHEN OLD.verified IS NOT NEW.verified BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'verified' AND name = OLD.verified;
    UPDATE tallies SET number = number + 1 WHERE subject = 'verified' AND name = NEW.verified;
END;

CREATE TRIGGER studies_done AFTER UPDATE OF state ON studies WHEN NEW.state = 'done' AND OLD.state <> 'done' BEGIN
    INSERT INTO handovers (study_id, processor, state) SELECT NEW.id, processor, 'waiting' FROM processors WHERE active
    ON CONFLICT (study_id, processor) DO UPDATE SET state = 'waiting', attempts = 0, not_before = 0, reason = '';
END;

CREATE TRIGGER handovers_inserted AFTER INSERT ON handovers BEGIN
    INSERT INTO tallies (subject, name, number) VALUES ('post ' || NEW.processor, NEW.state, 1)
    ON CONFLICT (subject, name) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER handovers_deleted AFTER DELETE ON handovers BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'post ' || OLD.processor AND name = OLD.state;
    UPDATE tallies SET number = number - OLD.files WHERE subject = 'post ' || OLD.processor AND name = 'files';
    UPDATE tallies SET number = number - OLD.held WHERE subject = 'post ' || OLD.processor AND name = 'held';
END;

CREATE TRIGGER handovers_changed AFTER UPDATE OF state ON handovers WHEN OLD.state <> NEW.state BEGIN
    UPDATE tallies SET number = number - 1 WHERE subject = 'post ' || OLD.processor AND name = OLD.state;
    INSERT INTO tallies (subject, name, number) VALUES ('post ' || NEW.processor, NEW.state, 1)
    ON CONFLICT (subject, name) DO UPDATE SET number = number + 1;
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'handover', NEW.id, OLD.state, NEW.state, NEW.reason);
END;

CREATE TRIGGER handovers_counted AFTER UPDATE OF files, held ON handovers BEGIN
    INSERT INTO tallies (subject, name, number)
    VALUES ('post ' || NEW.processor, 'files', NEW.files), ('post ' || NEW.processor, 'held', NEW.held)
    ON CONFLICT (subject, name) DO UPDATE
    SET number = number + excluded.number - CASE name WHEN 'files' THEN OLD.files ELSE OLD.held END;
END;

CREATE TRIGGER extraction_changed AFTER UPDATE OF run_state ON extraction WHEN OLD.run_state <> NEW.run_state BEGIN
    INSERT INTO events (at, subject, subject_id, from_state, to_state)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'extraction', 1, OLD.run_state, NEW.run_state);
END;
