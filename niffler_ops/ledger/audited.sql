-- What an audit trail tells, from where it was told last; both in the order of their ids.

-- name: audited_processes
SELECT id, role, pid, user_id, command, launched_at AS at FROM processes
WHERE id > :after AND role IN ('supervisor', 'findscu') AND launched_at IS NOT NULL
ORDER BY id LIMIT :limit

-- name: audited_events
SELECT events.id, events.at, events.subject, events.to_state, studies.study_instance_uid, studies.archive,
       studies.expected, studies.received,
       (SELECT rows.keys FROM row_studies JOIN rows ON rows.id = row_id WHERE study_id = studies.id LIMIT 1) AS keys
FROM events LEFT JOIN studies ON events.subject = 'study' AND studies.id = events.subject_id
WHERE events.id > :after
AND (events.subject = 'study' AND events.to_state IN ('done', 'partial', 'failed') AND studies.id IS NOT NULL
     OR events.subject = 'extraction' AND events.to_state IN ('stopped', 'finished'))
ORDER BY events.id LIMIT :limit

-- name: audited_supervisor
SELECT pid, user_id FROM processes
WHERE role = 'supervisor' AND launched_at <= :at ORDER BY id DESC LIMIT 1

-- name: newest_event
SELECT coalesce(max(id), 0) AS id FROM events
