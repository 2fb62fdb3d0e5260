-- In which hours of the week a sender sends.
CREATE TABLE habits (
    aet   TEXT NOT NULL,
    slot  INTEGER NOT NULL,                      -- the hour modulo the hours of a week
    hour  INTEGER NOT NULL,                      -- the last one in which it was heard, in hours since 1970
    weeks INTEGER NOT NULL,                      -- a bit for each week: 1 that hour, 2 the week before it ...
    PRIMARY KEY (aet, slot)
) WITHOUT ROWID;
