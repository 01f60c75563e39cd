-- Rows keep these at the end; the order in a table is that of bucket.sql.
ALTER TABLE $T ADD COLUMN predecessor BLOB;
ALTER TABLE $T ADD COLUMN predecessor_class INTEGER NOT NULL DEFAULT 0;
ALTER TABLE $T ADD COLUMN predecessor_index INTEGER NOT NULL DEFAULT 0;
