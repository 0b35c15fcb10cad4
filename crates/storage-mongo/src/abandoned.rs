//! Transactions that nobody will finish: a process that is killed, or stands still, in the middle of
//! a batch leaves the server holding its rows for a minute. None of this program's transactions is
//! meant to live longer than an operation may, so older ones are ended by whoever finds them in
//! the way.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::time::{Instant, timeout_at};

use crate::deployment::{Deployment, OPERATION_DEADLINE};

/// How much longer than an operation a transaction must have been open.
const GRACE: Duration = Duration::from_secs(1);
/// How long to look for them.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends them, as far as that can be done now; what fails is tried again with the next conflict.
pub(crate) async fn end_all(deployment: &Deployment) {
    let ending = timeout_at(Instant::now() + LOOK_TIMEOUT, end_found(deployment)).await;
    match ending {
        Ok(Ok(0)) => {}
        Ok(Ok(ended)) => tracing::info!(ended, "ended transactions that nobody would finish"),
        Ok(Err(error)) => tracing::debug!(%error, "could not look for abandoned transactions"),
        Err(_) => tracing::debug!("looking for abandoned transactions took too long"),
    }
}

async fn end_found(deployment: &Deployment) -> mongodb::error::Result<usize> {
    let admin = deployment.client.database("admin");
    let oldest = i64::try_from((OPERATION_DEADLINE + GRACE).as_micros()).unwrap_or(i64::MAX);
    // Only what the same user began under the same name: that may be looked at and ended without
    // further rights, and is this program's.
    let pipeline = [
        doc! { "$currentOp": { "allUsers": false, "idleSessions": true } },
        doc! { "$match": {
            "appName": &deployment.application,
            "transaction.timeOpenMicros": { "$gt": oldest },
        } },
        doc! { "$project": { "lsid.id": 1 } },
    ];
    let mut found = admin.aggregate(pipeline).await?;
    let mut sessions: Vec<Document> = Vec::new();
    while found.advance().await? {
        let session = found.deserialize_current()?;
        sessions.extend(session.get_document("lsid").ok().cloned());
    }
    let count = sessions.len();
    if count > 0 {
        admin.run_command(doc! { "killSessions": sessions }).await?;
    }
    Ok(count)
}
