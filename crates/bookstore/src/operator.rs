//! The operator's door: a socket in the data folder, through which a command reaches the server
//! that works on that data, since nobody else may write there meanwhile.
//!
//! One line each way, fields parted by tabs, which no id can hold: `fund`, the amount and the user;
//! back come the command's exit code and what it says. Who may open the socket is for the system to
//! check: it is the data's owner alone.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use domain::{Fen, UserId};
use storage::Storage;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::settings;
use crate::user::{self, Funded};

const SOCKET_FILE: &str = "operator.sock";
/// The longest line: an id of 255 characters, some sentence around it.
const LINE_MAX_BYTES: u64 = 4_096;
/// How long a question may take to arrive, and its answer to leave.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// The door, open while this lives.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Opens the door in a data folder that this process has taken for writing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET_FILE);
        // What a crashed server has left; a living one would hold the data.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers one command after the other until `stop` says so.
    pub async fn answer_until(self, storage: Arc<dyn Storage>, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                // An error means that nobody is left to say stop: the process is ending.
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let answered = match accepted {
                Ok((stream, _)) => {
                    tokio::time::timeout(ANSWER_TIME_MAX, answer(stream, &*storage)).await
                }
                Err(error) => {
                    warn!(%error, "the operator's door does not open");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            if let Ok(Err(error)) = answered {
                warn!(%error, "a command of the operator broke off");
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Left behind it does no harm: the next server takes it away.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, storage: &dyn Storage) -> io::Result<()> {
    let question = read_line(&mut stream).await?;
    let (code, words) = match do_command(&question, storage).await {
        Ok(Funded::Done(words)) => (0, words),
        Ok(Funded::Refused(words)) => (1, words),
        Err(error) => (2, format!("{error:#}").replace('\n', " ")),
    };
    info!(
        command = question.replace('\t', " "),
        code, "a command of the operator"
    );
    stream
        .write_all(format!("{code}\t{words}\n").as_bytes())
        .await?;
    stream.shutdown().await
}

async fn do_command(question: &str, storage: &dyn Storage) -> anyhow::Result<Funded> {
    let Some(("fund", fields)) = question.split_once('\t') else {
        bail!("the server does not know this command\nhint: use the same version for both");
    };
    let (amount, user) = fields.split_once('\t').context("the command is cut off")?;
    let amount = settings::amount(amount).map_err(|why| anyhow!(why))?;
    let user = settings::user_id(user).map_err(|why| anyhow!(why))?;
    user::add_funds(storage, &user, amount).await
}

async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_MAX_BYTES))
        .read_line(&mut line)
        .await?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Has the server that works on the data in `folder` add funds. `None`: none opens.
pub async fn fund(folder: &Path, user: &UserId, amount: Fen) -> anyhow::Result<Option<Funded>> {
    let Ok(mut stream) = UnixStream::connect(folder.join(SOCKET_FILE)).await else {
        return Ok(None);
    };
    let unknown = || {
        format!(
            "the server did not answer: whether `{user}` was funded is unknown\n\
             hint: look at the balance before you run it again"
        )
    };
    let ask = async {
        stream
            .write_all(format!("fund\t{amount}\t{user}\n").as_bytes())
            .await?;
        read_line(&mut stream).await
    };
    let answer = tokio::time::timeout(ANSWER_TIME_MAX, ask).await;
    let answer = answer.with_context(unknown)?.with_context(unknown)?;
    match answer.split_once('\t') {
        Some(("0", words)) => Ok(Some(Funded::Done(words.into()))),
        Some(("1", words)) => Ok(Some(Funded::Refused(words.into()))),
        Some((_, words)) => Err(anyhow!(words.to_owned())),
        None => Err(anyhow!(unknown())),
    }
}
