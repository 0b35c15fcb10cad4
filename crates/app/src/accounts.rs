//! Accounts: registering, logging in and out, passwords, money.

use std::convert::Infallible;
use std::time::Duration;

use domain::account::{AddFundsRefusal, RegisterRefusal, UnregisterRefusal};
use domain::{
    Account, AddFunds, Answer, ChangePassword, Fen, LogOut, Register, Request, TerminalKey,
    TerminalName, Unregister, UserId,
};
use storage::{Movement, MovementQuery, Page, Place};

use crate::App;
use crate::authority::{Bearer, Credentials, KeepRequest, widen};
use crate::failures::Origin;
use crate::passwords::Password;
use crate::problem::Problem;

/// After how long a token in use is given anew, so that who stays stays signed in.
pub const RENEW_AFTER: Duration = Duration::from_secs(10 * 60);

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// All its money.
    pub balance: Fen,
    /// What is held for orders that are not received yet.
    pub held: Fen,
    /// What may be spent or withdrawn.
    pub spendable: Fen,
}

impl App {
    /// Opens an account.
    ///
    /// # Errors
    /// [`RegisterRefusal`], or that too much is waiting.
    pub async fn register(
        &self,
        user: UserId,
        password: Password,
    ) -> Result<(), Problem<RegisterRefusal>> {
        // Asked first, since hashing is dear; the rule asks again.
        if self.storage.find_account(&user).await?.is_some() {
            return Err(Problem::Refused(RegisterRefusal::UserExists(user)));
        }
        let password_hash = self
            .passwords
            .hash(password)
            .await
            .map_err(|_| Problem::Busy)?;
        self.run(Request::unproved(Register {
            user,
            password_hash,
        }))
        .await??;
        Ok(())
    }

    /// Logs in: gives a token for that terminal.
    ///
    /// # Errors
    /// As [`App::authenticate`].
    pub async fn login(
        &self,
        credentials: &Credentials,
        name: TerminalName,
    ) -> Result<String, Problem<Infallible>> {
        let terminal = TerminalKey {
            user: credentials.user.clone(),
            name,
        };
        for _ in 0..2 {
            let proof = self.authenticate(credentials).await?;
            let session = self.storage.find_session(&terminal).await?;
            match session.filter(|session| proof.holds_for(&session.account, session.generation)) {
                Some(session) => {
                    // Also where the password was remembered: from here, too, the owner comes.
                    let now = self.clock.now();
                    let origin = Origin::of(credentials.address);
                    self.failures
                        .know(&*self.storage, &credentials.user, origin, now)
                        .await?;
                    let epoch = session.account.epoch;
                    return Ok(self.tokens.sign(&terminal, epoch, session.generation, now));
                }
                // What was remembered is of another epoch: the password is checked anew, once.
                None => self.forget_password(credentials),
            }
        }
        Err(Problem::Unauthorized)
    }

    /// Logs out: revokes the tokens that were given to the token's terminal so far.
    ///
    /// # Errors
    /// [`Problem::Unauthorized`] for a token that is not the user's, or not live.
    pub async fn logout(&self, bearer: &Bearer, user: &UserId) -> Result<(), Problem<Infallible>> {
        // A stranger's name is no better than a wrong token here: the contract has no 511.
        if bearer.terminal.user != *user {
            return Err(Problem::Unauthorized);
        }
        let log_out = LogOut {
            terminal: bearer.terminal.clone(),
        };
        self.run_with_token(bearer, user, None, log_out).await?;
        Ok(())
    }

    /// Closes an account.
    ///
    /// # Errors
    /// [`UnregisterRefusal`], or as [`App::authenticate`].
    pub async fn unregister(
        &self,
        credentials: &Credentials,
    ) -> Result<(), Problem<UnregisterRefusal>> {
        let operation = Unregister {
            user: credentials.user.clone(),
        };
        let mut closed = self
            .run_with_password(credentials, None, operation.clone())
            .await;
        if let Err(Problem::Refused(UnregisterRefusal::OpenOrders(_))) = closed {
            // An order past its deadline is over, whether or not the sweep has come by.
            self.sweep_all().await?;
            closed = self.run_with_password(credentials, None, operation).await;
        }
        closed?;
        self.forget_password(credentials);
        Ok(())
    }

    /// Gives an account another password, and revokes all its tokens.
    ///
    /// # Errors
    /// As [`App::authenticate`].
    pub async fn change_password(
        &self,
        credentials: &Credentials,
        new: Password,
    ) -> Result<(), Problem<Infallible>> {
        // Hashing the new password is work that only the owner may cause.
        self.authenticate(credentials).await?;
        let password_hash = self.passwords.hash(new).await?;
        let user = credentials.user.clone();
        let operation = ChangePassword {
            user,
            password_hash,
        };
        self.run_with_password(credentials, None, operation).await?;
        self.forget_password(credentials);
        Ok(())
    }

    /// Puts money into an account, or takes it out.
    ///
    /// # Errors
    /// [`AddFundsRefusal`], [`Problem::SelfFundingOff`], or as [`App::authenticate`].
    pub async fn add_funds(
        &self,
        credentials: &Credentials,
        keep: Option<KeepRequest>,
        amount: Fen,
    ) -> Result<Answer<()>, Problem<AddFundsRefusal>> {
        if amount > Fen::ZERO && !self.settings.is_self_funding {
            self.authenticate(credentials).await.map_err(widen)?;
            return Err(Problem::SelfFundingOff);
        }
        let operation = AddFunds {
            user: credentials.user.clone(),
            amount,
        };
        self.run_with_password(credentials, keep, operation).await
    }

    /// What an account has.
    ///
    /// # Errors
    /// As [`App::authorize`].
    pub async fn balance(
        &self,
        bearer: &Bearer,
        user: &UserId,
    ) -> Result<Balance, Problem<Infallible>> {
        let account = self.authorize_question(bearer, user).await?;
        let spendable = account.spendable();
        Ok(Balance {
            balance: account.balance,
            held: account.held,
            spendable,
        })
    }

    /// The account of a token's user.
    ///
    /// # Errors
    /// [`Problem::Unauthorized`] for a token that is not live.
    pub async fn account(&self, bearer: &Bearer) -> Result<Account, Problem<Infallible>> {
        self.check_live(bearer).await
    }

    /// A page of what moved the money of a token's user, newest first.
    ///
    /// # Errors
    /// As [`App::account`].
    pub async fn movements(
        &self,
        bearer: &Bearer,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Page<Movement>, Problem<Infallible>> {
        let user = self.check_live(bearer).await?.id;
        let query = MovementQuery { user, after, limit };
        Ok(self.storage.list_movements(query).await?)
    }

    /// Revokes all of a user's tokens, on every device: gives the account its own password anew.
    ///
    /// # Errors
    /// As [`App::authenticate`].
    pub async fn sign_out_everywhere(
        &self,
        credentials: &Credentials,
    ) -> Result<(), Problem<Infallible>> {
        self.change_password(credentials, credentials.password.clone())
            .await
    }

    /// A new token for somebody who goes on using one that is live; `None` while that is young.
    #[must_use]
    pub fn renew(&self, bearer: &Bearer) -> Option<String> {
        let now = self.clock.now();
        (now.since(bearer.issued_at) >= RENEW_AFTER).then(|| {
            self.tokens
                .sign(&bearer.terminal, bearer.epoch, bearer.generation, now)
        })
    }
}
