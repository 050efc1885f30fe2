-- The ledger, version 5: letters that follow the first.

-- JSON, what a further letter builds on: the letters before it and what came back, as known when it was queued.
ALTER TABLE delivery ADD COLUMN continues TEXT;
-- 1: a person wants it to go although the organisation answered.
ALTER TABLE delivery ADD COLUMN despite_reply INTEGER NOT NULL DEFAULT 0;
-- Why a person holds the further letters of a recipient back.
ALTER TABLE recipient ADD COLUMN hold TEXT;
-- How many letters the sequence has.
ALTER TABLE campaign ADD COLUMN steps INTEGER NOT NULL DEFAULT 1;
