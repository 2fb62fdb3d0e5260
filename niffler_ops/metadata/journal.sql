-- name: next_revision
UPDATE revisions SET last = last + 1

-- name: last_revision
SELECT last FROM revisions

-- name: series_of
SELECT id, folded_digests FROM series WHERE uid = ?

-- name: add_series
INSERT INTO series (uid, revision, changed_at) VALUES (?, ?, ?)

-- name: known_instance
SELECT facts FROM instances WHERE series = ? AND digest = ?

-- name: add_instance
INSERT INTO instances (series, digest, facts, received) VALUES (?, ?, ?, ?)

-- name: change_instance
UPDATE instances SET facts = ? WHERE series = ? AND digest = ?

-- name: series_changed
UPDATE series SET revision = :revision, changed_at = :now, detailed = detailed + :added WHERE id = :id

-- name: to_store
SELECT id, revision FROM series
WHERE revision > stored_revision AND revision > refused_revision AND (revision, id) > (:revision, :id) AND revision <= :last
    AND changed_at < :changed_before
ORDER BY revision, id LIMIT :most

-- name: to_fold
SELECT id FROM series
WHERE detailed > 0 AND revision = stored_revision AND changed_at < :changed_before
ORDER BY changed_at LIMIT :most

-- name: folded
SELECT folded, folded_digests FROM series WHERE id = ?

-- name: instances
SELECT digest, facts, received FROM instances WHERE series = ?

-- name: stored
UPDATE series SET stored_revision = :revision, refused_revision = 0, refusal = '' WHERE id = :id

-- name: refused
UPDATE series SET refused_revision = :revision, refusal = :reason WHERE id = :id

-- name: refusals
SELECT uid, refusal FROM series WHERE refused_revision = revision ORDER BY changed_at LIMIT ?

-- name: refusal_count
SELECT count(*) AS series FROM series WHERE refused_revision = revision

-- name: try_refused_again
UPDATE series SET refused_revision = 0 WHERE refused_revision = revision

-- name: fold
UPDATE series SET folded = :folded, folded_digests = :digests, detailed = 0 WHERE id = :id

-- name: drop_instances
DELETE FROM instances WHERE series = ?

-- name: store_again
UPDATE series SET stored_revision = 0, refused_revision = 0 WHERE stored_revision > 0

-- name: acknowledged
SELECT writer, acknowledged FROM revisions

-- name: set_acknowledged
UPDATE revisions SET acknowledged = max(acknowledged, ?)

-- name: instances_added
UPDATE revisions SET instances = instances + ?

-- name: totals
SELECT instances, destination FROM revisions

-- name: set_destination
UPDATE revisions SET destination = ?

-- name: backlog
SELECT count(*) AS series, coalesce(sum(detailed), 0) AS instances, min(changed_at) AS oldest
FROM series WHERE revision > stored_revision AND revision > refused_revision

-- name: state
SELECT revision = stored_revision AS stored, changed_at, detailed, length(folded_digests) AS digests
FROM series WHERE uid = ?
