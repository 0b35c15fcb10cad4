//! Who asks: by token, or by password. Every use case begins here.
//!
//! What is proved outside a transaction is a [`Proof`], bound to the account's epoch and checked
//! once more inside, so a password changed meanwhile voids it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use domain::{
    Account, Answer, Epoch, Generation, IdempotencyKey, Keep, KeepKey, Operation, Proof, Refused,
    Request, TerminalKey, Timestamp, UserId,
};

use crate::App;
use crate::failures::{NoAttempt, Origin};
use crate::passwords::{Busy, Password, Place};
use crate::problem::Problem;
use crate::remembered::usable_hash;

/// A token with our signature that has not expired. Whether it was revoked is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// To whom it was given, and where.
    pub terminal: TerminalKey,
    /// Under which epoch of the account.
    pub epoch: Epoch,
    /// Under which generation of the terminal.
    pub generation: Generation,
    /// When it was given, to the second.
    pub issued_at: Timestamp,
}

impl Bearer {
    fn to_proof(&self) -> Proof {
        Proof {
            user: self.terminal.user.clone(),
            epoch: self.epoch,
            token: Some((self.terminal.clone(), self.generation)),
        }
    }
}

/// A user's name and password, and the address from which they came.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who he says he is.
    pub user: UserId,
    /// What he says to prove it.
    pub password: Password,
    /// From where.
    pub address: IpAddr,
}

/// A client's wish that the same request be done once.
#[derive(Debug, Clone)]
pub struct KeepRequest {
    /// Under which key.
    pub key: IdempotencyKey,
    /// At which endpoint, by a name that stays the same between versions.
    pub endpoint: &'static str,
    /// The body without passwords, written the same way each time.
    pub body: Vec<u8>,
    /// The answer to keep if it is done.
    pub answer: Arc<[u8]>,
}

impl From<Busy> for Problem<Infallible> {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// A problem that has no refusal in it fits every operation.
pub(crate) fn widen<R>(problem: Problem<Infallible>) -> Problem<R> {
    problem.map(|never| match never {})
}

impl App {
    /// Reads a token: its signature and its time. Touches no storage.
    ///
    /// # Errors
    /// [`Problem::Unauthorized`] where it is not ours or has expired.
    pub fn read_token(&self, token: &str) -> Result<Bearer, Problem<Infallible>> {
        self.tokens
            .read(token, self.clock.now())
            .ok_or(Problem::Unauthorized)
    }

    /// What a token proves about the user named beside it. Whether it was revoked is left to the
    /// transaction that the proof goes into.
    ///
    /// # Errors
    /// [`Problem::NoUser`] for a live token beside a name that nobody has;
    /// [`Problem::Unauthorized`] for another's name.
    pub async fn authorize(
        &self,
        bearer: &Bearer,
        user: &UserId,
    ) -> Result<Proof, Problem<Infallible>> {
        if bearer.terminal.user == *user {
            return Ok(bearer.to_proof());
        }
        self.check_live(bearer).await?;
        match self.storage.find_account(user).await? {
            Some(account) if !account.is_closed => Err(Problem::Unauthorized),
            _ => Err(Problem::NoUser(user.clone())),
        }
    }

    /// The account of the user named beside a token, where the token is his and not revoked: for
    /// questions, which have no transaction of their own.
    ///
    /// # Errors
    /// As [`App::authorize`].
    pub async fn authorize_question(
        &self,
        bearer: &Bearer,
        user: &UserId,
    ) -> Result<Account, Problem<Infallible>> {
        self.authorize(bearer, user).await?;
        self.check_live(bearer).await
    }

    /// The account of a token's user, where the token is not revoked.
    pub(crate) async fn check_live(&self, bearer: &Bearer) -> Result<Account, Problem<Infallible>> {
        let session = self.storage.find_session(&bearer.terminal).await?;
        session
            .filter(|session| {
                bearer
                    .to_proof()
                    .holds_for(&session.account, session.generation)
            })
            .map(|session| session.account)
            .ok_or(Problem::Unauthorized)
    }

    /// Checks a password, under the budget of failures.
    ///
    /// # Errors
    /// [`Problem::TooManyAttempts`], [`Problem::Unauthorized`] for a wrong password or an unknown
    /// user alike, [`Problem::Busy`].
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<Proof, Problem<Infallible>> {
        let Credentials {
            user,
            password,
            address,
        } = credentials;
        let origin = Origin::of(*address);
        self.check_budget(user, origin)?;
        // The budget comes first: what is remembered would answer guesses faster than hashing.
        let epoch = match self.remembered.find(user, origin, password) {
            Some(epoch) => epoch,
            None => self.authenticate_slowly(user, password, origin).await?,
        };
        Ok(Proof {
            user: user.clone(),
            epoch,
            token: None,
        })
    }

