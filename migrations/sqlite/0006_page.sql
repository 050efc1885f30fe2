-- The ledger, version 6: what people decide on the page.

-- Who approves which plan. By the campaign's name, since it is in the ledger only once its first letter goes.
CREATE TABLE approval (
    id           INTEGER PRIMARY KEY,
    campaign     TEXT    NOT NULL,
    plan         TEXT    NOT NULL,              -- the digest of the plan that was read
    person       TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    withdrawn_at INTEGER
) STRICT;

-- The wish that an approved plan is sent; whoever sends takes it up once.
CREATE TABLE start (
    id       INTEGER PRIMARY KEY,
    campaign TEXT    NOT NULL,
    plan     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    taken_at INTEGER,
    failed   TEXT                               -- why nothing came of it
) STRICT;

-- What each party says to each point of the letter, as a person read it. Append-only: the newest counts.
CREATE TABLE answer (
    id       INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaign (id),
    party    TEXT    NOT NULL,                  -- the organisation, or the key of a recipient who has none
    point    TEXT    NOT NULL,
    word     TEXT    NOT NULL,                  -- 'yes', 'partly', 'no', 'unclear'; 'none' takes what was filed back
    quote    TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX answer_of ON answer (campaign, party);
