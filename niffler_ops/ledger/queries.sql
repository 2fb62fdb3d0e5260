-- name: extraction
SELECT * FROM extraction WHERE id = 1

-- name: create_extraction
INSERT INTO extraction (id, configuration, storage_folder, csv_file, csv_digest, csv_header, created_at, updated_at)
VALUES (1, :configuration, :storage_folder, :csv_file, :csv_digest, :csv_header, :now, :now)

-- name: import_complete
UPDATE extraction SET imported = 1, updated_at = :now WHERE id = 1

-- name: run_started
UPDATE extraction SET run_state = 'running', started_at = :now, updated_at = :now, finished_at = NULL,
    pause_reason = NULL, resumes_at = NULL
WHERE id = 1

-- name: run_ended
UPDATE extraction
SET run_state = :run_state, updated_at = :now, finished_at = CASE :run_state WHEN 'finished' THEN :now END,
    pause_reason = :reason, resumes_at = NULL
WHERE id = 1

-- name: run_paused
UPDATE extraction SET run_state = 'paused', pause_reason = :reason, resumes_at = :resumes_at, updated_at = :now
WHERE id = 1

-- name: run_goes_on
UPDATE extraction SET run_state = 'running', pause_reason = NULL, resumes_at = NULL, updated_at = :now WHERE id = 1

-- name: run_asked
INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'extraction', 1, run_state, run_state, :reason FROM extraction
WHERE id = 1

-- name: run_touched
UPDATE extraction SET updated_at = :now WHERE id = 1

-- name: tallies
SELECT subject, name, number FROM tallies

-- name: count_unexpected
UPDATE tallies SET number = number + :files WHERE subject = 'unexpected' AND name = 'files'

-- name: insert_row
INSERT INTO rows (line, cells, keys, same_as, state, reason)
VALUES (:line, :cells, :keys, (SELECT id FROM rows WHERE keys = :keys AND same_as IS NULL),
        CASE WHEN :keys IS NULL THEN 'rejected' ELSE 'pending' END, :reason)

-- name: rows_to_query
SELECT id, line, keys, attempts FROM rows
WHERE state = 'pending' AND same_as IS NULL AND archive = :archive AND not_before <= :now AND line <= :last_line
AND NOT unqueried
ORDER BY not_before, id LIMIT :limit

-- name: row_to_retrieve
SELECT id, line, keys, attempts FROM rows
WHERE state = 'pending' AND unqueried AND archive = :archive AND not_before <= :now AND line <= :last_line
ORDER BY not_before, id LIMIT 1

-- name: row_unqueried
UPDATE rows SET unqueried = 1, attempts = 0, not_before = 0 WHERE id = ?

-- name: rows_to_pass_on
SELECT id FROM rows
WHERE state = 'pending' AND same_as IS NULL AND archive = :archive AND NOT waits AND line <= :last_line
ORDER BY not_before, id LIMIT :limit

-- name: row_at
SELECT 1 FROM rows WHERE state = 'pending' AND same_as IS NULL AND archive = :archive AND line <= :last_line LIMIT 1

-- name: row_passed_on
UPDATE rows SET archive = :archive, waits = :waits, unqueried = 0, attempts = 0, not_before = 0, reason = :reason WHERE id = :id

-- name: rows_adopted
UPDATE rows SET archive = '', unqueried = CASE archive WHEN :first THEN unqueried ELSE 0 END
WHERE archive <> '' AND (archive = :first OR archive NOT IN (SELECT value FROM json_each(:archives)))

-- name: rows_wait_no_more
UPDATE rows SET waits = 0 WHERE waits

-- name: rows_may_move
UPDATE rows SET waits = 0 WHERE waits AND EXISTS (
    SELECT 1 FROM passed WHERE subject = 'row' AND subject_id = rows.id AND archive = :archive AND why = 'unavailable')

-- name: row_querying
UPDATE rows SET state = 'querying', attempts = attempts + 1 WHERE id = ? AND state = 'pending'

