"""The historian's tables, made by its administrator; a console never changes them.

Consoles belong to the role `lamplighter_console`, which may read everything and add rows, and
nothing else: no update, no delete, no table of its own. The tables that a console fills before
they are compared live in its session; a function of the administrator makes them.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1"
ROLE: Final = "lamplighter_console"

TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS lamplighter;
CREATE TABLE IF NOT EXISTS lamplighter.about(key text PRIMARY KEY, value text NOT NULL);
INSERT INTO lamplighter.about VALUES('version', '1'), ('id', gen_random_uuid()::text)
    ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS lamplighter.console(
    store text PRIMARY KEY, name text NOT NULL, writer text NOT NULL DEFAULT session_user,
    since timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE SEQUENCE IF NOT EXISTS lamplighter.receipt_number;
CREATE TABLE IF NOT EXISTS lamplighter.receipt(
    id bigint PRIMARY KEY, store text NOT NULL,
    first_batch bigint NOT NULL, last_batch bigint NOT NULL, last_fact bigint NOT NULL,
    messages bigint NOT NULL, fresh_messages bigint NOT NULL,
    points bigint NOT NULL, fresh_points bigint NOT NULL, aside bigint NOT NULL,
    writer text NOT NULL DEFAULT session_user,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX IF NOT EXISTS receipt_of_store ON lamplighter.receipt(store, id);
CREATE TABLE IF NOT EXISTS lamplighter.source(
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS lamplighter.datastream(
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source integer NOT NULL REFERENCES lamplighter.source, name text NOT NULL,
    text boolean NOT NULL, unit text NOT NULL, UNIQUE(source, name, text));
CREATE TABLE IF NOT EXISTS lamplighter.word(
    code integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    datastream integer NOT NULL REFERENCES lamplighter.datastream, text text NOT NULL,
    UNIQUE(datastream, text));
CREATE TABLE IF NOT EXISTS lamplighter.message(
    source integer NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL,
    hash64 bigint NOT NULL, received_ms bigint NOT NULL, points integer NOT NULL,
    store text NOT NULL, batch bigint NOT NULL, wall_ms bigint NOT NULL,
    receipt bigint NOT NULL, PRIMARY KEY(source, epoch, seq));
CREATE INDEX IF NOT EXISTS message_of_receipt ON lamplighter.message(receipt);
CREATE TABLE IF NOT EXISTS lamplighter.gap(
    store text NOT NULL, source integer NOT NULL, epoch bigint NOT NULL,
    first bigint NOT NULL, last bigint NOT NULL, state text NOT NULL,
    found_ms bigint NOT NULL, after_ms bigint NOT NULL, before_ms bigint NOT NULL,
    receipt bigint NOT NULL, PRIMARY KEY(store, source, epoch, first, last, state));
CREATE TABLE IF NOT EXISTS lamplighter.fact(
    store text NOT NULL, n bigint NOT NULL, kind text NOT NULL, key text NOT NULL,
    batch bigint NOT NULL, wall_ms bigint NOT NULL, body jsonb, receipt bigint NOT NULL,
    hash bytea NOT NULL, PRIMARY KEY(store, n, hash));
CREATE INDEX IF NOT EXISTS fact_by_key ON lamplighter.fact(kind, key);
"""

OBSERVATION: Final = """
CREATE TABLE IF NOT EXISTS lamplighter.observation(
    time_ms bigint NOT NULL, source integer NOT NULL, epoch bigint NOT NULL,
    seq bigint NOT NULL, n integer NOT NULL, datastream integer NOT NULL,
    value double precision NOT NULL, quality smallint NOT NULL,
    PRIMARY KEY(source, epoch, seq, n, time_ms))
"""

PARTITIONS: Final = """
DO $$
DECLARE
    year integer; month integer; low timestamptz; high timestamptz; now_year integer;
BEGIN
    now_year := extract(year FROM now());
    EXECUTE 'CREATE TABLE IF NOT EXISTS lamplighter.observation_other '
        'PARTITION OF lamplighter.observation DEFAULT';
    FOR year IN 1990..now_year + 3 LOOP
        FOR month IN 1..CASE WHEN year < now_year - 1 THEN 1 ELSE 12 END LOOP
            low := make_timestamptz(year, month, 1, 0, 0, 0, 'UTC');
            high := low + CASE WHEN year < now_year - 1 THEN interval '1 year'
                ELSE interval '1 month' END;
            IF NOT EXISTS (SELECT FROM lamplighter.part
                    WHERE low_ms < extract(epoch FROM high) * 1000
                      AND high_ms > extract(epoch FROM low) * 1000) THEN
                EXECUTE format('CREATE TABLE lamplighter.observation_%s PARTITION OF '
                    'lamplighter.observation FOR VALUES FROM (%s) TO (%s)',
                    to_char(low AT TIME ZONE 'UTC', 'YYYY_MM'),
                    (extract(epoch FROM low) * 1000)::bigint,
                    (extract(epoch FROM high) * 1000)::bigint);
                INSERT INTO lamplighter.part VALUES(
                    (extract(epoch FROM low) * 1000)::bigint,
                    (extract(epoch FROM high) * 1000)::bigint);
            END IF;
        END LOOP;
    END LOOP;
END $$;
"""
"""Years up to two years ago, months from then on; what has an impossible time has its own place.
Run again, it adds the months that have come since."""

