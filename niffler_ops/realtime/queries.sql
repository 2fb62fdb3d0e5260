-- name: receiver
SELECT * FROM receiver WHERE id = 1

-- name: make_receiver
INSERT OR IGNORE INTO receiver (id, storage_folder, local_entities, nightly_at)
VALUES (1, :storage_folder, :local_entities, :now)

-- name: started
UPDATE receiver SET run_state = 'running', started_at = :now, updated_at = :now, local_entities = :local_entities,
    store = :store
WHERE id = 1

-- name: stopped
UPDATE receiver SET run_state = 'stopped', updated_at = :now WHERE id = 1

-- name: keep_fingerprint
UPDATE receiver SET fingerprint = :fingerprint WHERE id = 1

-- name: nightly_done
UPDATE receiver SET nightly_at = :now WHERE id = 1

-- name: touched
UPDATE receiver SET updated_at = :now, rate = :rate, unread = :unread, unstored = :unstored, lag = :lag,
    store_reason = :store_reason, deletes_at = :deletes_at, pressure = :pressure
WHERE id = 1

-- name: same_file
SELECT 1 FROM files WHERE path = ? AND inode = ? AND modified = ?

-- name: forget_path
DELETE FROM files WHERE path = ?

-- name: add_file
INSERT INTO files (path, study, series, size, received, inode, modified, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: add_link
INSERT OR IGNORE INTO links (attribute, original, pseudonym) VALUES (?, ?, ?)

-- name: originals
SELECT attribute, original FROM links WHERE pseudonym = ? ORDER BY attribute, original

-- name: count
UPDATE counts SET number = number + :number WHERE name = :name

-- name: tally
UPDATE counts SET number = CASE name
    WHEN 'received' THEN :distinct
    ELSE max(0, (SELECT number FROM counts WHERE name = 'readings') - :distinct)
END
WHERE name IN ('received', 'repeated')

-- name: counts
SELECT name, number FROM counts

-- name: seen_source
INSERT INTO sources (aet, instances, bytes, first_at, last_at) VALUES (:aet, :instances, :bytes, :first, :last)
ON CONFLICT (aet) DO UPDATE SET
    instances = instances + excluded.instances, bytes = bytes + excluded.bytes,
    first_at = min(first_at, excluded.first_at),
    longest_gap = max(  -- forgotten over some weeks
        longest_gap * max(0, 1 - max(0, julianday(excluded.last_at) - julianday(last_at)) / 21),
        min(7, julianday(excluded.first_at) - julianday(last_at)) * 86400),
    last_at = CASE
        WHEN julianday(last_at) - julianday(excluded.last_at) > 1 THEN excluded.last_at  -- a clock was set back
        ELSE max(last_at, excluded.last_at)
    END

-- name: sources
SELECT * FROM sources ORDER BY aet

-- name: seen_hour
INSERT INTO habits (aet, slot, hour, weeks) VALUES (:aet, :hour % 168, :hour, 1)
ON CONFLICT (aet, slot) DO UPDATE SET
    weeks = CASE
        WHEN hour > excluded.hour THEN 1  -- a clock was set back
        ELSE ((weeks << min(8, (excluded.hour - hour) / 168)) | 1) & 255
    END,
    hour = excluded.hour

-- name: habits
SELECT aet, hour, weeks FROM habits

-- name: series_by_age
SELECT series, study, oldest, newest, files, bytes FROM series
WHERE (oldest, study, series) > (?, ?, ?) ORDER BY oldest, study, series LIMIT ?

-- name: files_of_series
SELECT id, path, size, inode, modified FROM files WHERE study = ? AND series = ? AND received <= ?
ORDER BY received LIMIT ?

-- name: files_of_study
SELECT path FROM files WHERE study = ? ORDER BY path

-- name: forget_file
DELETE FROM files WHERE id = ?

-- name: files_waiting
SELECT coalesce(sum(files), 0) AS files, coalesce(sum(bytes), 0) AS bytes, min(oldest) AS oldest FROM series

-- name: unreadable
SELECT path, reason, received FROM files WHERE reason <> '' ORDER BY received LIMIT ?

-- name: unreadable_files
SELECT id, path FROM files WHERE reason <> ''

-- name: unreadable_count
SELECT count(*) AS files FROM files WHERE reason <> ''

-- name: studies_due
WITH settled AS (
    SELECT study, sum(files) AS files, max(newest) AS newest FROM series GROUP BY study
    HAVING max(newest) <= :until OR max(newest) > :ahead  -- what a clock told that has been set back
)
SELECT wanted.value AS processor, study, settled.files, settled.newest
FROM settled, json_each(:processors) AS wanted
WHERE NOT EXISTS (
    SELECT 1 FROM passed
    WHERE passed.study = settled.study AND processor = wanted.value AND passed.files >= settled.files
        AND passed.newest >= settled.newest AND (attempts = 0 OR failed <> '')
)
ORDER BY settled.newest, study LIMIT :most

-- name: study_on_disk
SELECT coalesce(sum(files), 0) AS files, coalesce(max(newest), '') AS newest FROM series WHERE study = ?

-- name: passed_of_study
SELECT processor, files, newest, attempts, failed FROM passed WHERE study = ?

-- name: pass
INSERT OR REPLACE INTO passed (study, processor, files, newest, attempts, failed)
VALUES (:study, :processor, :files, :newest, :attempts, :failed)

-- name: forget_passed
DELETE FROM passed WHERE NOT EXISTS (SELECT 1 FROM series WHERE series.study = passed.study)

-- name: shown_processes
SELECT role, pid, start_ticks, boot_id, ended_at,
       CASE role WHEN 'storescp' THEN (
           SELECT count(*) FROM processes AS before
           WHERE before.id > (SELECT max(id) FROM processes WHERE role = 'supervisor') AND before.id < processes.id
           AND before.role = 'storescp' AND before.command = processes.command AND before.pid IS NOT NULL)
       ELSE 0 END AS restarts
FROM processes
WHERE id >= (SELECT max(id) FROM processes WHERE role = 'supervisor')
AND (ended_at IS NULL OR role = 'supervisor') ORDER BY id

-- name: remember
INSERT INTO history (minute, instances, bytes, deleted_bytes, lag, unread, unstored, waiting_bytes)
VALUES (:minute, :received, :bytes, :deleted_bytes, :lag, :unread, :unstored,
    (SELECT coalesce(sum(bytes), 0) FROM series))
ON CONFLICT (minute) DO UPDATE SET
    instances = instances + excluded.instances, bytes = bytes + excluded.bytes,
    deleted_bytes = deleted_bytes + excluded.deleted_bytes, lag = max(lag, excluded.lag),
    unread = max(unread, excluded.unread), unstored = max(unstored, excluded.unstored),
    waiting_bytes = excluded.waiting_bytes

-- name: forget_history
DELETE FROM history WHERE minute < ?

-- name: history
SELECT minute, instances, bytes, deleted_bytes, lag, unread, unstored, waiting_bytes FROM history ORDER BY minute