-- name: row_transition
UPDATE rows SET state = :after, reason = :reason WHERE id = :id AND state = :before

-- name: row_mismatches
UPDATE rows SET mismatches = :mismatches WHERE id = :id

-- name: row_untold
UPDATE rows SET untold = :untold WHERE id = :id

-- name: untold_of_row
SELECT untold FROM rows WHERE id = ?

-- name: row_retry
UPDATE rows SET not_before = :not_before, attempts = attempts - :refund WHERE id = :id

-- name: shorten_waits_of_rows
UPDATE rows SET not_before = :latest WHERE state = 'pending' AND same_as IS NULL AND not_before > :latest

-- name: shorten_waits_of_found
UPDATE studies SET not_before = :latest WHERE state = 'found' AND not_before > :latest

-- name: shorten_waits_of_listed
UPDATE studies SET not_before = :latest WHERE state = 'listed' AND not_before > :latest

-- name: rows_same_as
SELECT id, state FROM rows WHERE same_as = ?

-- name: rows_querying
SELECT id, state FROM rows WHERE state = 'querying'

-- name: rows_to_take_up
SELECT id, state FROM rows WHERE state IN ('failed', 'not_found') AND line <= :last_line
AND NOT EXISTS (SELECT 1 FROM row_studies WHERE row_id = rows.id)
UNION ALL SELECT id, state FROM rows WHERE state IN ('partial', 'failed') AND untold AND line <= :last_line

-- name: row_taken_up
UPDATE rows SET attempts = 0, not_before = 0, mismatches = 0, untold = 0, archive = '', waits = 0, unqueried = 0
WHERE id = ?

-- name: link
INSERT OR IGNORE INTO row_studies (row_id, study_id) VALUES (?, ?)

-- name: links_of_row
SELECT 1 FROM row_studies WHERE row_id = ? LIMIT 1

-- name: rows_of_study
SELECT rows.id, rows.state FROM rows JOIN row_studies ON row_studies.row_id = rows.id WHERE row_studies.study_id = ?
AND rows.state NOT IN ('withdrawn', 'done', 'pending', 'querying')

-- name: studies_of_row
SELECT studies.* FROM studies JOIN row_studies ON row_studies.study_id = studies.id
WHERE row_studies.row_id = ? ORDER BY studies.id

-- name: problem_rows
SELECT id, line, state, reason FROM rows
WHERE state IN ('partial', 'failed', 'not_found', 'rejected') ORDER BY line LIMIT ?

-- name: insert_study
INSERT OR IGNORE INTO studies (study_instance_uid, found_at, archive, whole, state, promised_count, expected)
VALUES (:study_instance_uid, :archive, :archive, :whole, 'found', :promised_count, coalesce(:promised_count, 0))

-- name: study_by_uid
SELECT * FROM studies WHERE study_instance_uid = ?

-- name: study
SELECT * FROM studies WHERE id = ?

-- name: studies_found
SELECT * FROM studies WHERE state = 'found' AND archive = :archive AND not_before <= :now
AND (:last_line IS NULL OR EXISTS (SELECT 1 FROM row_studies JOIN rows ON rows.id = row_studies.row_id
    WHERE row_studies.study_id = studies.id AND rows.line <= :last_line))
ORDER BY not_before, id LIMIT :limit

-- name: studies_to_move
SELECT * FROM studies WHERE state = 'listed' AND archive = :archive AND not_before <= :now
AND (:last_line IS NULL OR EXISTS (SELECT 1 FROM row_studies JOIN rows ON rows.id = row_studies.row_id
    WHERE row_studies.study_id = studies.id AND rows.line <= :last_line))
ORDER BY not_before, id LIMIT :limit

-- name: found_to_pass_on
SELECT * FROM studies WHERE state = 'found' AND archive = :archive AND NOT waits ORDER BY not_before, id LIMIT :limit

