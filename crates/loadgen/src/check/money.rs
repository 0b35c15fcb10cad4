//! Whether each account has what the settled orders leave it.

use std::sync::Mutex;

use serde::Deserialize;

use super::finding::Kind;
use super::orders::Settlement;
use super::{Audit, Auditor};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::journal::State;
use crate::journey::lock;
use crate::people::Reply;
use crate::shop::password;

/// What every account has, sellers first.
#[derive(Debug)]
pub struct Balances(Vec<Balance>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Balance {
    /// All of it where the server tells, what can be withdrawn where it was probed.
    fen: i64,
    /// What of it is held, where the server tells.
    held_fen: Option<i64>,
    is_probed: bool,
}

#[derive(Deserialize)]
struct Account {
    balance: i64,
    held: i64,
}

/// By how much a run changed an account.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    fen: i64,
    held_fen: i64,
}

impl Auditor<'_> {
    pub(super) async fn balances(&self) -> Result<Balances, Error> {
        let users = (self.shop.sellers.len() + self.shop.buyers.len()) as u32;
        let balances = Mutex::new(vec![Balance::default(); users as usize]);
        self.crew
            .each(users, async |caller, number| {
                let balance = self.balance(caller, number as usize).await?;
                lock(&balances)[number as usize] = balance;
                Ok(())
            })
            .await?;
        Ok(Balances(
            balances.into_inner().expect("nobody panics with it"),
        ))
    }

    /// Id and token of a user by his place in [`Balances`].
    fn user(&self, number: usize) -> (&str, &str) {
        match number.checked_sub(self.shop.sellers.len()) {
            None => (&self.shop.sellers[number], &self.people.sellers[number]),
            Some(buyer) => (&self.shop.buyers[buyer], &self.people.buyers[buyer]),
        }
    }

    async fn balance(&self, caller: &mut Caller, number: usize) -> Result<Balance, Error> {
        let (user, token) = self.user(number);
        let path = Step::Account.path();
        let call = async || Ok(Reply::from(caller.account(user, token).await?));
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        match reply.status {
            200 => {
                let account: Account = serde_json::from_slice(&reply.body)
                    .map_err(|_| self.crew.unexpected(path, &reply))?;
                Ok(Balance {
                    fen: account.balance,
                    held_fen: Some(account.held),
                    is_probed: false,
                })
            }
            404 | 405 => Ok(Balance {
                fen: self
                    .probe_spendable_fen(caller, user, &password(user))
                    .await?,
                held_fen: None,
                is_probed: true,
            }),
            _ => Err(self.crew.unexpected(path, &reply)),
        }
    }

    pub(super) async fn compare_money(
        &self,
        before: &Balances,
        settlement: &Settlement,
        audit: &mut Audit,
    ) -> Result<(), Error> {
        if !settlement.is_exact {
            let reason = "answers got lost, and without histories nobody knows what the money \
                          and the stock should be";
            audit.unchecked.push(reason.to_owned());
            return Ok(());
        }
        let changes = self.changes(settlement);
        let after = self.balances().await?;
        audit.accounts = changes.len() as u64;
        audit.money_by = match before.0.iter().any(|balance| balance.is_probed) {
            true => "withdrawals",
            false => "/buyer/account",
        };
        for (number, change) in changes.iter().enumerate() {
            let is_seller = number < self.shop.sellers.len();
            let (user, _) = self.user(number);
            compare(
                user,
                is_seller,
                (before.0[number], after.0[number]),
                *change,
                audit,
            );
        }
        Ok(())
    }

    fn changes(&self, settlement: &Settlement) -> Vec<Change> {
        let sellers = self.shop.sellers.len();
        let mut changes = vec![Change::default(); sellers + self.shop.buyers.len()];
        for order in &settlement.orders {
            let total = self.shop.total_fen(&order.basket);
            let is_held = match order.state {
                State::Placed | State::Cancelled => continue,
                State::Paid | State::Sent => true,
                State::Received => false,
            };
            changes[sellers + order.buyer as usize].fen -= total;
            let seller = &mut changes[self.shop.owner(order.basket.store) as usize];
            seller.fen += total;
            seller.held_fen += if is_held { total } else { 0 };
        }
        changes
    }
}

fn compare(
    user: &str,
    is_seller: bool,
    (before, after): (Balance, Balance),
    change: Change,
    audit: &mut Audit,
) {
    let differs = after.fen - before.fen - change.fen;
    // Without an account's `held`, a seller's payments that can't be withdrawn yet look missing.
    let is_hidden = is_seller && after.is_probed && differs == -change.held_fen;
    if differs != 0 && !is_hidden {
        audit.findings.add(Kind::Money, || {
            let (more, much) = if differs > 0 {
                ("more", differs)
            } else {
                ("less", -differs)
            };
            format!("`{user}` has {much} fen {more} than what was acknowledged comes to")
        });
    }
    if let (Some(before), Some(after)) = (before.held_fen, after.held_fen) {
        let differs = after - before - change.held_fen;
        if differs != 0 {
            audit.findings.add(Kind::Money, || {
                format!("what is held of `{user}` is off by {differs} fen")
            });
        }
    }
}
