BEGIN TRANSACTION;
CREATE TABLE answers (
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    series_instance_uid TEXT NOT NULL,
    attributes          TEXT NOT NULL,           -- JSON object, keyword to text
    PRIMARY KEY (study_id, series_instance_uid)
) WITHOUT ROWID;
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
INSERT INTO "attempts" VALUES(1,1,'ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',1,'STUDY','2026-11-27T10:11:15.837+00:00','2026-11-27T10:11:17.190+00:00',0,10,0,0,1,'');
INSERT INTO "attempts" VALUES(2,2,'ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',1,'STUDY','2026-11-27T10:11:17.234+00:00',NULL,NULL,NULL,NULL,NULL,1,'');
CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    subject    TEXT NOT NULL CHECK (subject IN ('extraction', 'row', 'study', 'handover')),
    subject_id INTEGER NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    reason     TEXT NOT NULL DEFAULT ''
);
INSERT INTO "events" VALUES(1,'2026-11-27T10:11:12.730+00:00','extraction',1,'stopped','running','');
INSERT INTO "events" VALUES(2,'2026-11-27T10:11:13.125+00:00','row',1,'pending','querying','');
INSERT INTO "events" VALUES(3,'2026-11-27T10:11:13.126+00:00','row',2,'pending','querying','');
INSERT INTO "events" VALUES(4,'2026-11-27T10:11:13.126+00:00','row',3,'pending','querying','');
INSERT INTO "events" VALUES(5,'2026-11-27T10:11:13.126+00:00','row',4,'pending','querying','');
INSERT INTO "events" VALUES(6,'2026-11-27T10:11:14.228+00:00','study',1,NULL,'found','');
INSERT INTO "events" VALUES(7,'2026-11-27T10:11:14.229+00:00','row',1,'querying','matched','');
INSERT INTO "events" VALUES(8,'2026-11-27T10:11:14.229+00:00','study',2,NULL,'found','');
INSERT INTO "events" VALUES(9,'2026-11-27T10:11:14.232+00:00','row',2,'querying','matched','');
INSERT INTO "events" VALUES(10,'2026-11-27T10:11:14.232+00:00','study',3,NULL,'found','');
INSERT INTO "events" VALUES(11,'2026-11-27T10:11:14.232+00:00','row',3,'querying','matched','');
INSERT INTO "events" VALUES(12,'2026-11-27T10:11:14.232+00:00','study',4,NULL,'found','');
INSERT INTO "events" VALUES(13,'2026-11-27T10:11:14.232+00:00','row',4,'querying','matched','');
INSERT INTO "events" VALUES(14,'2026-11-27T10:11:14.234+00:00','study',1,'found','listing','');
INSERT INTO "events" VALUES(15,'2026-11-27T10:11:14.234+00:00','study',2,'found','listing','');
INSERT INTO "events" VALUES(16,'2026-11-27T10:11:14.234+00:00','study',3,'found','listing','');
INSERT INTO "events" VALUES(17,'2026-11-27T10:11:14.234+00:00','study',4,'found','listing','');
INSERT INTO "events" VALUES(18,'2026-11-27T10:11:15.835+00:00','study',1,'listing','listed','');
INSERT INTO "events" VALUES(19,'2026-11-27T10:11:15.835+00:00','study',2,'listing','listed','');
INSERT INTO "events" VALUES(20,'2026-11-27T10:11:15.835+00:00','study',3,'listing','listed','');
INSERT INTO "events" VALUES(21,'2026-11-27T10:11:15.835+00:00','study',4,'listing','listed','');
INSERT INTO "events" VALUES(22,'2026-11-27T10:11:15.837+00:00','study',1,'listed','moving','');
INSERT INTO "events" VALUES(23,'2026-11-27T10:11:17.189+00:00','study',1,'moving','moved','');
INSERT INTO "events" VALUES(24,'2026-11-27T10:11:17.234+00:00','study',2,'listed','moving','');
INSERT INTO "events" VALUES(25,'2026-11-27T10:11:17.412+00:00','study',1,'moved','verified','');
INSERT INTO "events" VALUES(26,'2026-11-27T10:11:17.429+00:00','study',1,'verified','done','');
INSERT INTO "events" VALUES(27,'2026-11-27T10:11:17.429+00:00','row',1,'matched','done','');
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
INSERT INTO "extraction" VALUES(1,'{"AccessionIndex": "1", "DateFormat": "\"%Y%m%d\"", "DateIndex": "null", "DateType": "\"StudyDate\"", "ExtractionType": "\"empi_accession\"", "FilePath": "\"{00100020}/{0020000D}/{0020000E}/{00080018}.dcm\"", "FirstAttr": "null", "FirstIndex": "null", "LongAccession": "false", "NumberOfQueryAttributes": "null", "PatientIndex": "0", "RetrieveLevel": "\"STUDY\"", "SecondAttr": "null", "SecondIndex": "null", "Shard": "null", "StorageFolder": "\"@STORAGE@\"", "ThirdAttr": "null", "ThirdIndex": "null"}','@STORAGE@','@FOLDER@/list.csv','a8574b5b775a290cf26776dedbeab5e20567decb05283d47cd66854814323a07','["EMPI", "Accession"]',1,'running','2026-11-27T10:11:12.545+00:00','2026-11-27T10:11:12.729+00:00','2026-11-27T10:11:17.346+00:00',NULL,NULL,NULL,0);
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
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_6@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_6@.dcm',1830,X'CC1B30451AB8C9A02599535098E96D6A0C5DAC8FCA563C487ACCBA4F7DD65570',11691731,1795774276912245555);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_4@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_4@.dcm',1830,X'803092A824FBD12A97E8F9DC7140C0056F671870114AE13A0F84EB313D90BC83',11691726,1795774276779617151);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_2@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_2@.dcm',1830,X'44F0CA2AC923B3E79CB5F2A3488FD66BBFE963FC1B7959E073526E7253658CEA',11690987,1795774276646930210);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_3@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_3@.dcm',1830,X'1991A645BCA96004FBFC055B296AF80150AC6D0B2869E460C25BB9074488FD18',11691129,1795774276711509931);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_10@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_10@.dcm',1830,X'21FFDE15BBBAFF909F11555B8F7EBE1D8017A800332605F3E00CC70E18A5050F',11691741,1795774277168823933);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_5@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_5@.dcm',1830,X'9B6B08885B84F3D70DD7CB36BFEEC7AF83427E296069C9018E5716CC32F5C6CA',11691729,1795774276847974643);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_8@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_8@.dcm',1830,X'453E3DE641A95BFF784F32447463536BF7F1DE4B6B07B2D17F38695FB4AF5A80',11691735,1795774277041841605);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_7@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_7@.dcm',1830,X'E206D29F866BC1C8ACC8355A3A8BB741C99DB2DE0CE8CA2BB43E85F0252167D3',11691732,1795774276979206953);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_9@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_9@.dcm',1830,X'BBE1893C683AF7E1F926540A848C7ED3AAA10990C0B16AE1DE84B1E96E54B338',11691739,1795774277104970371);
INSERT INTO "instances" VALUES(1,'@INSTANCE_1_1@','@SERIES_1_1@',1,'filed','@PATIENT_1@/@STUDY_1@/@SERIES_1_1@/@INSTANCE_1_1@.dcm',1830,X'4BE8E6F695F0F8138D7732C35F3B4538F4FB0F6AD96433F20C4C9CC37845E9BC',11690984,1795774276582620090);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_1@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_5@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_2@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_10@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_3@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_6@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_9@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_4@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_7@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(2,'@INSTANCE_2_8@','@SERIES_2_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_9@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_5@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_6@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_1@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_3@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_4@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_10@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_8@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_7@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(3,'@INSTANCE_3_2@','@SERIES_3_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_9@','@SERIES_4_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_6@','@SERIES_4_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_4@','@SERIES_4_2@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_8@','@SERIES_4_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_1@','@SERIES_4_2@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_7@','@SERIES_4_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_2@','@SERIES_4_2@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_3@','@SERIES_4_2@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_10@','@SERIES_4_1@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "instances" VALUES(4,'@INSTANCE_4_5@','@SERIES_4_2@',1,'awaited',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE modalities (
    study_id INTEGER NOT NULL REFERENCES studies (id),
    modality TEXT NOT NULL,
    PRIMARY KEY (study_id, modality)
) WITHOUT ROWID;
INSERT INTO "modalities" VALUES(1,'CT');
CREATE TABLE passed (
    subject    TEXT NOT NULL CHECK (subject IN ('row', 'study')),
    subject_id INTEGER NOT NULL,
    archive    TEXT NOT NULL,
    why        TEXT NOT NULL CHECK (why IN ('absent', 'failed', 'unavailable')),
    reason     TEXT NOT NULL,
    PRIMARY KEY (subject, subject_id, archive)
) WITHOUT ROWID;
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
INSERT INTO "processes" VALUES(1,'1a07f85f8a76617a','supervisor','["niffler-cold"]',0,'2026-11-27T10:11:12.729+00:00',6104,577564,'an-earlier-boot','2026-11-27T10:11:12.729+00:00',NULL,NULL);
INSERT INTO "processes" VALUES(2,'1d29f5b6d83985f8','storescp','["python", "-P", "-m", "niffler_ops.embedded", "storescp", "-b", "NIFFLER:@PORT@", "--accept-unknown", "--directory", "@STORAGE@/.niffler/incoming", "--filepath", "{0020000D,md5}/{00080018,md5}.dcm"]',0,'2026-11-27T10:11:13.003+00:00',6381,577757,'an-earlier-boot','2026-11-27T10:11:13.124+00:00',NULL,NULL);
INSERT INTO "processes" VALUES(3,'911f64784b1ba560','findscu','["python", "-P", "-m", "niffler_ops.embedded", "findscu", "-c", "ARCHIVE@127.0.0.1:@ARCHIVE_PORT@", "-b", "NIFFLER", "-L", "STUDY", "--not-async", "--out-dir", "@STORAGE@/.niffler/requests/find-1/answers", "--out-file", "000''.dcm''", "--connect-timeout", "10000", "--accept-timeout", "30000", "--send-timeout", "30000", "--", "@STORAGE@/.niffler/requests/find-1/1.query", "@STORAGE@/.niffler/requests/find-1/2.query", "@STORAGE@/.niffler/requests/find-1/3.query", "@STORAGE@/.niffler/requests/find-1/4.query"]',0,'2026-11-27T10:11:13.154+00:00',6390,577773,'an-earlier-boot','2026-11-27T10:11:13.266+00:00','2026-11-27T10:11:14.219+00:00',0);
INSERT INTO "processes" VALUES(4,'bacad635e6615624','findscu','["python", "-P", "-m", "niffler_ops.embedded", "findscu", "-c", "ARCHIVE@127.0.0.1:@ARCHIVE_PORT@", "-b", "NIFFLER", "-L", "SERIES", "--not-async", "--out-dir", "@STORAGE@/.niffler/requests/find-2/answers", "--out-file", "000''.dcm''", "--connect-timeout", "10000", "--accept-timeout", "30000", "--send-timeout", "30000", "--", "@STORAGE@/.niffler/requests/find-2/1.query", "@STORAGE@/.niffler/requests/find-2/2.query", "@STORAGE@/.niffler/requests/find-2/3.query", "@STORAGE@/.niffler/requests/find-2/4.query"]',0,'2026-11-27T10:11:14.238+00:00',6505,577875,'an-earlier-boot','2026-11-27T10:11:14.262+00:00','2026-11-27T10:11:14.979+00:00',0);
INSERT INTO "processes" VALUES(5,'68d83fc939a32253','findscu','["python", "-P", "-m", "niffler_ops.embedded", "findscu", "-c", "ARCHIVE@127.0.0.1:@ARCHIVE_PORT@", "-b", "NIFFLER", "-L", "IMAGE", "--not-async", "--out-dir", "@STORAGE@/.niffler/requests/find-2/answers", "--out-file", "000''.dcm''", "--connect-timeout", "10000", "--accept-timeout", "30000", "--send-timeout", "30000", "--", "@STORAGE@/.niffler/requests/find-2/1.query", "@STORAGE@/.niffler/requests/find-2/2.query", "@STORAGE@/.niffler/requests/find-2/3.query", "@STORAGE@/.niffler/requests/find-2/4.query", "@STORAGE@/.niffler/requests/find-2/5.query"]',0,'2026-11-27T10:11:14.994+00:00',6761,577952,'an-earlier-boot','2026-11-27T10:11:15.042+00:00','2026-11-27T10:11:15.700+00:00',0);
INSERT INTO "processes" VALUES(6,'85328c8f0aefea51','movescu','["python", "-P", "-m", "niffler_ops.embedded", "movescu", "-c", "ARCHIVE@127.0.0.1:@ARCHIVE_PORT@", "-b", "NIFFLER", "--dest", "NIFFLER", "-L", "STUDY", "--not-async", "--connect-timeout", "10000", "--accept-timeout", "30000", "--send-timeout", "30000", "--", "@STORAGE@/.niffler/requests/move-1/1/1.query"]',0,'2026-11-27T10:11:15.845+00:00',6879,578035,'an-earlier-boot','2026-11-27T10:11:15.861+00:00','2026-11-27T10:11:17.232+00:00',0);
INSERT INTO "processes" VALUES(7,'89f8663416ab8591','movescu','["python", "-P", "-m", "niffler_ops.embedded", "movescu", "-c", "ARCHIVE@127.0.0.1:@ARCHIVE_PORT@", "-b", "NIFFLER", "--dest", "NIFFLER", "-L", "STUDY", "--not-async", "--connect-timeout", "10000", "--accept-timeout", "30000", "--send-timeout", "30000", "--", "@STORAGE@/.niffler/requests/move-1/1/1.query"]',0,'2026-11-27T10:11:17.237+00:00',7269,578175,'an-earlier-boot','2026-11-27T10:11:17.258+00:00',NULL,NULL);
CREATE TABLE processors (
    processor TEXT PRIMARY KEY,
    settings  TEXT NOT NULL,                     -- JSON
    active    INTEGER NOT NULL                   -- 0: not configured any more
) WITHOUT ROWID;
CREATE TABLE row_studies (
    row_id   INTEGER NOT NULL REFERENCES rows (id),
    study_id INTEGER NOT NULL REFERENCES studies (id),
    PRIMARY KEY (row_id, study_id)
) WITHOUT ROWID;
INSERT INTO "row_studies" VALUES(1,1);
INSERT INTO "row_studies" VALUES(2,2);
INSERT INTO "row_studies" VALUES(3,3);
INSERT INTO "row_studies" VALUES(4,4);
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
INSERT INTO "rows" VALUES(1,2,'["@PATIENT_1@", "@ACCESSION_1@"]','{"AccessionNumber": "@ACCESSION_1@", "PatientID": "@PATIENT_1@"}',NULL,'done','',1,0,0,0.0,'',0,0);
INSERT INTO "rows" VALUES(2,3,'["@PATIENT_2@", "@ACCESSION_2@"]','{"AccessionNumber": "@ACCESSION_2@", "PatientID": "@PATIENT_2@"}',NULL,'matched','',1,0,0,0.0,'',0,0);
INSERT INTO "rows" VALUES(3,4,'["@PATIENT_3@", "@ACCESSION_3@"]','{"AccessionNumber": "@ACCESSION_3@", "PatientID": "@PATIENT_3@"}',NULL,'matched','',1,0,0,0.0,'',0,0);
INSERT INTO "rows" VALUES(4,5,'["@PATIENT_4@", "@ACCESSION_4@"]','{"AccessionNumber": "@ACCESSION_4@", "PatientID": "@PATIENT_4@"}',NULL,'matched','',1,0,0,0.0,'',0,0);
INSERT INTO "rows" VALUES(5,6,'["", "EMPTY-ID"]',NULL,NULL,'rejected','PatientID (column 0) is empty',0,0,0,0.0,'',0,0);
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
INSERT INTO "studies" VALUES(1,'@STUDY_1@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',0,0,1,0,'done','',10,'uid',10,10,0,18300,0,0,1,1,0,10,2.5,0.0,'done','by_uid');
INSERT INTO "studies" VALUES(2,'@STUDY_2@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',0,0,1,0,'moving','',10,'uid',10,0,0,0,0,0,1,1,NULL,NULL,0.0,0.0,NULL,NULL);
INSERT INTO "studies" VALUES(3,'@STUDY_3@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',0,0,1,0,'listed','',10,'uid',10,0,0,0,0,0,0,0,NULL,NULL,0.0,0.0,NULL,NULL);
INSERT INTO "studies" VALUES(4,'@STUDY_4@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@','ARCHIVE@127.0.0.1:@ARCHIVE_PORT@',0,0,1,0,'listed','',10,'uid',10,0,0,0,0,0,0,0,NULL,NULL,0.0,0.0,NULL,NULL);
CREATE TABLE tallies (
    subject TEXT NOT NULL,
    name    TEXT NOT NULL,
    number  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, name)
) WITHOUT ROWID;
INSERT INTO "tallies" VALUES('instance','bytes',18300);
INSERT INTO "tallies" VALUES('instance','expected',40);
INSERT INTO "tallies" VALUES('instance','received',10);
INSERT INTO "tallies" VALUES('row','done',1);
INSERT INTO "tallies" VALUES('row','failed',0);
INSERT INTO "tallies" VALUES('row','matched',3);
INSERT INTO "tallies" VALUES('row','not_found',0);
INSERT INTO "tallies" VALUES('row','partial',0);
INSERT INTO "tallies" VALUES('row','pending',0);
INSERT INTO "tallies" VALUES('row','querying',0);
INSERT INTO "tallies" VALUES('row','rejected',1);
INSERT INTO "tallies" VALUES('row','withdrawn',0);
INSERT INTO "tallies" VALUES('study','done',1);
INSERT INTO "tallies" VALUES('study','failed',0);
INSERT INTO "tallies" VALUES('study','found',0);
INSERT INTO "tallies" VALUES('study','listed',2);
INSERT INTO "tallies" VALUES('study','listing',0);
INSERT INTO "tallies" VALUES('study','moved',0);
INSERT INTO "tallies" VALUES('study','moving',1);
INSERT INTO "tallies" VALUES('study','partial',0);
INSERT INTO "tallies" VALUES('study','relisting',0);
INSERT INTO "tallies" VALUES('study','verified',0);
INSERT INTO "tallies" VALUES('unexpected','files',0);
INSERT INTO "tallies" VALUES('verified','by_count',0);
INSERT INTO "tallies" VALUES('verified','by_uid',1);
INSERT INTO "tallies" VALUES('verified','reported',0);
INSERT INTO "tallies" VALUES('verified','unverified',0);
CREATE TABLE wanted_series (
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    series_instance_uid TEXT NOT NULL,
    promised_count      INTEGER,                 -- NumberOfSeriesRelatedInstances; NULL: not told
    PRIMARY KEY (study_id, series_instance_uid)
) WITHOUT ROWID;
CREATE UNIQUE INDEX rows_line ON rows (line);
CREATE UNIQUE INDEX rows_first_with_keys ON rows (keys) WHERE same_as IS NULL AND keys IS NOT NULL;
CREATE INDEX rows_same_as ON rows (same_as) WHERE same_as IS NOT NULL;
CREATE INDEX rows_to_query ON rows (archive, not_before, id) WHERE state = 'pending' AND same_as IS NULL;
CREATE INDEX rows_passed_on ON rows (id) WHERE archive <> '';
CREATE INDEX rows_waiting ON rows (id) WHERE waits;
CREATE INDEX rows_unqueried ON rows (archive, not_before, id) WHERE state = 'pending' AND unqueried;
CREATE INDEX rows_querying ON rows (id) WHERE state = 'querying';
CREATE INDEX rows_with_problem ON rows (line) WHERE state IN ('partial', 'failed', 'not_found', 'rejected');
CREATE INDEX studies_found ON studies (archive, not_before, id) WHERE state = 'found';
CREATE INDEX studies_listed ON studies (archive, not_before, id) WHERE state = 'listed';
CREATE INDEX studies_open ON studies (id) WHERE state NOT IN ('done', 'partial', 'failed');
CREATE INDEX studies_moved ON studies (id) WHERE state = 'moved';
CREATE INDEX studies_verified ON studies (id) WHERE state = 'verified';
CREATE INDEX studies_in_flight ON studies (id) WHERE state IN ('listing', 'moving', 'relisting');
CREATE INDEX studies_ended_badly ON studies (id) WHERE state IN ('partial', 'failed');
CREATE INDEX row_studies_by_study ON row_studies (study_id);
CREATE INDEX handovers_waiting ON handovers (not_before, id) WHERE state = 'waiting';
CREATE INDEX handovers_processing ON handovers (id) WHERE state = 'processing';
CREATE INDEX handovers_failed ON handovers (id) WHERE state = 'failed';
CREATE INDEX attempts_by_study ON attempts (study_id);
CREATE INDEX attempts_open ON attempts (id) WHERE ended_at IS NULL;
CREATE INDEX processes_open ON processes (id) WHERE ended_at IS NULL;
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
CREATE TRIGGER extraction_changed AFTER UPDATE OF run_state, pause_reason ON extraction
WHEN OLD.run_state <> NEW.run_state OR NEW.run_state = 'paused' AND OLD.pause_reason IS NOT NEW.pause_reason BEGIN
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'extraction', 1, OLD.run_state, NEW.run_state,
            CASE NEW.run_state WHEN 'paused' THEN coalesce(NEW.pause_reason, '') ELSE '' END);
END;
COMMIT;
