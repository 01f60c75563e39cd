-- has_scope NULL: of a record of before, whose scopes were resolved if it has any. No row is rewritten.
ALTER TABLE $T ADD COLUMN has_scope INTEGER;
ALTER TABLE $T ADD COLUMN user_generation INTEGER NOT NULL DEFAULT 0;
