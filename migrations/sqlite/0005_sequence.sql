-- The ledger, version 5: letters that follow the first.

-- JSON, what a further letter builds on: the letters before it and what came back, as known when it was queued.
ALTER TABLE delivery ADD COLUMN continues TEXT;
-- 1: a person wants it to go although the organisation answered.
ALTER TABLE delivery ADD COLUMN despite_reply INTEGER NOT NULL DEFAULT 0;
-- Why a person holds the further letters of a recipient back.
ALTER TABLE recipient ADD COLUMN hold TEXT;
-- JSON, the fields of the row as the roster has them now, where they differ from the frozen ones: for whom later letters leave out.
ALTER TABLE recipient ADD COLUMN fields_now TEXT;
-- How many letters the sequence has.
ALTER TABLE campaign ADD COLUMN steps INTEGER NOT NULL DEFAULT 1;
