-- The ledger, version 2: recipients who take no mail, further addressees of a letter, deadlines.

-- SQLite drops no NOT NULL from a column, so address and canonical are written into new ones.
DROP INDEX recipient_mailbox;
ALTER TABLE recipient RENAME COLUMN address TO address_1;
ALTER TABLE recipient RENAME COLUMN canonical TO canonical_1;
ALTER TABLE recipient ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail';   -- or web-form, post, phone
ALTER TABLE recipient ADD COLUMN address TEXT;      -- none for who takes no mail
ALTER TABLE recipient ADD COLUMN canonical TEXT;    -- one mailbox, one spelling
ALTER TABLE recipient ADD COLUMN addressees TEXT;   -- JSON, where there is more to say of them than the address
ALTER TABLE recipient ADD COLUMN deadline TEXT;     -- the last day on which anything may go: 2025-10-28
UPDATE recipient SET address = address_1, canonical = canonical_1;
ALTER TABLE recipient DROP COLUMN address_1;
ALTER TABLE recipient DROP COLUMN canonical_1;
CREATE UNIQUE INDEX recipient_mailbox ON recipient (campaign, canonical);

ALTER TABLE delivery ADD COLUMN not_after INTEGER;  -- lapses then, unless it was handed over before
ALTER TABLE delivery ADD COLUMN without TEXT;       -- JSON, the addresses that were left out when it was claimed
