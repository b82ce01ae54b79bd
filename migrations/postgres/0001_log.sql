-- The log. One row of `head` orders everything: whoever appends locks it first and holds it to the commit, so positions
-- are dense and in commit order, and a reader that sees an event sees all before it.

CREATE TABLE nova.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    -- Milliseconds since the Unix epoch.
    recorded_at bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

INSERT INTO nova.head (position, recorded_at) VALUES (0, 0);

CREATE TABLE nova.events (
    position bigint PRIMARY KEY,
    -- That of a command's first event is the command's id.
    event_id uuid NOT NULL UNIQUE,
    command_id uuid NOT NULL,
    -- Its place among the events of its command: 16 bits without a sign.
    ordinal smallint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    recorded_at bigint NOT NULL,
    data bytea NOT NULL,
    meta bytea NOT NULL,
    UNIQUE (stream, revision)
);

CREATE INDEX events_category_position ON nova.events (category, position);

-- Appends a batch of commands, each whole or not at all, and says of each what became of it. Called again with the same
-- commands it finds them done.
--
-- Arrays speak of commands, of their writes and of the writes' events, all in order:
--   command_ids, command_earlier (the place of the one before with the same id, 0: none), command_last_write;
--   write_stream, write_stream_number (the same number for the same stream), write_expected (a revision, -1: no stream,
--   -2: anything, -3: a stream), write_events (how many), write_before (how many events the batch has for the stream
--   before this write), write_first (how many events the batch has before this write at all);
--   event_write, event_nth (its place in its write), and what is stored of it.
--
-- Answers: the head before, then of each command a verdict (0 appended, 1 in the log since position `details`, 2 conflict
-- in its write `details`, 3 same as the command of the batch at place `details`), and of each write the revision it
-- builds on (-1: none; of a conflict: what the revision is). No verdicts: all were appended.
--
-- Every statement after the lock has a snapshot of its own, with all that was committed before the lock was given: this
-- must run at READ COMMITTED. Usually every condition holds and nothing is repeated, which one statement tells; only
-- otherwise are the commands gone through one by one. The settings keep plans from being made for a table as it
-- was when it was empty, or again for every batch.
CREATE FUNCTION nova.append(
    command_ids uuid[],
    command_earlier integer[],
    command_last_write integer[],
    write_stream text[],
    write_stream_number integer[],
    write_expected bigint[],
    write_events integer[],
    write_before bigint[],
    write_first bigint[],
    event_write integer[],
    event_nth integer[],
    event_ids uuid[],
    event_commands uuid[],
    event_ordinals smallint[],
    event_kinds text[],
    event_data bytea[],
    event_meta bytea[],
    OUT head_before bigint,
    OUT head_after bigint,
    OUT verdicts smallint[],
    OUT details bigint[],
    OUT bases bigint[]
)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    now_ms bigint;
    known bigint[];
    any_known boolean;
    all_hold boolean;
    -- Of each write: the position of its first event, null when its command is not appended.
    positions bigint[];
    -- Of each stream: its last revision.
    heads bigint[];
    command_count integer := cardinality(command_ids);
    write_count integer := cardinality(write_stream);
    first_write integer := 1;
    last_write integer;
    s integer;
    expected bigint;
    base bigint;
    refused integer;
BEGIN
    SELECT h.position, h.recorded_at INTO STRICT head_before, now_ms FROM nova.head h FOR UPDATE;
    head_after := head_before;

    SELECT array_agg(found.position), coalesce(bool_or(found.position IS NOT NULL), false)
      INTO known, any_known
      FROM (SELECT (SELECT e.position FROM nova.events e WHERE e.event_id = c.id AND e.ordinal = 0)
              FROM unnest(command_ids) AS c (id)) AS found (position);

    SELECT array_agg(w.base), array_agg(head_before + 1 + w.first),
           coalesce(bool_and(CASE w.expected WHEN -2 THEN true WHEN -3 THEN w.base >= 0
                                             ELSE w.base = w.expected END), true)
      INTO bases, positions, all_hold
      FROM (SELECT coalesce((SELECT e.revision FROM nova.events e WHERE e.stream = u.stream
                              ORDER BY e.revision DESC LIMIT 1), -1) + u.before, u.first, u.expected
              FROM unnest(write_stream, write_before, write_first, write_expected)
                AS u (stream, before, first, expected)) AS w (base, first, expected);

    IF all_hold AND NOT any_known AND NOT 0 < ANY (command_earlier) THEN
        head_after := head_before + cardinality(event_ids);
    ELSE
        verdicts := array_fill(0::smallint, ARRAY[command_count]);
        details := array_fill(0::bigint, ARRAY[command_count]);
        positions := array_fill(NULL::bigint, ARRAY[write_count]);
        heads := array_fill(NULL::bigint, ARRAY[write_count]);
        FOR w IN 1 .. write_count LOOP
            heads[write_stream_number[w]] := bases[w] - write_before[w];
        END LOOP;
        FOR c IN 1 .. command_count LOOP
            last_write := command_last_write[c];
            IF known[c] IS NOT NULL THEN
                verdicts[c] := 1;
                details[c] := known[c];
            ELSIF command_earlier[c] > 0 AND verdicts[command_earlier[c]] = 3 THEN
                verdicts[c] := 3;
                details[c] := details[command_earlier[c]];
            ELSIF command_earlier[c] > 0 AND verdicts[command_earlier[c]] = 0 AND details[command_earlier[c]] > 0 THEN
                verdicts[c] := 3;
                details[c] := command_earlier[c];
            ELSE
                refused := 0;
                FOR w IN first_write .. last_write LOOP
                    s := write_stream_number[w];
                    base := heads[s];
                    bases[w] := base;
                    expected := write_expected[w];
                    IF expected <> -2 AND (expected <> -3 OR base < 0) AND base <> expected THEN
                        refused := w;
                        EXIT;
                    END IF;
                    heads[s] := base + write_events[w];
                END LOOP;
                IF refused > 0 THEN
                    verdicts[c] := 2;
                    details[c] := refused;
                    -- Backwards, so that a stream ends as the command found it.
                    FOR w IN REVERSE refused - 1 .. first_write LOOP
                        heads[write_stream_number[w]] := bases[w];
                    END LOOP;
                ELSE
                    FOR w IN first_write .. last_write LOOP
                        positions[w] := head_after + 1;
                        head_after := head_after + write_events[w];
                        -- How many events the command has: without any it leaves no trace, and can be repeated.
                        details[c] := details[c] + write_events[w];
                    END LOOP;
                END IF;
            END IF;
            first_write := last_write + 1;
        END LOOP;
    END IF;

    IF head_after > head_before THEN
        now_ms := greatest(now_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
        INSERT INTO nova.events
               (position, event_id, command_id, ordinal, stream, category, revision, kind, recorded_at, data, meta)
        SELECT positions[e.write] + e.nth, e.id, e.command, e.ordinal, write_stream[e.write],
               split_part(write_stream[e.write], '-', 1), bases[e.write] + 1 + e.nth, e.kind, now_ms, e.data, e.meta
          FROM unnest(event_write, event_nth, event_ids, event_commands, event_ordinals, event_kinds, event_data,
                      event_meta) AS e (write, nth, id, command, ordinal, kind, data, meta)
         WHERE positions[e.write] IS NOT NULL;
        UPDATE nova.head h SET position = head_after, recorded_at = now_ms;
    END IF;
END
$$;
