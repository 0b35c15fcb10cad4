//! The users of the shop, logged in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::calls::{Caller, Step, message};
use crate::error::Error;
use crate::http::{Answer, Connection, Failure, Target};
use crate::json::find_text;
use crate::noop;
use crate::shop::{Shop, password};

/// How long one answer may take outside of measuring: a thousand log-ins at once wait for each
/// other.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often an overloaded server is asked again, and after which pause.
const RETRIES_MAX: u32 = 60;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Where the tokens are said to be used.
pub const TERMINAL: &str = "loadgen";

/// The tokens of all users, in the order of the shop's.
#[derive(Debug, Default)]
pub struct People {
    pub sellers: Vec<String>,
    pub buyers: Vec<String>,
}

impl People {
    /// Whether these are users of `loadgen noop`, which keeps nothing that could be checked.
    pub fn are_of_noop(&self) -> bool {
        self.sellers
            .first()
            .is_some_and(|token| token == noop::TOKEN)
    }
}

/// Several connections to one server that share a piece of work.
#[derive(Debug, Clone)]
pub struct Crew {
    pub target: Arc<Target>,
    pub connections: u32,
}

impl Crew {
    pub fn caller(&self) -> Caller {
        Caller::new(Connection::new(self.target.clone(), TIMEOUT))
    }

    /// Does the work of each number below `count`, in no order.
    ///
    /// # Errors
    /// The first that happens; the rest is left then.
    pub async fn each(
        &self,
        count: u32,
        work: impl AsyncFn(&mut Caller, u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let next = AtomicU32::new(0);
        let member = async || {
            let mut caller = self.caller();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                work(&mut caller, number).await?;
            }
        };
        try_join_all((0..self.connections.min(count)).map(|_| member())).await?;
        Ok(())
    }

    /// What became of a call: its status and body, asked again while the server is overloaded.
    ///
    /// # Errors
    /// Where the server doesn't answer.
    pub async fn ask<T>(
        &self,
        path: &'static str,
        mut call: impl AsyncFnMut() -> Result<T, Failure>,
        status: impl Fn(&T) -> u16,
    ) -> Result<T, Error> {
        let mut retries = 0;
        loop {
            let answer = call().await.map_err(|source| Error::NoAnswer {
                target: self.target.to_string(),
                path,
                source,
            })?;
            if !matches!(status(&answer), 429 | 503) || retries == RETRIES_MAX {
                return Ok(answer);
            }
            retries += 1;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// The error of an answer that nothing can be done with.
    pub fn unexpected(&self, path: &'static str, reply: &Reply) -> Error {
        Error::Answer {
            target: self.target.to_string(),
            path,
            status: reply.status,
            message: message(&reply.body).into_owned(),
        }
    }

    /// The token of a user.
    ///
    /// # Errors
    /// Where the server gives none.
    pub async fn log_in(&self, caller: &mut Caller, user: &str) -> Result<String, Error> {
        let password = password(user);
        let path = Step::Login.path();
        let call = async || {
            let answer = caller.login(user, &password, TERMINAL).await?;
            Ok(Reply::from(answer))
        };
        let reply = self.ask(path, call, |reply| reply.status).await?;
        let token = find_text(&reply.body, "token").filter(|_| reply.status == 200);
        token
            .map(|token| token.into_owned())
            .ok_or_else(|| match reply.status {
                401 => Error::Shop(format!(
                    "`{user}` can't log in at {}\n  hint: run `loadgen setup` with the same \
                     settings first",
                    self.target
                )),
                _ => self.unexpected(path, &reply),
            })
    }
}

/// An answer that is kept.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl From<Answer<'_>> for Reply {
    fn from(answer: Answer<'_>) -> Self {
        Self {
            status: answer.status,
            body: answer.body.to_vec(),
        }
    }
}

/// Logs everybody in.
///
/// # Errors
/// Where one of them can't.
pub async fn log_in_all(crew: &Crew, shop: &Shop) -> Result<People, Error> {
    Ok(People {
        sellers: log_in_these(crew, &shop.sellers).await?,
        buyers: log_in_these(crew, &shop.buyers).await?,
    })
}

async fn log_in_these(crew: &Crew, users: &[String]) -> Result<Vec<String>, Error> {
    let tokens = std::sync::Mutex::new(vec![String::new(); users.len()]);
    crew.each(users.len() as u32, async |caller, number| {
        let token = crew.log_in(caller, &users[number as usize]).await?;
        tokens.lock().expect("nobody panics with it")[number as usize] = token;
        Ok(())
    })
    .await?;
    Ok(tokens.into_inner().expect("nobody panics with it"))
}
