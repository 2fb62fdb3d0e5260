-- The series that are on the disk, kept by triggers, so that nobody has to read all files to know of them.
CREATE TABLE series (
    study  TEXT NOT NULL,
    series TEXT NOT NULL,
    oldest TEXT NOT NULL,                        -- times of reception
    newest TEXT NOT NULL,
    files  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    PRIMARY KEY (study, series)
) WITHOUT ROWID;
CREATE INDEX series_by_age ON series (oldest, study, series);

DROP INDEX files_by_series;
DROP INDEX files_by_study;
CREATE INDEX files_by_series ON files (study, series, received);
CREATE INDEX files_unreadable ON files (received) WHERE reason <> '';

CREATE TRIGGER file_added AFTER INSERT ON files WHEN NEW.series <> '' BEGIN
    INSERT INTO series (study, series, oldest, newest, files, bytes)
    VALUES (NEW.study, NEW.series, NEW.received, NEW.received, 1, NEW.size)
    ON CONFLICT (study, series) DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes,
        oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest);
END;
CREATE TRIGGER file_gone AFTER DELETE ON files WHEN OLD.series <> '' BEGIN
    UPDATE series SET files = files - 1, bytes = bytes - OLD.size,
        oldest = coalesce((SELECT received FROM files WHERE study = OLD.study AND series = OLD.series
            ORDER BY received LIMIT 1), oldest),
        newest = coalesce((SELECT received FROM files WHERE study = OLD.study AND series = OLD.series
            ORDER BY received DESC LIMIT 1), newest)
    WHERE study = OLD.study AND series = OLD.series;
    DELETE FROM series WHERE study = OLD.study AND series = OLD.series AND files = 0;
END;

INSERT INTO series (study, series, oldest, newest, files, bytes)
SELECT study, series, min(received), max(received), count(*), sum(size) FROM files WHERE series <> ''
GROUP BY study, series;