STAGING: Final = """
CREATE OR REPLACE FUNCTION lamplighter.stage() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS staged_message(
        place integer NOT NULL, source integer NOT NULL, epoch bigint NOT NULL,
        seq bigint NOT NULL, hash64 bigint NOT NULL, received_ms bigint NOT NULL,
        points integer NOT NULL, batch bigint NOT NULL, wall_ms bigint NOT NULL)
        ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS staged_observation(
        place integer NOT NULL, time_ms bigint NOT NULL, source integer NOT NULL,
        epoch bigint NOT NULL, seq bigint NOT NULL, n integer NOT NULL,
        datastream integer NOT NULL, value double precision NOT NULL,
        quality smallint NOT NULL) ON COMMIT DELETE ROWS;
    GRANT SELECT, INSERT ON staged_message, staged_observation TO lamplighter_console;
END $$;
"""

VIEW: Final = """
CREATE OR REPLACE VIEW lamplighter.reading AS
    SELECT to_timestamp(o.time_ms / 1000.0) AS time, s.name AS source, d.name AS datastream,
        CASE WHEN d.text THEN NULL ELSE o.value END AS value, w.text AS state, d.unit,
        (ARRAY['good', 'uncertain', 'bad', 'stale'])[(o.quality & 3) + 1] AS quality
    FROM lamplighter.observation o
    JOIN lamplighter.datastream d ON d.id = o.datastream
    JOIN lamplighter.source s ON s.id = d.source
    LEFT JOIN lamplighter.word w ON d.text AND w.code = o.value::integer;
"""

RIGHTS: Final = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lamplighter_console') THEN
        CREATE ROLE lamplighter_console NOLOGIN;
    END IF;
END $$;
REVOKE ALL ON SCHEMA lamplighter FROM PUBLIC;
GRANT USAGE ON SCHEMA lamplighter TO lamplighter_console;
GRANT SELECT ON ALL TABLES IN SCHEMA lamplighter TO lamplighter_console;
GRANT INSERT ON lamplighter.console, lamplighter.receipt, lamplighter.source,
    lamplighter.datastream, lamplighter.word, lamplighter.message, lamplighter.observation,
    lamplighter.gap, lamplighter.fact TO lamplighter_console;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA lamplighter TO lamplighter_console;
REVOKE ALL ON FUNCTION lamplighter.stage() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lamplighter.stage() TO lamplighter_console;
"""

BY_TIME: Final = """
CREATE INDEX IF NOT EXISTS observation_by_time ON lamplighter.observation(datastream, time_ms);
"""

_PARTS: Final = """
CREATE TABLE IF NOT EXISTS lamplighter.part(
    low_ms bigint PRIMARY KEY, high_ms bigint NOT NULL);
"""

HYPERTABLE: Final = """
SELECT create_hypertable('lamplighter.observation', 'time_ms',
    chunk_time_interval => 2592000000, if_not_exists => true);
"""


def statements(timescale: bool) -> list[str]:
    """Everything an administrator runs, in order; each may be run again."""
    if timescale:
        storage = [OBSERVATION, HYPERTABLE]
    else:
        storage = [_PARTS, f"{OBSERVATION.rstrip()} PARTITION BY RANGE(time_ms)", PARTITIONS]
    return [TABLES, *storage, BY_TIME, VIEW, RIGHTS_ROLE, STAGING, RIGHTS]


RIGHTS_ROLE: Final = RIGHTS[: RIGHTS.index("REVOKE ALL ON SCHEMA")]
"""the role, before the function that names it"""


def script(timescale: bool = False) -> str:
    """The same as text for psql, for administrators who read before they run."""
    return ";\n".join(s.strip().rstrip(";") for s in statements(timescale)) + ";\n"
