//! What the driver's errors mean for whoever asked, and why a deployment could not be opened.

use std::fmt;

use mongodb::error::{Error, ErrorKind as DriverKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};
use storage::{ErrorKind, StorageError};

/// What an engine's step comes to.
pub(crate) type Stored<T> = Result<T, StorageError>;

const DUPLICATE_KEY: i32 = 11_000;
const SNAPSHOT_TOO_OLD: i32 = 239;

/// Other writers were in the way: lock timeout, write conflict, snapshot too old or unavailable,
/// no such transaction (aborted by the server), transaction too old, stale routing on a shard.
const CONFLICT_CODES: [i32; 9] = [
    24,
    112,
    225,
    SNAPSHOT_TOO_OLD,
    246,
    251,
    13_388,
    DUPLICATE_KEY,
    11_001,
];

/// The server is going, gone, not the primary, or out of time.
const UNAVAILABLE_CODES: [i32; 15] = [
    6, 7, 50, 89, 91, 134, 189, 262, 290, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// Not authorised, disk full, authentication failed, over a quota.
const REFUSED_CODES: [i32; 4] = [13, 18, 12_501, 14_031];

/// Turns the driver's results into the port's, with what was being done.
pub(crate) trait Doing<T> {
    /// The same result in the port's words.
    fn doing(self, doing: &'static str) -> Stored<T>;
}

impl<T> Doing<T> for mongodb::error::Result<T> {
    fn doing(self, doing: &'static str) -> Stored<T> {
        self.map_err(|error| StorageError::caused(kind_of(&error), doing, Cause(error)))
    }
}

/// How much of what the server says a log line carries.
const MESSAGE_MAX_CHARS: usize = 300;

/// The driver's error in a few words. Its own are followed by the server's whole answer, cluster
/// times and all, which is too long for a log and says nothing more.
#[derive(Debug)]
pub(crate) struct Cause(pub(crate) Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match &*self.0.kind {
            DriverKind::Command(command) => {
                format!(
                    "{} ({}): {}",
                    command.code_name, command.code, command.message
                )
            }
            kind => kind.to_string(),
        };
        match words.char_indices().nth(MESSAGE_MAX_CHARS) {
            None => f.write_str(&words),
            Some((end, _)) => write!(f, "{} …", &words[..end]),
        }
    }
}

impl std::error::Error for Cause {}

/// The server's number of an error, where it has one.
pub(crate) fn code_of(error: &Error) -> Option<i32> {
    match &*error.kind {
        DriverKind::Command(command) => Some(command.code),
        DriverKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        DriverKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        DriverKind::InsertMany(insert) => {
            let write = insert
                .write_errors
                .as_ref()
                .and_then(|errors| errors.first());
            let concern = insert
                .write_concern_error
                .as_ref()
                .map(|concern| concern.code);
            write.map(|error| error.code).or(concern)
        }
        _ => None,
    }
}

/// Whether a long read outlived the history that the server keeps.
pub(crate) fn is_snapshot_too_old(error: &Error) -> bool {
    code_of(error) == Some(SNAPSHOT_TOO_OLD)
}

/// What an error means before a commit was sent: certainly nothing happened.
pub(crate) fn kind_of(error: &Error) -> ErrorKind {
    if let Some(kind) = code_of(error).and_then(kind_of_code) {
        return kind;
    }
    match &*error.kind {
        DriverKind::ServerSelection { .. }
        | DriverKind::Io(_)
        | DriverKind::ConnectionPoolCleared { .. }
        | DriverKind::DnsResolve { .. }
        | DriverKind::Shutdown => ErrorKind::Unavailable,
        DriverKind::Authentication { .. } => ErrorKind::Refused,
        DriverKind::Bson(_) | DriverKind::InvalidResponse { .. } => ErrorKind::Corrupt,
        _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => ErrorKind::Conflict,
        _ => ErrorKind::Internal,
    }
}

/// The same by the server's number alone.
pub(crate) fn kind_of_code(code: i32) -> Option<ErrorKind> {
    if CONFLICT_CODES.contains(&code) {
        Some(ErrorKind::Conflict)
    } else if UNAVAILABLE_CODES.contains(&code) {
        Some(ErrorKind::Unavailable)
    } else if REFUSED_CODES.contains(&code) {
        Some(ErrorKind::Refused)
    } else {
        None
    }
}

/// A stored value that this program never writes.
#[derive(Debug, thiserror::Error)]
#[error("a stored {0} is out of its limits")]
pub(crate) struct Damaged(pub(crate) &'static str);

/// Says that a stored value is not what this program writes.
pub(crate) fn damaged(what: &'static str, doing: &'static str) -> StorageError {
    StorageError::caused(ErrorKind::Corrupt, doing, Damaged(what))
}

/// Why a deployment could not be opened. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL can't be read.
    #[error(
        "the MongoDB address can't be read: {0}\nhint: write it as \
         `mongodb://HOST[,HOST]/DATABASE?replicaSet=NAME`"
    )]
    Url(#[source] Error),
    /// The URL names no database.
    #[error(
        "the MongoDB address names no database\nhint: write its name behind the hosts, as in \
         `mongodb://{hosts}/bookstore?replicaSet=rs0`"
    )]
    NoDatabase {
        /// The hosts of the URL.
        hosts: String,
    },
    /// No host answers.
    #[error(
        "no MongoDB answers at `{hosts}`\nhint: is mongod running there, and may this machine \
         reach it?"
    )]
    Unreachable {
        /// The hosts of the URL.
        hosts: String,
        /// What the driver says.
        #[source]
        source: Error,
    },
    /// The server is not a member of a replica set.
    #[error(
        "`{host}` is a standalone mongod, and transactions need a replica set (one of one member \
         will do)\nhint: start it with `--replSet rs0`, then run once: mongosh --host {host} \
         --eval 'rs.initiate({{_id: \"rs0\", members: [{{_id: 0, host: \"{host}\"}}]}})'"
    )]
    Standalone {
        /// The server.
        host: String,
    },
    /// The server was started for a replica set that was never initiated.
    #[error(
        "`{host}` waits for its replica set to be initiated\nhint: run once: mongosh --host \
         {host} --eval 'rs.initiate({{_id: \"rs0\", members: [{{_id: 0, host: \"{host}\"}}]}})' \
         (with the name that follows `--replSet`)"
    )]
    NotInitiated {
        /// The server.
        host: String,
    },
    /// The replica set has another name.
    #[error(
        "the replica set at `{host}` is named `{found}`, and not `{wanted}`\nhint: write \
         `replicaSet={found}` in the address"
    )]
    OtherReplicaSet {
        /// The server.
        host: String,
        /// Its replica set.
        found: String,
        /// The one in the URL.
        wanted: String,
    },
    /// The replica set has no primary.
    #[error(
        "the replica set at `{hosts}` has no primary now\nhint: more than half of its members \
         must run and reach each other; `rs.status()` in mongosh says which do"
    )]
    NoPrimary {
        /// The hosts of the URL.
        hosts: String,
        /// What the driver says.
        #[source]
        source: Error,
    },
    /// The server is too old.
    #[error(
        "`{hosts}` runs MongoDB {found}, and 6.0 or newer is needed\nhint: upgrade it, one major \
         version after the other"
    )]
    OldServer {
        /// The hosts of the URL.
        hosts: String,
        /// Its version.
        found: String,
    },
    /// The user or the password is wrong.
    #[error(
        "MongoDB does not accept the user and password of the address\nhint: write \
         `mongodb://USER:PASSWORD@HOST/DATABASE?authSource=admin`, special characters \
         percent-encoded; `authSource` is the database where the user was made"
    )]
    WrongPassword(#[source] Error),
    /// The user may not do what is needed.
    #[error(
        "the MongoDB user may not read and write the database `{database}`\nhint: run in mongosh: \
         db.getSiblingDB(\"admin\").grantRolesToUser(\"USER\", [{{role: \"readWrite\", db: \
         \"{database}\"}}])"
    )]
    NotAllowed {
        /// The database.
        database: String,
        /// What the server says.
        #[source]
        source: Error,
    },
    /// There is no shop.
    #[error(
        "the database `{database}` holds no shop\nhint: is its name right? `bookstore serve \
         --storage …` makes a shop where there is none"
    )]
    NoData {
        /// The database.
        database: String,
    },
    /// A newer program has written here.
    #[error(
        "the database `{database}` has schema version {found}, and this program knows up to \
         {known}\nhint: run the newer bookstore that wrote it, or name another database"
    )]
    NewerSchema {
        /// The database.
        database: String,
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Anything else that the server says.
    #[error("the database `{database}` could not be prepared: {source}")]
    Failed {
        /// The database.
        database: String,
        /// What the server says.
        source: Error,
    },
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{deserialize_from_document, doc};
    use mongodb::error::CommandError;

    use super::*;

    #[test]
    fn a_log_line_carries_the_words_and_not_the_answer() {
        let answer = doc! { "code": 112, "codeName": "WriteConflict", "errmsg": "please retry" };
        let command: CommandError = deserialize_from_document(answer).expect("an error");
        let error = Error::from(DriverKind::Command(command));
        assert_eq!(
            Cause(error).to_string(),
            "WriteConflict (112): please retry"
        );
        let long = Error::custom("é".repeat(MESSAGE_MAX_CHARS));
        let long = Cause(long).to_string();
        assert!(long.ends_with("é …") && long.chars().count() == MESSAGE_MAX_CHARS + 2);
    }
}
