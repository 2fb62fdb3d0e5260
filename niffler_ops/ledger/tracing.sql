-- Reads one row with all that is known of its studies.

-- name: row_of_line
SELECT rows.*, first.line AS same_line FROM rows LEFT JOIN rows AS first ON first.id = rows.same_as WHERE rows.line = ?

-- name: first_line
SELECT min(line) AS line FROM rows

-- name: last_line
SELECT max(line) AS line FROM rows

-- name: studies_of_row
SELECT studies.* FROM row_studies JOIN studies ON studies.id = row_studies.study_id
WHERE row_studies.row_id = ? ORDER BY studies.id LIMIT ?

-- name: count_studies_of_row
SELECT count(*) FROM row_studies WHERE row_id = ?

-- name: attempts_of_study
SELECT * FROM attempts WHERE study_id = ? ORDER BY id

-- name: handovers_of_study
SELECT * FROM handovers WHERE study_id = ? ORDER BY processor

-- name: missing_of_study
SELECT sop_instance_uid FROM instances WHERE study_id = ? AND promised AND state IN ('awaited', 'missing')
ORDER BY sop_instance_uid LIMIT ?

-- name: series_of_study
SELECT series_instance_uid FROM wanted_series WHERE study_id = ? ORDER BY series_instance_uid

-- name: passed
SELECT archive, why, reason FROM passed WHERE subject = :subject AND subject_id = :subject_id ORDER BY archive

-- name: latest_command
SELECT command FROM processes WHERE role = :role AND instr(command, :words) ORDER BY id DESC LIMIT 1

-- name: last_event
SELECT coalesce(max(id), 0) FROM events

-- name: events
SELECT id, at, subject, subject_id, from_state, to_state, reason FROM events
WHERE id > :after AND id <= :upto
AND subject_id IN (SELECT value FROM json_each(:ids))  -- nearly all fail here, which saves a third of the time
AND (subject = 'row' AND subject_id = :row_id
     OR subject = 'study' AND subject_id IN (SELECT value FROM json_each(:study_ids)))
ORDER BY id
