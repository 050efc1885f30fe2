//! The schema and how a file comes to have it: migrations, pragmas, file modes.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::LedgerError;

/// Every step of the schema, in order; `PRAGMA user_version` is how many were taken.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_ledger.sql"),
    include_str!("../../migrations/sqlite/0002_channels.sql"),
    include_str!("../../migrations/sqlite/0003_files.sql"),
    include_str!("../../migrations/sqlite/0004_inbound.sql"),
    include_str!("../../migrations/sqlite/0005_sequence.sql"),
    include_str!("../../migrations/sqlite/0006_page.sql"),
    include_str!("../../migrations/sqlite/0007_trial.sql"),
];

/// How long a writer waits for another connection's transaction.
const PATIENCE: Duration = Duration::from_secs(20);

/// Statements kept prepared for each connection.
pub(super) const STATEMENTS: usize = 64;

/// Says why a ledger cannot be used.
pub(super) fn unavailable(path: &Path, why: impl Into<String>) -> LedgerError {
    LedgerError::Unavailable { path: path.display().to_string(), why: why.into() }
}

/// Puts what SQLite says into words for people.
pub(super) fn sentence(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode as C;
    let told = error.to_string();
    match error.sqlite_error_code() {
        Some(C::DiskFull) => "the disk is full; nothing was written. Make room and start again".to_owned(),
        Some(C::NotADatabase) => {
            "it is not a ledger: the file is no SQLite database. Is the path in [ledger] url right?"
                .to_owned()
        }
        Some(C::DatabaseCorrupt) => format!(
            "the file is damaged ({told}). Keep a copy of it and of its -wal file; \
             logs/delivery.jsonl still has the history"
        ),
        Some(C::ReadOnly) => "the file or its folder is read-only".to_owned(),
        Some(C::CannotOpen) => format!("the file or its folder cannot be opened or made ({told})"),
        Some(C::DatabaseBusy | C::DatabaseLocked) => {
            "another process keeps it busy. Wait for it, or end it".to_owned()
        }
        Some(C::SystemIoFailure) => format!("the disk did not read or write ({told}); is it full, or gone?"),
        _ => told,
    }
}

/// Opens the file for writing, makes it where it is missing, and brings its schema up to date.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, LedgerError> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|conn| {
        conn.busy_timeout(PATIENCE)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Without this, SQLite parses and plans a statement anew for every binding that might fit a partial index.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // A commit is on the disk before anybody hears of it; 8 MB of pages are enough for what is being sent.
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "cache_size", -8192)?;
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.query_row("PRAGMA wal_autocheckpoint = 2000", [], |_| Ok(()))?;
        Ok(conn)
    });
    let mut conn = opened.map_err(|error| unavailable(path, sentence(&error)))?;
    migrate(&mut conn, path, MIGRATIONS)?;
    Ok(conn)
}

/// Takes the steps of the schema that the file has not taken yet, all in one transaction.
pub(super) fn migrate(conn: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), LedgerError> {
    let failed = |error: rusqlite::Error| unavailable(path, sentence(&error));
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if version(conn).map_err(failed)? == known {
        return Ok(());
    }
    // The version is read again inside: two processes may make the same new ledger at once.
    let step = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found = version(&step).map_err(failed)?;
    if found > known {
        return Err(too_new(path, found, known));
    }
    for sql in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        step.execute_batch(sql).map_err(failed)?;
    }
    step.pragma_update(None, "user_version", known).map_err(failed)?;
    step.commit().map_err(failed)
}

/// Returns the schema that a file has.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Says that the file is of a newer program.
pub(super) fn too_new(path: &Path, found: i64, known: i64) -> LedgerError {
    LedgerError::TooNew { path: path.display().to_string(), found, known }
}

/// Makes the folder (0700) and the file (0600) where they are missing. SQLite gives `-wal` and `-shm` the
/// file's mode.
fn make_private(path: &Path) -> Result<(), LedgerError> {
    let said = |what: &str, error: &std::io::Error| unavailable(path, format!("{what}: {error}"));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let mut made = fs::DirBuilder::new();
        made.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            made.mode(0o700);
        }
        made.create(folder).map_err(|error| said("its folder cannot be made", &error))?;
    }
    if path.is_dir() {
        return Err(unavailable(path, "it is a folder, not a file"));
    }
    let mut file =
        private_file(path).map_err(|error| said("the file cannot be opened for writing", &error))?;
    // SQLite itself would look at the header only later, and take an empty file for a new ledger.
    let mut header = [0; 16];
    match file.read(&mut header) {
        Ok(0) => Ok(()),
        Ok(16) if &header == b"SQLite format 3\0" => Ok(()),
        Ok(_) => Err(unavailable(
            path,
            "it is not a ledger: the file is no SQLite database. Is the path in [ledger] url right?",
        )),
        Err(error) => Err(said("the file cannot be read", &error)),
    }
}

