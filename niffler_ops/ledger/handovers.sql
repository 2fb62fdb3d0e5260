-- name: processors
SELECT processor, settings, active FROM processors

-- name: set_processor
INSERT INTO processors (processor, settings, active) VALUES (:processor, :settings, 1)
ON CONFLICT (processor) DO UPDATE SET settings = excluded.settings, active = 1

-- name: drop_processor
UPDATE processors SET active = 0 WHERE processor = ?

-- name: drop_waiting_handovers
DELETE FROM handovers WHERE processor = ? AND state = 'waiting'

-- name: hand_over_done_studies
INSERT OR IGNORE INTO handovers (study_id, processor, state) SELECT id, :processor, 'waiting' FROM studies WHERE state = 'done'

-- name: handovers_to_redo
SELECT id, state FROM handovers WHERE processor = ? AND state IN ('done', 'failed')

-- name: handovers_failed
SELECT id, state FROM handovers WHERE state = 'failed'

-- name: handovers_processing
SELECT id, state FROM handovers WHERE state = 'processing'

-- name: handovers_due
SELECT handovers.id, handovers.study_id, handovers.processor, handovers.given, handovers.attempts,
       studies.study_instance_uid
FROM handovers JOIN studies ON studies.id = handovers.study_id
WHERE handovers.state = 'waiting' AND handovers.not_before <= :now AND studies.state IN ('done', 'partial', 'failed')
AND handovers.processor NOT IN (SELECT value FROM json_each(:resting))
AND handovers.id NOT IN (SELECT value FROM json_each(:busy))
ORDER BY handovers.not_before, handovers.id LIMIT :limit

-- name: shorten_waits_of_handovers
UPDATE handovers SET not_before = :latest WHERE state = 'waiting' AND not_before > :latest

-- name: handover_given
UPDATE handovers SET given = given + 1, attempts = attempts + 1 WHERE id = ?

-- name: handover_transition
UPDATE handovers SET state = :after, reason = :reason WHERE id = :id AND state = :before

-- name: handover_answer_is_current
SELECT 1 FROM handovers WHERE id = :id AND given = :given AND state = 'processing'

-- name: handover_counted
UPDATE handovers SET files = :files, held = :held WHERE id = :id

-- name: handover_again
UPDATE handovers SET not_before = :not_before, attempts = attempts - :refund WHERE id = :id

-- name: handover_taken_up
UPDATE handovers SET attempts = 0, not_before = 0 WHERE id = ?

-- name: filed_of_study
SELECT path FROM instances WHERE study_id = ? AND state = 'filed' ORDER BY path

-- name: tables_behind
SELECT max(events.id) AS event FROM events JOIN handovers ON handovers.id = events.subject_id
WHERE events.subject = 'handover' AND events.to_state = 'done' AND handovers.processor <> 'command'
AND events.id > (SELECT tables_event FROM extraction)

-- name: tables_written
UPDATE extraction SET tables_event = max(tables_event, :event)
