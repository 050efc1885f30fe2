-- The ledger, version 3: the files that go along with letters.

-- Each file once, however many letters it goes along with.
CREATE TABLE file (
    id      INTEGER PRIMARY KEY,
    digest  BLOB NOT NULL UNIQUE,   -- SHA-256 of the content
    content BLOB NOT NULL
) STRICT;

-- What goes along with a letter: each list once, since mostly all letters have the same.
CREATE TABLE enclosures (
    id   INTEGER PRIMARY KEY,
    list TEXT NOT NULL UNIQUE       -- JSON: name, digest, size and media type of each file, in their order
) STRICT;

ALTER TABLE delivery ADD COLUMN enclosures INTEGER REFERENCES enclosures (id);  -- frozen with the row
-- Of the message of the last claim that noted end-of-data, beside its digest and date:
ALTER TABLE delivery ADD COLUMN made TEXT;          -- JSON likewise: files that were made when it was printed, as a PDF letter
ALTER TABLE delivery ADD COLUMN noted_without TEXT; -- JSON: the addresses that were left out of it
UPDATE delivery SET noted_without = without WHERE message IS NOT NULL;