-- name: listed_to_pass_on
SELECT * FROM studies WHERE state = 'listed' AND archive = :archive AND NOT waits ORDER BY not_before, id LIMIT :limit

-- name: study_at
SELECT 1 WHERE EXISTS (SELECT 1 FROM studies WHERE state = 'found' AND archive = :archive)
OR EXISTS (SELECT 1 FROM studies WHERE state = 'listed' AND archive = :archive)

-- name: studies_waiting_at
SELECT (SELECT count(*) FROM (SELECT 1 FROM studies WHERE state = 'found' AND archive = :archive LIMIT :limit))
     + (SELECT count(*) FROM (SELECT 1 FROM studies WHERE state = 'listed' AND archive = :archive LIMIT :limit))

-- name: study_passed_on
UPDATE studies SET archive = :archive, waits = :waits, attempts = 0, listings = 0, relisted = 0, not_before = 0,
    last_status = NULL, last_completed = NULL
WHERE id = :id

-- name: study_exhausted
UPDATE studies SET exhausted = 1, grace = 0 WHERE id = ?

-- name: studies_adopted
UPDATE studies SET archive = :first
WHERE state NOT IN ('done', 'partial', 'failed') AND archive NOT IN (SELECT value FROM json_each(:archives))

-- name: studies_wait_no_more
UPDATE studies SET waits = 0 WHERE state NOT IN ('done', 'partial', 'failed') AND waits

-- name: studies_may_move
UPDATE studies SET waits = 0 WHERE state NOT IN ('done', 'partial', 'failed') AND waits AND EXISTS (
    SELECT 1 FROM passed WHERE subject = 'study' AND subject_id = studies.id AND archive = :archive
    AND why = 'unavailable')

-- name: want_series
INSERT OR IGNORE INTO wanted_series (study_id, series_instance_uid, promised_count)
VALUES (:study_id, :series_instance_uid, :promised_count)

-- name: want_all_series
UPDATE studies SET whole = 1, promised_count = :promised_count WHERE id = :id

-- name: count_wanted_series
UPDATE studies SET promised_count = (
    SELECT CASE WHEN count(*) = count(promised_count) THEN sum(promised_count) END
    FROM wanted_series WHERE study_id = studies.id)
WHERE id = ?

-- name: wanted_series
SELECT series_instance_uid FROM wanted_series WHERE study_id = ? ORDER BY series_instance_uid

-- name: study_widened
UPDATE studies SET widened = 1 WHERE id = ?

-- name: pass
INSERT OR REPLACE INTO passed (subject, subject_id, archive, why, reason)
VALUES (:subject, :subject_id, :archive, :why, :reason)

-- name: passed_by
SELECT archive, why, reason FROM passed WHERE subject = :subject AND subject_id = :subject_id

-- name: unpass
DELETE FROM passed WHERE subject = :subject AND subject_id = :subject_id AND archive = :archive

-- name: forget_passed
DELETE FROM passed WHERE subject = :subject AND subject_id = :subject_id

-- name: forget_unavailable
DELETE FROM passed WHERE why = 'unavailable' OR archive NOT IN (SELECT value FROM json_each(:archives))

-- name: studies_moved
SELECT * FROM studies WHERE state = 'moved' ORDER BY id

-- name: studies_verified
SELECT * FROM studies WHERE state = 'verified' ORDER BY id LIMIT ?

-- name: studies_with_arrivals
SELECT id FROM studies WHERE state IN ('found', 'listed', 'moved') AND (received > 0 OR surplus > 0)

-- name: studies_in_flight
SELECT id, state FROM studies WHERE state IN ('listing', 'moving', 'relisting')

-- name: studies_ended_badly
SELECT id, state, found_at FROM studies WHERE state IN ('partial', 'failed')
AND (:last_line IS NULL OR EXISTS (SELECT 1 FROM row_studies JOIN rows ON rows.id = row_studies.row_id
    WHERE row_studies.study_id = studies.id AND rows.line <= :last_line))

