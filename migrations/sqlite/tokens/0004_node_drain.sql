-- What somebody wishes of a node (drain), and what it says of itself beside its workers.
ALTER TABLE node ADD COLUMN drain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
