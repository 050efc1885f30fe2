-- The ledger, version 7: letters that somebody wants to see in their own mailbox first. No deliveries, and never followed up.
CREATE TABLE trial (
    id       INTEGER PRIMARY KEY,
    campaign TEXT    NOT NULL,                  -- by name, as in `approval`
    key      TEXT    NOT NULL,                  -- whose letter
    step     INTEGER NOT NULL,
    address  TEXT    NOT NULL,                  -- where to
    at       INTEGER NOT NULL,
    taken_at INTEGER,
    ended_at INTEGER,
    failed   INTEGER NOT NULL DEFAULT 0,        -- 1: it did not go; 2: it may have gone
    said     TEXT                               -- what the relay said, or why it did not go
) STRICT;
CREATE INDEX trial_of ON trial (campaign, key);
CREATE INDEX trial_waiting ON trial (campaign) WHERE taken_at IS NULL;
