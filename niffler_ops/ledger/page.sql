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
WHERE id > :after AND id <= :up_to AND subject = 'extraction' AND from_state IS NOT to_state ORDER BY id

-- name: attempts
SELECT id, archive, lane, charged, julianday(started_at) * 86400 AS started, julianday(ended_at) * 86400 AS ended
FROM attempts WHERE id > :after ORDER BY id LIMIT :limit

-- name: answers
SELECT archive, status, count(*) AS number, max(ended_at) AS latest
FROM (SELECT archive, status, ended_at FROM attempts WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT :limit)
GROUP BY archive, status ORDER BY archive, number DESC

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
