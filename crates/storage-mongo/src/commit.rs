//! Committing: what is known afterwards, and what becomes of a transaction when nothing is.

use std::sync::Arc;
use std::time::Duration;

use mongodb::ClientSession;
use mongodb::bson::doc;
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use storage::{ErrorKind, StorageError};
use tokio::time::{Instant, sleep, timeout_at};

use crate::deployment::{Deployment, OPERATION_DEADLINE, until};
use crate::error::{Cause, Stored, kind_of};

pub(crate) const COMMITTING: &str = "committing a transaction";
/// The pause before an unanswered commit is asked for again.
const COMMIT_PAUSE: Duration = Duration::from_millis(20);
/// For how long a transaction of unknown outcome is looked after: the server itself ends those
/// that are older than a minute.
const AFTERMATH_MAX: Duration = Duration::from_secs(60);
/// The pause before the server is asked once more to end one.
const AFTERMATH_PAUSE: Duration = Duration::from_millis(250);

/// What a failed commit means. `None`: it can't be told, and may be asked for again.
///
/// `TransientTransactionError` promises that the transaction was aborted: the server says so only
/// once a majority knows it. Any error without that label leaves it open.
fn verdict_of_commit(error: &Error) -> Option<ErrorKind> {
    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
        None
    } else if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        Some(match kind_of(error) {
            ErrorKind::Unavailable => ErrorKind::Unavailable,
            _ => ErrorKind::Conflict,
        })
    } else {
        Some(ErrorKind::OutcomeUnknown)
    }
}

/// Asks for a commit until its outcome is known, or the time is up.
pub(crate) async fn commit(session: &mut ClientSession, deadline: Instant) -> Stored<()> {
    loop {
        let error = match timeout_at(deadline, session.commit_transaction()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => return Err(StorageError::new(ErrorKind::OutcomeUnknown, COMMITTING)),
        };
        match verdict_of_commit(&error) {
            Some(kind) => return Err(StorageError::caused(kind, COMMITTING, Cause(error))),
            None if Instant::now() + COMMIT_PAUSE >= deadline => {
                return Err(StorageError::caused(
                    ErrorKind::OutcomeUnknown,
                    COMMITTING,
                    Cause(error),
                ));
            }
            None => sleep(COMMIT_PAUSE).await,
        }
    }
}

/// Sees to it that a transaction of unknown outcome is over soon: where the commit never reached
/// the server, it would keep its rows from all others for a minute, and a commit that arrived late
/// would surprise whoever has looked in the meantime. What is committed stays so.
pub(crate) async fn end(deployment: Arc<Deployment>, session: ClientSession) {
    let over = Instant::now() + AFTERMATH_MAX;
    let admin = deployment.client.database("admin");
    while Instant::now() < over {
        let kill = admin.run_command(doc! { "killSessions": [session.id().clone()] });
        let asked = until(
            Instant::now() + OPERATION_DEADLINE,
            COMMITTING,
            kill.into_future(),
        );
        if asked.await.is_ok() {
            return;
        }
        sleep(AFTERMATH_PAUSE).await;
    }
    tracing::warn!("a transaction of unknown outcome could not be ended; the server will");
}