-- name: study_transition
UPDATE studies SET state = :after, reason = :reason WHERE id = :id AND state = :before

-- name: study_asked
UPDATE studies SET asked = asked + 1, attempts = attempts + 1, relisted = 0, last_status = NULL, last_completed = NULL
WHERE id = ?

-- name: study_answered
UPDATE studies SET last_status = :status, last_completed = :completed, grace = :grace WHERE id = :id

-- name: study_grace
UPDATE studies SET grace = :grace WHERE id = :id

-- name: study_refund
UPDATE studies SET attempts = max(attempts - 1, 0) WHERE id = ?

-- name: study_due
UPDATE studies SET not_before = :not_before WHERE id = :id

-- name: study_listing_failed
UPDATE studies SET listings = listings + :charge, not_before = :not_before WHERE id = :id

-- name: study_promise
UPDATE studies SET promised_by = :promised_by, listings = 0 WHERE id = :id

-- name: study_relisted
UPDATE studies SET relisted = 1 WHERE id = ?

-- name: study_recount
UPDATE studies SET
    expected = max(
        CASE promised_by WHEN 'uid' THEN 0 ELSE coalesce(promised_count, 0) END,
        -- what came once is known, also when its file was lost
        (SELECT count(*) FROM instances WHERE study_id = studies.id AND promised)
        + CASE WHEN whole THEN 0 ELSE (  -- of a wanted series that nobody told of, what was counted, or something
            SELECT coalesce(sum(coalesce(wanted.promised_count, 1)), 0) FROM wanted_series AS wanted
            WHERE wanted.study_id = studies.id AND NOT EXISTS (
                SELECT 1 FROM instances WHERE instances.study_id = wanted.study_id AND promised
                AND instances.series_instance_uid = wanted.series_instance_uid)) END),
    received = (SELECT count(*) FROM instances
                WHERE study_id = studies.id AND promised AND state IN ('received', 'filed')),
    surplus = (SELECT count(*) FROM instances
               WHERE study_id = studies.id AND NOT promised AND state IN ('received', 'filed')),
    bytes = (SELECT coalesce(sum(size), 0) FROM instances
             WHERE study_id = studies.id AND state IN ('received', 'filed'))
WHERE id = ?

-- name: study_outcome
UPDATE studies SET outcome = :outcome, verified = :verified WHERE id = :id

-- name: study_expects_what_came
UPDATE studies SET expected = received WHERE id = ?

-- name: study_taken_up
UPDATE studies SET attempts = 0, listings = 0, not_before = 0, outcome = NULL, verified = NULL, archive = :archive,
    waits = 0, exhausted = 0, widened = 0
WHERE id = :id

-- name: forget_promise
UPDATE instances SET promised = 0 WHERE study_id = ?

-- name: promise
INSERT INTO instances (study_id, sop_instance_uid, series_instance_uid, promised, state)
VALUES (:study_id, :sop_instance_uid, :series_instance_uid, 1, 'awaited')
ON CONFLICT (study_id, sop_instance_uid) DO UPDATE SET promised = 1

-- name: drop_unpromised
DELETE FROM instances WHERE study_id = ? AND NOT promised AND state IN ('awaited', 'missing')

-- name: drop_surplus
DELETE FROM instances WHERE study_id = ? AND NOT promised AND state = 'received'

-- name: promise_surplus
UPDATE instances SET promised = 1 WHERE study_id = ? AND NOT promised AND state IN ('received', 'filed')

-- name: receive
INSERT INTO instances (study_id, sop_instance_uid, series_instance_uid, promised, state, path, size, sha256, inode,
                       modified_ns)
VALUES (:study_id, :sop_instance_uid, :series_instance_uid, :promised, 'received', :path, :size, :sha256, :inode,
        :modified_ns)
