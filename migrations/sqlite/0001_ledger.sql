-- The ledger, version 1. Times are milliseconds since 1970 UTC; states are the numbers of `State::code`.
-- Never edit a migration that was released: add the next one.

CREATE TABLE campaign (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    state         INTEGER NOT NULL DEFAULT 0,   -- 0 running, 1 paused, 2 finished, 3 cancelled
    why           TEXT,
    until         INTEGER,                      -- a pause that ends by itself
    definition    TEXT    NOT NULL,             -- JSON, frozen
    digest        TEXT    NOT NULL,
    seed          BLOB    NOT NULL,             -- Message-IDs and reverse-path tokens are derived from it
    sender_domain TEXT    NOT NULL,             -- the right part of every Message-ID
    plan          TEXT,
    roster_pass   INTEGER NOT NULL DEFAULT 0,   -- the last pass that was finished
    open_pass     INTEGER,                      -- a pass that is not: nothing is claimed meanwhile
    open_position INTEGER NOT NULL DEFAULT 0,   -- rows seen in the open pass
    launched_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE recipient (
    id           INTEGER PRIMARY KEY,
    campaign     INTEGER NOT NULL REFERENCES campaign (id),
    key          TEXT    NOT NULL,
    position     INTEGER NOT NULL,              -- in the roster, from 1
    pass         INTEGER NOT NULL,              -- the last pass over the roster that saw it
    address      TEXT    NOT NULL,
    canonical    TEXT    NOT NULL,              -- one mailbox, one spelling
    name         TEXT,
    organisation TEXT,
    fields       TEXT    NOT NULL               -- JSON, pairs in the order of the file
) STRICT;
CREATE UNIQUE INDEX recipient_key ON recipient (campaign, key);
CREATE UNIQUE INDEX recipient_mailbox ON recipient (campaign, canonical);

-- The accounts letters go out by; their limits are counted over all campaigns.
CREATE TABLE account (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    campaign    INTEGER NOT NULL REFERENCES campaign (id),
    recipient   INTEGER NOT NULL REFERENCES recipient (id),
    step        INTEGER NOT NULL,
    generation  INTEGER NOT NULL DEFAULT 0,
    state       INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    pass        INTEGER NOT NULL,               -- as the recipient's: the queue is read in the order of the roster
    position    INTEGER NOT NULL,
    domain      TEXT    NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,     -- all
    counted     INTEGER NOT NULL DEFAULT 0,     -- those that count against the retry policy
    fence       INTEGER NOT NULL DEFAULT 0,     -- rises with every claim
    owner       TEXT,                           -- while in flight
    lease_until INTEGER,                        -- while in flight
    account     INTEGER REFERENCES account (id),
    noted       INTEGER,                        -- the fence of the last claim that noted end-of-data
    message     BLOB,                           -- SHA-256 of the bytes of that claim
    dated       INTEGER,
    size        INTEGER,
    ended_at    INTEGER,                        -- when it was accepted or came into doubt: limits count this
    last_event  INTEGER,                        -- the newest line of its history with an attempt
    id_left     TEXT                            -- of the Message-ID (RFC 5322 §3.6.4), from the first claim on
) STRICT;
CREATE UNIQUE INDEX delivery_of ON delivery (recipient, step, generation);
CREATE UNIQUE INDEX delivery_message_id ON delivery (id_left) WHERE id_left IS NOT NULL;
CREATE INDEX delivery_queue ON delivery (campaign, pass, not_before, position, id, domain) WHERE state = 0;
CREATE INDEX delivery_in_flight ON delivery (account, owner) WHERE state = 1;
CREATE INDEX delivery_ended ON delivery (account, ended_at) WHERE ended_at IS NOT NULL;

-- The history. Append-only.
CREATE TABLE event (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    campaign  INTEGER REFERENCES campaign (id),
    recipient INTEGER REFERENCES recipient (id),
    delivery  INTEGER REFERENCES delivery (id),
    step      INTEGER,
    event     TEXT    NOT NULL,
    attempt   INTEGER,
    began     INTEGER,
    stage     TEXT,
    code      INTEGER,
    enhanced  TEXT,
    text      TEXT,
    note      TEXT
) STRICT;
CREATE INDEX event_recipient ON event (recipient) WHERE recipient IS NOT NULL;

-- Whom we do not write to, in any campaign: `ada@x.example`, or `x.example` with everything below it.
CREATE TABLE suppression (
    what   TEXT    NOT NULL PRIMARY KEY,
    reason TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
