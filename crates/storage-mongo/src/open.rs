//! Opening a deployment: connecting, and saying plainly why it can't be used.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind as DriverKind};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};

use crate::deployment::OPERATION_DEADLINE;
use crate::error::{OpenError, code_of};

/// How long to look for a server at start, and for a new primary later: within an operation's
/// time, so that its deadline is what ends it.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a host may take to accept a connection. The driver's monitor gives a silent server up
/// after this and a heartbeat.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long each host gets when it is asked what is the matter.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(2);
/// Transactions, snapshot questions outside of them and what else is used came with this version.
const VERSION_MIN: i32 = 6;

const APPLICATION: &str = "bookstore";

/// Connects to what a URL names, and makes sure that it can keep a shop. Returns also under which
/// name this program is known there.
pub(crate) async fn connect(url: &str) -> Result<(Client, Database, String), OpenError> {
    let mut options = ClientOptions::parse(url).await.map_err(unreadable)?;
    let hosts = hosts(&options);
    let Some(name) = options
        .default_database
        .clone()
        .filter(|name| !name.is_empty())
    else {
        return Err(OpenError::NoDatabase { hosts });
    };
    let application = options
        .app_name
        .get_or_insert_with(|| APPLICATION.to_owned())
        .clone();
    options.server_selection_timeout = Some(SERVER_SELECTION_TIMEOUT);
    options.connect_timeout = Some(CONNECT_TIMEOUT);
    options.heartbeat_freq = Some(HEARTBEAT);
    // Whatever the URL says: this is what the promises of the port need.
    // (What is read from is said with each question; a read concern here would overrule those of
    // the driver's snapshot sessions without a word.)
    options.read_concern = None;
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    let majority = WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .w_timeout(OPERATION_DEADLINE)
        .build();
    options.write_concern = Some(majority);
    let client = Client::with_options(options.clone()).map_err(OpenError::Url)?;
    let database = client.database(&name);
    if let Err(error) = check(&database, &hosts).await {
        let explained = match error {
            OpenError::Unreachable { source, .. } => explain(&options, &name, source).await,
            error => error,
        };
        client.shutdown().immediate(true).await;
        return Err(explained);
    }
    Ok((client, database, application))
}

fn hosts(options: &ClientOptions) -> String {
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    hosts.join(",")
}

fn unreadable(error: Error) -> OpenError {
    match *error.kind {
        DriverKind::DnsResolve { .. } => OpenError::Unreachable {
            hosts: "the address".to_owned(),
            source: error,
        },
        _ => OpenError::Url(error),
    }
}

/// Asks the server what it is.
async fn check(database: &Database, hosts: &str) -> Result<(), OpenError> {
    let failed = |error| failed(error, database.name(), hosts);
    let hello = database
        .run_command(doc! { "hello": 1 })
        .await
        .map_err(failed)?;
    let is_router = hello
        .get_str("msg")
        .is_ok_and(|message| message == "isdbgrid");
    if !is_router && hello.get_str("setName").is_err() {
        return Err(not_a_member(&hello, hosts));
    }
    let build = database
        .run_command(doc! { "buildInfo": 1 })
        .await
        .map_err(failed)?;
    let found = build
        .get_str("version")
        .unwrap_or("of an unknown version")
        .to_owned();
    let major = found
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    if major < VERSION_MIN {
        return Err(OpenError::OldServer {
            hosts: hosts.to_owned(),
            found,
        });
    }
    // The first command that needs to be somebody: what is wrong with a user is said here.
    let asked = database
        .run_command(doc! { "find": "meta", "limit": 1 })
        .await;
    asked.map(drop).map_err(failed)
}

fn not_a_member(hello: &Document, host: &str) -> OpenError {
    let host = host.to_owned();
    match hello.get_bool("isreplicaset") {
        Ok(true) => OpenError::NotInitiated { host },
        _ => OpenError::Standalone { host },
    }
}

fn failed(error: Error, database: &str, hosts: &str) -> OpenError {
    let database = database.to_owned();
    if is_about_password(&error) {
        return OpenError::WrongPassword(error);
    }
    match (code_of(&error), &*error.kind) {
        (Some(13), _) => OpenError::NotAllowed {
            database,
            source: error,
        },
        (None, DriverKind::ServerSelection { .. } | DriverKind::Io(_)) => OpenError::Unreachable {
            hosts: hosts.to_owned(),
            source: error,
        },
        _ => OpenError::Failed {
            database,
            source: error,
        },
    }
}

fn is_about_password(error: &Error) -> bool {
    matches!(*error.kind, DriverKind::Authentication { .. })
        || code_of(error) == Some(18)
        || std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<Error>())
            .is_some_and(is_about_password)
}

/// No server would do: asks each host by itself what it is, and says the first thing that helps.
async fn explain(options: &ClientOptions, database: &str, source: Error) -> OpenError {
    let hosts = hosts(options);
    let mut is_reachable = false;
    for host in &options.hosts {
        let mut alone = options.clone();
        alone.hosts = vec![host.clone()];
        alone.repl_set_name = None;
        alone.direct_connection = Some(true);
        alone.server_selection_timeout = Some(DIAGNOSIS_TIMEOUT);
        alone.credential = None;
        let Ok(client) = Client::with_options(alone) else {
            continue;
        };
        let asked = client
            .database(database)
            .run_command(doc! { "hello": 1 })
            .await;
        client.shutdown().immediate(true).await;
        let Ok(hello) = asked else { continue };
        is_reachable = true;
        match (hello.get_str("setName"), &options.repl_set_name) {
            (Ok(found), Some(wanted)) if found != wanted => {
                let (host, found) = (host.to_string(), found.to_owned());
                return OpenError::OtherReplicaSet {
                    host,
                    found,
                    wanted: wanted.clone(),
                };
            }
            (Err(_), _) => return not_a_member(&hello, &host.to_string()),
            _ => {}
        }
    }
    if is_reachable {
        OpenError::NoPrimary { hosts, source }
    } else {
        OpenError::Unreachable { hosts, source }
    }
}
