-- The ledger, version 4: what came back.

-- The Message-ID that a provider put in the place of ours, as its reply to end-of-data told: answers refer to it.
ALTER TABLE delivery ADD COLUMN wire_id TEXT;
CREATE INDEX delivery_wire_id ON delivery (wire_id) WHERE wire_id IS NOT NULL;
-- JSON, the recipient as it was when this letter went, where the roster has another address by now.
ALTER TABLE delivery ADD COLUMN frozen TEXT;
-- Letters that went again are few, and are looked for with every count.
CREATE INDEX delivery_again ON delivery (campaign) WHERE generation > 0;
-- One answer counts for the whole organisation.
CREATE INDEX recipient_organisation ON recipient (campaign, organisation) WHERE organisation IS NOT NULL;

-- What came back about a letter, or what a person says of a recipient. Append-only, but for the judgement.
CREATE TABLE inbound (
    id          INTEGER PRIMARY KEY,
    campaign    INTEGER NOT NULL REFERENCES campaign (id),
    recipient   INTEGER NOT NULL REFERENCES recipient (id),
    delivery    INTEGER REFERENCES delivery (id),
    source      TEXT    NOT NULL,             -- 'imap://ada@mail.example/INBOX', 'maildir:…', 'by hand'
    fingerprint BLOB    UNIQUE,               -- the same message in another folder, or under another UID, has the same
    message_id  TEXT,
    sender      TEXT,                         -- the address it came from
    subject     TEXT,
    at          INTEGER NOT NULL,             -- its own date
    read_at     INTEGER NOT NULL,
    kind        TEXT    NOT NULL,             -- 'reply', 'bounce', …: what it counts as, a judgement included
    reading     TEXT    NOT NULL,             -- JSON, what was read out of it
    stop        INTEGER,                      -- 1 replied, 2 opted out, 3 complained, 4 bounced; none: it stops nothing
    until       TEXT,                         -- of an absence: the day of return
    review      INTEGER NOT NULL DEFAULT 0,   -- 0 needs nobody, 1 waits for a person, 2 judged
    judged_at   INTEGER,
    judged      TEXT,                         -- what the person said
    kept        TEXT                          -- the folder with its text and attachments, below that of the ledger
) STRICT;
CREATE INDEX inbound_stop ON inbound (campaign, stop) WHERE stop IS NOT NULL;
CREATE INDEX inbound_recipient ON inbound (recipient);
CREATE INDEX inbound_review ON inbound (campaign) WHERE review = 1;

-- How far each folder was read; moves in the transaction that records what was read.
CREATE TABLE cursor (
    mailbox    TEXT NOT NULL,                 -- 'imap://ada@mail.example'
    folder     TEXT NOT NULL,
    cursor     TEXT NOT NULL,                 -- JSON
    read_to_end_at INTEGER,                   -- when it was last read to its end without error
    PRIMARY KEY (mailbox, folder)
) STRICT, WITHOUT ROWID;
