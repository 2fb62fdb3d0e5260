-- What goes on just now, for those who watch.

-- name: lanes
SELECT under_way.archive, under_way.lane, under_way.studies, studies.study_instance_uid, studies.received,
       studies.expected, max(first.started_at, coalesce(before.ended_at, '')) AS since
FROM (SELECT archive, lane, count(*) AS studies, min(id) AS id FROM attempts WHERE ended_at IS NULL
      GROUP BY archive, lane) AS under_way
JOIN attempts AS first ON first.id = under_way.id
JOIN studies ON studies.id = first.study_id
-- the studies of a batch stand one after the other, and each has its turn when the one before it has ended
LEFT JOIN attempts AS before
    ON before.id = under_way.id - 1 AND before.archive = under_way.archive AND before.lane = under_way.lane
ORDER BY under_way.archive, under_way.lane

-- name: newest_events
SELECT latest.at, latest.subject, latest.to_state, latest.reason, rows.line, handovers.processor,
       studies.study_instance_uid
FROM (SELECT * FROM events WHERE id > (SELECT max(id) - :events FROM events) AND (
          subject = 'extraction'
          OR subject = 'study' AND (to_state IN ('done', 'partial', 'failed') OR reason <> '')
          OR subject = 'row' AND to_state IN ('failed', 'not_found') AND from_state <> 'matched'  -- its studies tell
          OR subject = 'handover' AND to_state = 'failed')
      ORDER BY id DESC LIMIT :limit) AS latest
LEFT JOIN rows ON latest.subject = 'row' AND rows.id = latest.subject_id
LEFT JOIN handovers ON latest.subject = 'handover' AND handovers.id = latest.subject_id
LEFT JOIN studies ON studies.id = CASE latest.subject WHEN 'study' THEN latest.subject_id ELSE handovers.study_id END
ORDER BY latest.id DESC

-- name: newest_problems
SELECT rows.line, rows.state, rows.reason
FROM events CROSS JOIN rows ON rows.id = events.subject_id
WHERE events.id > (SELECT max(id) - :events FROM events)
AND events.subject = 'row' AND events.to_state IN ('partial', 'failed', 'not_found')
AND rows.state IN ('partial', 'failed', 'not_found') AND rows.line IS NOT NULL
ORDER BY events.id DESC

-- name: arrived
SELECT CAST(strftime('%s', events.at) AS INTEGER) AS second, sum(studies.received) AS instances
FROM events CROSS JOIN studies ON studies.id = events.subject_id
WHERE events.id > (SELECT max(id) - :events FROM events) AND events.at >= :since
AND events.subject = 'study' AND events.to_state IN ('done', 'partial')
GROUP BY second
