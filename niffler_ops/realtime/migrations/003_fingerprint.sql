-- Whose pseudonyms the records have: of the secret that they were made with first.
ALTER TABLE receiver ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
