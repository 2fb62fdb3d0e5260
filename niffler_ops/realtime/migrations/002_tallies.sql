-- What was read ever, of which the distinct instances are received, and the others repeated; when the nightly
-- deletion was done last.
INSERT INTO counts (name, number) SELECT 'readings', sum(number) FROM counts WHERE name IN ('received', 'repeated');
ALTER TABLE receiver ADD COLUMN nightly_at TEXT;

DROP INDEX files_by_study;
CREATE INDEX files_by_study ON files (study, received);
