-- What somebody wishes of a node (drain), and what it says of itself beside its workers.
ALTER TABLE node ADD COLUMN drain boolean NOT NULL DEFAULT false;
ALTER TABLE node ADD COLUMN draining boolean NOT NULL DEFAULT false;
ALTER TABLE node ADD COLUMN requests bigint NOT NULL DEFAULT 0;
