//! Getting hold of the data: the directory, the lock, the file, and connections to it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_CANTOPEN;
use rusqlite::{Connection, OpenFlags};

use crate::error::{OpenError, file_failed};
use crate::options::Options;
use crate::schema;

const DATABASE_FILE: &str = "bookstore.db";
const LOCK_FILE: &str = "bookstore.lock";
/// Small, in a new file: a commit writes whole pages to the log, and most of what an order changes
/// lies on pages of its own.
const PAGE_BYTES: u32 = 2_048;
/// How long the log grows before it is copied into the file.
const LOG_BYTES: u32 = 128 << 20;
/// How much of the file the writer keeps at hand. The system keeps more of it, and SQLite looks
/// through all of this cache after many a commit.
const WRITER_CACHE_KIB: u32 = 32 << 10;
/// How much of the file each reader keeps at hand.
const READER_CACHE_KIB: u32 = 32 << 10;
/// How long to wait for another process that holds the file for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More statements than the engine has.
const STATEMENTS_MAX: usize = 128;

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    database: PathBuf,
    file_max_bytes: Option<u64>,
}

/// Takes the data for writing: makes what is missing, and brings the tables up to date. The lock
/// keeps other writing processes out for as long as it is open; a crash lets go of it as well.
pub(crate) fn take(options: &Options) -> Result<(Files, File), OpenError> {
    let directory = &options.path;
    make_directory(directory)?;
    let lock_path = directory.join(LOCK_FILE);
    let lock =
        create_private_file(&lock_path).map_err(|error| OpenError::file(&lock_path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::InUse {
                path: directory.clone(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(OpenError::file(&lock_path, error)),
    }
    let database = directory.join(DATABASE_FILE);
    create_private_file(&database).map_err(|error| OpenError::file(&database, error))?;
    let files = Files {
        database,
        file_max_bytes: options.file_max_bytes,
    };
    let failed = |error| OpenError::database(&files.database, error);
    // Whose file it is comes first: opening it for writing already changes its header.
    schema::check_is_ours(&files.reader().map_err(failed)?, &files.database)?;
    schema::bring_up_to_date(&files.writer().map_err(failed)?.0, &files.database)?;
    Ok((files, lock))
}

/// Finds data that is only to be read, beside a process that may be writing it.
pub(crate) fn find(options: &Options) -> Result<Files, OpenError> {
    let database = options.path.join(DATABASE_FILE);
    match database.try_exists() {
        Ok(true) => {}
        Ok(false) => {
            return Err(OpenError::NoData {
                path: options.path.clone(),
            });
        }
        Err(error) => return Err(OpenError::file(&database, error)),
    }
    // SQLite would say that it can't open the file; this says why.
    File::open(&database).map_err(|error| OpenError::file(&database, error))?;
    let files = Files {
        database,
        file_max_bytes: None,
    };
    let connection = files
        .reader()
        .map_err(|error| OpenError::database(&files.database, error))?;
    schema::check_version(&connection, &files.database)?;
    Ok(files)
}

impl Files {
    /// The database file.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// A connection that writes, and the log that its commits are written to. There is one at a
    /// time. Its commits don't wait for the disk: whoever commits has the log synced.
    pub(crate) fn writer(&self) -> rusqlite::Result<(Connection, File)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        // The page size counts for a new file only, and has to come before anything is written.
        // A rare checkpoint costs less than SQLite's usual one every 1,000 pages, by a third, and
        // makes fewer customers wait. A log that a slow reader let grow past its 128 MiB keeps no
        // more than 256 MiB of the disk. `NORMAL` syncs the log's header, and log and file around
        // a checkpoint, so that what is on the disk is sound at any time.
        connection.execute_batch(&format!(
            "PRAGMA page_size = {PAGE_BYTES};
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA wal_autocheckpoint = {};
             PRAGMA journal_size_limit = 268435456;
             PRAGMA cache_size = -{WRITER_CACHE_KIB};
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = OFF;",
            LOG_BYTES / PAGE_BYTES
        ))?;
        if let Some(bytes) = self.file_max_bytes {
            // An older file has pages of another size.
            let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = bytes / page_bytes.unsigned_abs();
            connection.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
        }
        // The first to read makes the log where there is none; it stays as long as a connection.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let log = File::options().read(true).write(true).open(self.log());
        let log = log.map_err(|error| file_failed(SQLITE_CANTOPEN, &error))?;
        Ok((connection, log))
    }

    /// SQLite's log beside the database file.
    fn log(&self) -> PathBuf {
        let mut path = self.database.clone().into_os_string();
        path.push("-wal");
        path.into()
    }

    /// A connection that only reads.
    pub(crate) fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        connection.execute_batch(&format!(
            "PRAGMA cache_size = -{READER_CACHE_KIB}; PRAGMA temp_store = MEMORY;"
        ))?;
        Ok(connection)
    }

    fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.database, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Otherwise a statement that a partial index serves is planned anew for every value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }
}

/// Makes the directory where it is missing, and makes sure that it outlives a power failure.
fn make_directory(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(OpenError::NotADirectory {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(OpenError::file(path, error)),
    }
    #[cfg(unix)]
    if let Some(parent) = path
        .canonicalize()
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
    {
        let synced = File::open(&parent).and_then(|directory| directory.sync_all());
        synced.map_err(|error| OpenError::file(&parent, error))?;
    }
    Ok(())
}

/// Opens a file, made where it is missing for its owner alone: it will hold password hashes.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