ON CONFLICT (study_id, sop_instance_uid) DO UPDATE SET
    state = 'received', series_instance_uid = excluded.series_instance_uid, path = excluded.path,
    size = excluded.size, sha256 = excluded.sha256, inode = excluded.inode, modified_ns = excluded.modified_ns
WHERE instances.state <> 'filed'

-- name: instance
SELECT * FROM instances WHERE study_id = ? AND sop_instance_uid = ?

-- name: instances_of_study
SELECT * FROM instances WHERE study_id = ? ORDER BY series_instance_uid, sop_instance_uid

-- name: instance_state
UPDATE instances SET state = :after WHERE study_id = :study_id AND sop_instance_uid = :sop_instance_uid

-- name: instance_read_again
UPDATE instances SET size = :size, sha256 = :sha256, inode = :inode, modified_ns = :modified_ns
WHERE study_id = :study_id AND sop_instance_uid = :sop_instance_uid

-- name: name_missing
UPDATE instances SET state = 'missing' WHERE study_id = ? AND promised AND state = 'awaited'

-- name: missing_of_study
SELECT sop_instance_uid FROM instances WHERE study_id = ? AND promised AND state IN ('awaited', 'missing')
ORDER BY sop_instance_uid

-- name: await_again
UPDATE instances SET state = 'awaited' WHERE study_id = ? AND state IN ('missing')

-- name: lost_from_staging
UPDATE instances SET state = 'awaited', path = NULL, size = NULL, sha256 = NULL, inode = NULL, modified_ns = NULL
WHERE study_id = ? AND state = 'received'

-- name: begin_attempt
INSERT INTO attempts (study_id, archive, lane, level, started_at) VALUES (:study_id, :archive, :lane, :level, :now)

-- name: end_attempt
UPDATE attempts SET ended_at = :now, status = :status, completed = :completed, failed = :failed,
    warning = :warning, charged = :charged, reason = :reason
WHERE id = :id

-- name: uncharge_attempt
UPDATE attempts SET charged = 0 WHERE id = ?

-- name: end_open_attempts
UPDATE attempts SET ended_at = :now, charged = 0, reason = :reason WHERE ended_at IS NULL

-- name: most_sent
SELECT coalesce(max(coalesce(completed, 0) + coalesce(warning, 0)), 0) FROM attempts WHERE study_id = ?

-- name: last_attempt
SELECT * FROM attempts WHERE study_id = ? ORDER BY id DESC LIMIT 1

-- name: intend_process
INSERT INTO processes (token, role, command, user_id, intended_at) VALUES (:token, :role, :command, :user_id, :now)

-- name: process_launched
UPDATE processes SET pid = :pid, start_ticks = :start_ticks, boot_id = :boot_id, launched_at = :now
WHERE token = :token AND pid IS NULL

-- name: process_ended
UPDATE processes SET ended_at = :now, exit_code = :exit_code WHERE token = :token AND ended_at IS NULL

-- name: open_processes
SELECT * FROM processes WHERE ended_at IS NULL ORDER BY id

-- name: shown_processes
SELECT * FROM processes
WHERE id >= (SELECT max(id) FROM processes WHERE role = 'supervisor')
AND (ended_at IS NULL OR role IN ('supervisor', 'storescp')) ORDER BY id

-- name: recent_ends
SELECT count(*) AS ended, coalesce(sum(events.to_state <> 'failed'), 0) AS retrieved,
       coalesce(sum(studies.received), 0) AS received,
       (SELECT at FROM events WHERE id > :last - :events ORDER BY id LIMIT 1) AS looked_from
FROM events CROSS JOIN studies ON studies.id = events.subject_id
WHERE events.id > :last - :events AND events.id <= :last AND events.at >= :since
AND events.subject = 'study' AND events.to_state IN ('done', 'partial', 'failed')

-- name: latest_pause
SELECT id, at FROM events WHERE id > (SELECT max(id) - :events FROM events)
AND subject = 'extraction' AND to_state = 'paused' AND from_state <> 'paused' ORDER BY id DESC LIMIT 1

