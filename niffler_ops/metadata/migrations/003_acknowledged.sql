-- Whose records they are, and the mark that the store was given last with some: see Store.mark.
ALTER TABLE revisions ADD COLUMN writer TEXT NOT NULL DEFAULT '';
ALTER TABLE revisions ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0;
UPDATE revisions SET writer = lower(hex(randomblob(8)));