    fn check_budget(&self, user: &UserId, origin: Origin) -> Result<(), Problem<Infallible>> {
        match self.failures.known_wait(user, origin, self.clock.now()) {
            Some(retry_after) => Err(Problem::TooManyAttempts { retry_after }),
            None => Ok(()),
        }
    }

    /// Hashes the password, one at a time for each account and origin: a hundred guesses at once
    /// are held to the budget like a hundred in a row, and a hundred payments at once cost one
    /// hash.
    async fn authenticate_slowly(
        &self,
        user: &UserId,
        password: &Password,
        origin: Origin,
    ) -> Result<Epoch, Problem<Infallible>> {
        let _turn = self.turns.take(user, origin).await?;
        self.check_budget(user, origin)?;
        if let Some(epoch) = self.remembered.find(user, origin, password) {
            return Ok(epoch);
        }
        let place = self.passwords.place()?;
        let now = self.clock.now();
        let attempt = match self.failures.begin(&*self.storage, user, origin, now).await {
            Ok(attempt) => attempt,
            Err(NoAttempt::Wait(retry_after)) => {
                return Err(Problem::TooManyAttempts { retry_after });
            }
            Err(NoAttempt::Failed(error)) => return Err(error.into()),
        };
        let found = self.verify(&place, user, password, origin).await;
        let now = self.clock.now();
        if let Ok(None) = found {
            self.failures.fail(&attempt, user, origin, now);
            return Err(Problem::Unauthorized);
        }
        self.failures
            .give_back(&*self.storage, attempt, now)
            .await?;
        let epoch = found?.ok_or(Problem::Unauthorized)?;
        self.remembered.note(user, origin, password, epoch);
        Ok(epoch)
    }

    /// The account's epoch, where the password is its own.
    async fn verify(
        &self,
        place: &Place<'_>,
        user: &UserId,
        password: &Password,
        origin: Origin,
    ) -> Result<Option<Epoch>, Problem<Infallible>> {
        let account = self.storage.find_account(user).await?;
        let is_suspect = self.failures.is_suspect(origin, self.clock.now());
        let hash = usable_hash(account.as_ref());
        let is_right = self
            .passwords
            .verify(place, password.clone(), hash, is_suspect)
            .await?;
        Ok(account.filter(|_| is_right).map(|account| account.epoch))
    }

    /// Forgets that a password was right.
    pub(crate) fn forget_password(&self, credentials: &Credentials) {
        let origin = Origin::of(credentials.address);
        self.remembered.forget(&credentials.user, origin);
    }

    /// Runs an operation of somebody who sent his password. Where the password was remembered
    /// and the account has moved on since, it is checked anew, once.
    pub(crate) async fn run_with_password<O>(
        &self,
        credentials: &Credentials,
        keep: Option<KeepRequest>,
        operation: O,
    ) -> Result<Answer<O::Done>, Problem<O::Refusal>>
    where
        O: Operation + Clone + Send + 'static,
        O::Done: Send,
        O::Refusal: Send,
    {
        let keep = keep.map(|keep| self.to_keep(&credentials.user, keep));
        for is_last in [false, true] {
            let proof = Some(self.authenticate(credentials).await.map_err(widen)?);
            let request = Request {
                proof,
                keep: keep.clone(),
                operation: operation.clone(),
            };
            match self.run(request).await? {
                Ok(answer) => return Ok(answer),
                Err(Refused::StaleProof) if !is_last => self.forget_password(credentials),
                Err(refused) => return Err(refused.into()),
            }
        }
        Err(Problem::Unauthorized)
    }

    /// Runs an operation of somebody who sent a token.
    pub(crate) async fn run_with_token<O>(
        &self,
        bearer: &Bearer,
        user: &UserId,
        keep: Option<KeepRequest>,
        operation: O,
    ) -> Result<Answer<O::Done>, Problem<O::Refusal>>
    where
        O: Operation + Send + 'static,
        O::Done: Send,
        O::Refusal: Send,
    {
        let proof = Some(self.authorize(bearer, user).await.map_err(widen)?);
        let keep = keep.map(|keep| self.to_keep(user, keep));
        Ok(self
            .run(Request {
                proof,
                keep,
                operation,
            })
            .await??)
    }

    fn to_keep(&self, user: &UserId, request: KeepRequest) -> Keep {
        let KeepRequest {
            key,
            endpoint,
            body,
            answer,
        } = request;
        Keep {
            key: KeepKey {
                user: user.clone(),
                endpoint: endpoint.into(),
                key,
            },
            fingerprint: self.tokens.fingerprint(&body),
            answer,
        }
    }
}
