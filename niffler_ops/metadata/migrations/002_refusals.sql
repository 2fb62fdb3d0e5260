-- Why the store did not take a series' record of a revision; how many instances there are in all, and where
-- records went last.
ALTER TABLE series ADD COLUMN refused_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
CREATE INDEX series_refused ON series (changed_at) WHERE refused_revision = revision;

DROP INDEX series_to_store;
CREATE INDEX series_to_store ON series (revision, changed_at, detailed)
WHERE revision > stored_revision AND revision > refused_revision;

ALTER TABLE revisions ADD COLUMN instances INTEGER NOT NULL DEFAULT 0;  -- distinct ones
ALTER TABLE revisions ADD COLUMN destination TEXT NOT NULL DEFAULT '';
UPDATE revisions SET instances =
    (SELECT coalesce(sum(detailed + coalesce(length(folded_digests), 0) / 8), 0) FROM series);
