-- Since this version cursors name the history that they are of. The columns are made with the base, which every repair stands on.

ALTER TABLE cursors ADD COLUMN IF NOT EXISTS event UUID, ADD COLUMN IF NOT EXISTS recorded_at UInt64;
