-- A corrected CSV against the rows: once for a run, and all rows are looked at.

-- name: csv_changed
UPDATE extraction SET csv_file = :csv_file, csv_digest = :csv_digest, csv_header = :csv_header, updated_at = :now
WHERE id = 1

-- name: make_given
CREATE TEMP TABLE given (id INTEGER PRIMARY KEY, line INTEGER, cells TEXT, keys TEXT, reason TEXT, content TEXT)

-- name: insert_given
INSERT INTO given (line, cells, keys, reason, content)
VALUES (:line, :cells, :keys, :reason, coalesce(:keys, 'cells:' || :cells))

-- name: make_pairs
CREATE TEMP TABLE pairs (row_id INTEGER PRIMARY KEY, given_id INTEGER)

-- name: pair_by_content
-- The cast gives both sides of the join the affinity of text: else SQLite compares every row with every line.
INSERT INTO pairs
WITH known AS (
    SELECT id, CAST(coalesce(keys, 'cells:' || cells) AS TEXT) AS content,
           row_number() OVER (PARTITION BY coalesce(keys, 'cells:' || cells)
                              ORDER BY same_as IS NOT NULL, state = 'withdrawn', id) AS place
    FROM rows
), asked AS (
    SELECT id, content, row_number() OVER (PARTITION BY content ORDER BY line) AS place FROM given
)
SELECT known.id AS row_id, asked.id AS given_id FROM asked JOIN known USING (content, place)

-- name: forget_lines
UPDATE rows SET line = NULL WHERE line IS NOT NULL

-- name: take_lines
UPDATE rows SET line = given.line, cells = given.cells,
    reason = CASE rows.state WHEN 'rejected' THEN given.reason ELSE rows.reason END
FROM pairs JOIN given ON given.id = pairs.given_id WHERE rows.id = pairs.row_id

-- name: withdraw_rows
UPDATE rows SET state = 'withdrawn', reason = '' WHERE line IS NULL AND state <> 'withdrawn'

-- name: unlink_returning
DELETE FROM row_studies WHERE row_id IN (SELECT id FROM rows WHERE line IS NOT NULL AND state = 'withdrawn')

-- name: return_rows
UPDATE rows SET state = CASE WHEN keys IS NULL THEN 'rejected' ELSE 'pending' END,
    reason = CASE WHEN keys IS NULL THEN
        (SELECT given.reason FROM pairs JOIN given ON given.id = pairs.given_id WHERE pairs.row_id = rows.id)
        ELSE '' END,
    attempts = 0, not_before = 0, mismatches = 0, untold = 0, archive = '', waits = 0, unqueried = 0
WHERE line IS NOT NULL AND state = 'withdrawn'

-- name: new_lines
SELECT line, cells, keys, reason FROM given WHERE id NOT IN (SELECT given_id FROM pairs) ORDER BY line

-- name: drop_given
DROP TABLE given

-- name: drop_pairs
DROP TABLE pairs

-- name: rows_behind_their_first
SELECT rows.id, first.id AS first_id, first.state, first.reason FROM rows JOIN rows AS first ON first.id = rows.same_as
WHERE rows.state = 'pending' AND first.state NOT IN ('pending', 'querying')

-- name: copy_links
INSERT OR IGNORE INTO row_studies (row_id, study_id) SELECT :row_id, study_id FROM row_studies WHERE row_id = :first_id

-- name: copy_untold
UPDATE rows SET untold = (SELECT untold FROM rows AS first WHERE first.id = :first_id) WHERE id = :row_id

-- name: forget_archives_of_withdrawn
DELETE FROM passed WHERE subject = 'row' AND subject_id IN (SELECT id FROM rows WHERE state = 'withdrawn')

-- name: make_idle
CREATE TEMP TABLE idle AS
SELECT studies.id FROM studies WHERE state IN ('found', 'listed') AND asked = 0
AND NOT EXISTS (SELECT 1 FROM row_studies JOIN rows ON rows.id = row_studies.row_id
                WHERE row_studies.study_id = studies.id AND rows.state <> 'withdrawn')

-- name: unlink_idle
DELETE FROM row_studies WHERE study_id IN (SELECT id FROM idle)

-- name: forget_instances_of_idle
DELETE FROM instances WHERE study_id IN (SELECT id FROM idle)

-- name: forget_series_of_idle
DELETE FROM wanted_series WHERE study_id IN (SELECT id FROM idle)

-- name: forget_answers_of_idle
DELETE FROM answers WHERE study_id IN (SELECT id FROM idle)

-- name: forget_modalities_of_idle
DELETE FROM modalities WHERE study_id IN (SELECT id FROM idle)

-- name: forget_archives_of_idle
DELETE FROM passed WHERE subject = 'study' AND subject_id IN (SELECT id FROM idle)

-- name: delete_idle
DELETE FROM studies WHERE id IN (SELECT id FROM idle)

-- name: drop_idle
DROP TABLE idle