-- name: last_event
SELECT coalesce(max(id), 0) AS id FROM events

-- name: bad_ends
SELECT events.id AS event, rows.line, events.to_state AS state, events.reason,
       (SELECT group_concat(study_instance_uid) FROM row_studies JOIN studies ON studies.id = study_id
        WHERE row_id = rows.id AND studies.state IN ('partial', 'failed')) AS uids
FROM events CROSS JOIN rows ON rows.id = events.subject_id
WHERE events.id > :after AND events.subject = 'row' AND events.to_state IN ('partial', 'failed', 'not_found')
AND rows.line IS NOT NULL
ORDER BY events.id LIMIT :limit

-- name: report_rows
SELECT rows.line, rows.cells, rows.state, rows.reason, rows.mismatches, count(studies.id) AS studies,
       coalesce(sum(studies.expected), 0) AS expected, coalesce(sum(studies.received), 0) AS received,
       group_concat(DISTINCT studies.verified) AS verified, group_concat(studies.study_instance_uid) AS uids,
       group_concat(DISTINCT CASE WHEN studies.received THEN coalesce(
           (SELECT archive FROM attempts WHERE study_id = studies.id AND completed > 0 ORDER BY id DESC LIMIT 1),
           studies.archive) END) AS archives
FROM rows
LEFT JOIN row_studies ON row_studies.row_id = rows.id
LEFT JOIN studies ON studies.id = row_studies.study_id
WHERE rows.line IS NOT NULL
GROUP BY rows.line ORDER BY rows.line

-- name: filed_after
SELECT study_id, sop_instance_uid, path, size, sha256 FROM instances
WHERE (study_id, sop_instance_uid) > (:study_id, :sop_instance_uid) AND state = 'filed'
ORDER BY study_id, sop_instance_uid LIMIT :limit

-- name: line_of_row
SELECT line FROM rows WHERE line IS NOT NULL ORDER BY line LIMIT 1 OFFSET ?

-- name: pending_up_to
SELECT 1 FROM rows WHERE line <= ? AND state = 'pending' LIMIT 1

-- name: open_up_to
SELECT 1 FROM rows WHERE line <= ? AND state IN ('pending', 'querying', 'matched') LIMIT 1

-- name: states_up_to
SELECT state, count(*) AS number FROM rows WHERE line <= ? GROUP BY state

-- name: keep_modality
INSERT OR IGNORE INTO modalities (study_id, modality) VALUES (?, ?)

-- name: keep_answer
INSERT OR REPLACE INTO answers (study_id, series_instance_uid, attributes)
VALUES (:study_id, :series_instance_uid, :attributes)

-- name: answered_studies
SELECT studies.id, studies.study_instance_uid, answers.attributes,
       (SELECT group_concat(line, ';') FROM (
            SELECT rows.line FROM row_studies JOIN rows ON rows.id = row_studies.row_id
            WHERE row_studies.study_id = studies.id AND rows.line IS NOT NULL ORDER BY rows.line)) AS lines
FROM studies JOIN answers ON answers.study_id = studies.id AND answers.series_instance_uid = ''
ORDER BY studies.id

-- name: answered_series
SELECT studies.study_instance_uid, answers.attributes
FROM studies JOIN answers ON answers.study_id = studies.id AND answers.series_instance_uid <> ''
ORDER BY studies.id, answers.series_instance_uid

-- name: studies_without_count
SELECT count(*) FROM studies WHERE promised_count IS NULL

-- name: seconds_of_moves
SELECT coalesce(sum((julianday(ended_at) - julianday(launched_at)) * 86400), 0) FROM processes
WHERE role = 'movescu' AND ended_at IS NOT NULL AND launched_at IS NOT NULL

-- name: study_reported
UPDATE studies SET received = :sent, expected = max(expected, :sent),
    verified = CASE :outcome WHEN 'done' THEN 'reported' END
WHERE id = :id
