-- name: last_event
SELECT coalesce(max(id), 0) AS id FROM events

-- name: ends
SELECT CAST(strftime('%s', events.at) AS INTEGER) / 60 AS minute, events.to_state AS state,
       coalesce((SELECT group_concat(modality, '\') FROM modalities WHERE study_id = studies.id),
                json_extract(answers.attributes, '$.ModalitiesInStudy'), '') AS modalities,
       count(*) AS studies, sum(studies.received) AS instances
FROM events CROSS JOIN studies ON studies.id = events.subject_id
LEFT JOIN answers ON answers.study_id = studies.id AND answers.series_instance_uid = ''
WHERE events.id > :after AND events.id <= :up_to
AND events.subject = 'study' AND events.to_state IN ('done', 'partial', 'failed')
GROUP BY minute, events.to_state, modalities

-- name: turns
SELECT CAST(strftime('%s', at) AS INTEGER) / 60 AS minute, to_state AS state FROM events
WHERE id > :after AND id <= :up_to AND subject = 'extraction' ORDER BY id

-- name: attempts
SELECT id, archive, lane, charged, julianday(started_at) * 86400 AS started, julianday(ended_at) * 86400 AS ended
FROM attempts WHERE id > :after ORDER BY id LIMIT :limit

-- name: lanes
SELECT attempts.archive, attempts.lane, count(*) AS studies, min(attempts.id), attempts.started_at,
       studies.study_instance_uid, studies.received, studies.expected
FROM attempts JOIN studies ON studies.id = attempts.study_id
WHERE attempts.ended_at IS NULL GROUP BY attempts.archive, attempts.lane ORDER BY attempts.archive, attempts.lane

-- name: answers
SELECT archive, status, count(*) AS number, max(ended_at) AS latest
FROM (SELECT archive, status, ended_at FROM attempts WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT :limit)
GROUP BY archive, status ORDER BY archive, number DESC

-- name: newest_events
SELECT latest.at, latest.subject, latest.to_state, latest.reason, rows.line, handovers.processor,
       studies.study_instance_uid
FROM (SELECT * FROM events WHERE id > :after AND (subject = 'extraction' OR to_state IN (
          'done', 'partial', 'failed', 'not_found', 'rejected')) ORDER BY id DESC LIMIT :limit) AS latest
LEFT JOIN rows ON latest.subject = 'row' AND rows.id = latest.subject_id
LEFT JOIN handovers ON latest.subject = 'handover' AND handovers.id = latest.subject_id
LEFT JOIN studies ON studies.id = CASE latest.subject WHEN 'study' THEN latest.subject_id ELSE handovers.study_id END
ORDER BY latest.id DESC

-- name: rows
SELECT chosen.line, chosen.cells, chosen.state, chosen.reason, count(studies.id) AS studies, coalesce(sum(studies.expected), 0) AS expected,
       coalesce(sum(studies.received), 0) AS received, group_concat(DISTINCT studies.verified) AS verified,
       group_concat(DISTINCT nullif(studies.archive, '')) AS archives,
       (SELECT group_concat(uid) FROM (
            SELECT study_instance_uid AS uid FROM row_studies JOIN studies ON studies.id = study_id
            WHERE row_id = chosen.id ORDER BY studies.id LIMIT :names)) AS uids
FROM (SELECT id, line, cells, rows.state, rows.reason FROM rows
      WHERE line >= :first AND rows.state IN (SELECT value FROM json_each(:states)) ORDER BY line LIMIT :limit) AS chosen
LEFT JOIN row_studies ON row_studies.row_id = chosen.id
LEFT JOIN studies ON studies.id = row_studies.study_id
GROUP BY chosen.line ORDER BY chosen.line
