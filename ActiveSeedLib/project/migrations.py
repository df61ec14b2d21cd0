"""The tables of a project, as the steps that lead from each version of them to the next."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (  # version 1
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        """CREATE TABLE segments (
            value INTEGER PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
            color TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0)""",
        """CREATE TABLE cases (
            key TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
            path TEXT NOT NULL, format TEXT NOT NULL, files TEXT, geometry BLOB NOT NULL,
            patient TEXT, facts TEXT, stem TEXT NOT NULL UNIQUE,
            status TEXT NOT NULL DEFAULT 'unlabelled' CHECK (status IN ('unlabelled', 'suggested',
                'in_progress', 'labelled', 'skipped', 'excluded', 'test')),
            held_out INTEGER NOT NULL DEFAULT 0,
            round INTEGER REFERENCES rounds (number), seconds REAL NOT NULL DEFAULT 0,
            available INTEGER NOT NULL DEFAULT 1, problem TEXT, note TEXT, label INTEGER)""",
        "CREATE INDEX cases_by_status ON cases (status, position)",
        "CREATE INDEX cases_by_name ON cases (name)",
        "CREATE INDEX cases_by_patient ON cases (patient)",
        "CREATE TABLE refused (path TEXT NOT NULL, reason TEXT NOT NULL)",
        "CREATE TABLE duplicates (path TEXT NOT NULL, same_as TEXT NOT NULL)",
        """CREATE TABLE labels (
            key TEXT NOT NULL REFERENCES cases (key), version INTEGER NOT NULL,
            sha256 TEXT NOT NULL, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
            saved TEXT NOT NULL, source TEXT NOT NULL, seconds REAL, voxels TEXT NOT NULL,
            PRIMARY KEY (key, version))""",
        """CREATE TABLE rounds (
            number INTEGER PRIMARY KEY, strategy TEXT NOT NULL, parameters TEXT NOT NULL,
            seed INTEGER NOT NULL, provenance TEXT NOT NULL, created TEXT NOT NULL)""",
        """CREATE TABLE picks (
            round INTEGER NOT NULL REFERENCES rounds (number), position INTEGER NOT NULL,
            key TEXT NOT NULL REFERENCES cases (key), reason TEXT NOT NULL, why TEXT NOT NULL,
            PRIMARY KEY (round, position), UNIQUE (round, key))""",
        """CREATE TABLE models (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('training', 'finished', 'abandoned')),
            settings TEXT NOT NULL, provenance TEXT NOT NULL, started TEXT NOT NULL,
            finished TEXT, metrics TEXT NOT NULL DEFAULT '{}')""",
        """CREATE TABLE scores (
            model TEXT NOT NULL REFERENCES models (id), split TEXT NOT NULL, means TEXT NOT NULL,
            cases TEXT NOT NULL, PRIMARY KEY (model, split))""",
        """CREATE TABLE predictions (
            model TEXT NOT NULL REFERENCES models (id), key TEXT NOT NULL REFERENCES cases (key),
            facts TEXT NOT NULL, PRIMARY KEY (model, key))""",
        """CREATE TABLE journal (
            id INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, facts TEXT NOT NULL)""",
    ),
    (  # version 2: the 2-D maps
        """CREATE TABLE maps (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL,
            facts TEXT NOT NULL)""",
        """CREATE TABLE map_points (
            map INTEGER NOT NULL REFERENCES maps (id) ON DELETE CASCADE,
            key TEXT NOT NULL REFERENCES cases (key), x REAL NOT NULL, y REAL NOT NULL,
            PRIMARY KEY (map, key)) WITHOUT ROWID""",
    ),
    (  # version 3: single slices of cases; a map point's slice is -1 where it is a whole case
        """CREATE TABLE slices (
            key TEXT NOT NULL REFERENCES cases (key), slice INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('suggested', 'labelled', 'skipped')),
            round INTEGER REFERENCES rounds (number), reason TEXT NOT NULL,
            saved INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (key, slice)) WITHOUT ROWID""",
        """CREATE TABLE unit_points (
            map INTEGER NOT NULL REFERENCES maps (id) ON DELETE CASCADE,
            key TEXT NOT NULL REFERENCES cases (key), slice INTEGER NOT NULL,
            x REAL NOT NULL, y REAL NOT NULL,
            PRIMARY KEY (map, key, slice)) WITHOUT ROWID""",
        "INSERT INTO unit_points SELECT map, key, -1, x, y FROM map_points",
        "DROP TABLE map_points",
        "ALTER TABLE unit_points RENAME TO map_points",
    ),
)

VERSION = len(MIGRATIONS)