/// Opens a file for reading and writing, mode 0600 if it is made now.
pub(super) fn private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Returns the path with `ending` behind it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(ending);
    PathBuf::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[&str] =
        &["CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);", "ALTER TABLE a ADD COLUMN y TEXT;"];

    #[test]
    fn an_older_ledger_is_brought_up_to_date_with_what_is_in_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Path::new("x"), &TWO[..1]).unwrap();
        assert_eq!(version(&conn).unwrap(), 1);
        migrate(&mut conn, Path::new("x"), TWO).unwrap();
        migrate(&mut conn, Path::new("x"), TWO).unwrap();
        assert_eq!(version(&conn).unwrap(), 2);
        let row = conn.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(row, (7, None::<String>));
    }

    #[test]
    fn a_ledger_of_the_first_version_keeps_its_recipients_and_takes_some_without_an_address() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut conn, Path::new("x"), &MIGRATIONS[..1]).unwrap();
        conn.execute_batch(
            "INSERT INTO campaign (id, name, definition, digest, seed, sender_domain, launched_at)
                 VALUES (1, 'c', '{}', 'd', x'00', 'x', 0);
             INSERT INTO recipient (id, campaign, key, position, pass, address, canonical, fields)
                 VALUES (7, 1, 'k', 1, 1, 'Ada@a.example', 'ada@a.example', '[]');
             INSERT INTO delivery (campaign, recipient, step, pass, position, domain) VALUES (1, 7, 1, 1, 1, 'a.example');",
        )
        .unwrap();
        migrate(&mut conn, Path::new("x"), MIGRATIONS).unwrap();
        let row = conn
            .query_row("SELECT id, channel, address, canonical FROM recipient", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        let kept = (7, "mail".to_owned(), "Ada@a.example".to_owned(), "ada@a.example".to_owned());
        assert_eq!(row, kept);
        let insert =
            "INSERT INTO recipient (campaign, key, position, pass, channel, address, canonical, fields)
                      VALUES (1, ?1, 2, 1, 'post', ?2, ?2, '[]')";
        conn.execute(insert, ("l", None::<String>)).unwrap();
        conn.execute(insert, ("m", None::<String>)).unwrap();
        assert!(conn.execute(insert, ("n", "ada@a.example")).is_err(), "one mailbox is still one recipient");
    }

    #[test]
    fn a_ledger_of_the_second_version_knows_who_was_left_out_of_what_it_handed_over() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Path::new("x"), &MIGRATIONS[..2]).unwrap();
        conn.execute_batch(
            "INSERT INTO campaign (id, name, definition, digest, seed, sender_domain, launched_at)
                 VALUES (1, 'c', '{}', 'd', x'00', 'x', 0);
             INSERT INTO recipient (id, campaign, key, position, pass, fields) VALUES (7, 1, 'k', 1, 1, '[]');
             INSERT INTO delivery (campaign, recipient, step, pass, position, domain, without, message)
                 VALUES (1, 7, 1, 1, 1, 'x', '[\"a@x.example\"]', x'05'), (1, 7, 2, 1, 1, 'x', '[\"b@x.example\"]', NULL);",
        )
        .unwrap();
        migrate(&mut conn, Path::new("x"), MIGRATIONS).unwrap();
        let mut find =
            conn.prepare("SELECT noted_without, enclosures, made FROM delivery ORDER BY step").unwrap();
        let rows = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let rows: Vec<(Option<String>, Option<i64>, Option<String>)> =
            rows.collect::<Result<_, _>>().unwrap();
        assert_eq!(rows, [(Some("[\"a@x.example\"]".to_owned()), None, None), (None, None, None)]);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Path::new("x"), &TWO[..1]).unwrap();
        let broken = [TWO[0], "ALTER TABLE a ADD COLUMN y TEXT; SELECT nonsense;"];
        assert!(migrate(&mut conn, Path::new("x"), &broken).is_err());
        assert_eq!(version(&conn).unwrap(), 1);
        assert!(conn.prepare("SELECT y FROM a").is_err());
    }

    #[test]
    fn a_newer_ledger_is_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Path::new("x"), TWO).unwrap();
        let error = migrate(&mut conn, Path::new("x"), &TWO[..1]).unwrap_err();
        assert!(matches!(error, LedgerError::TooNew { found: 2, known: 1, .. }), "{error}");
    }
}
