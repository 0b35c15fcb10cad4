//! What can be found out of a server that lacks histories or `/buyer/account`: by paying again, by
//! withdrawing, by ordering. What a probe changes it puts back.

use std::sync::Mutex;

use super::finding::Kind;
use super::orders::{Settled, Settlement};
use super::{Audit, Auditor};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::journal::{Journal, OrderRecord, State};
use crate::journey::lock;
use crate::people::Reply;

/// How many orders are paid again to see whether they were paid.
const ORDERS_MAX: usize = 10_000;
/// The largest power of two that one withdrawal may take.
const LARGEST_BIT: u32 = 43;
/// The most that one `add_funds` may add.
const DEPOSIT_MAX_FEN: i64 = 10_000_000_000_000;

impl Auditor<'_> {
    /// Pays orders again: who was paid must refuse. An order whose payment's answer got lost is
    /// paid afterwards in any case.
    pub(super) async fn probe_orders(
        &self,
        journal: &Journal,
        audit: &mut Audit,
    ) -> Result<Settlement, Error> {
        let reason = "the server has no histories: orders were checked by paying them again";
        audit.unchecked.push(reason.to_owned());
        let is_open = |order: &&OrderRecord| order.perhaps == Some(State::Paid);
        let is_paid = |order: &&OrderRecord| order.perhaps.is_none() && order.state == State::Paid;
        let every = journal.orders.len().div_ceil(ORDERS_MAX).max(1);
        let probed: Vec<_> = journal.orders.iter().filter(is_open).collect();
        let sample = journal.orders.iter().step_by(every).filter(is_paid);
        let probed: Vec<_> = probed.into_iter().chain(sample).collect();
        let audit = Mutex::new(audit);
        self.crew
            .each(probed.len() as u32, async |caller, number| {
                let order = probed[number as usize];
                let reply = self.pay_again(caller, order).await?;
                if reply.status == 200 && order.perhaps.is_none() {
                    lock(&audit).findings.add(Kind::Lost, || {
                        format!(
                            "order `{}` was paid, and could be paid once more",
                            order.name
                        )
                    });
                }
                Ok(())
            })
            .await?;
        let settled = journal.orders.iter().map(|order| Settled {
            buyer: order.buyer,
            basket: self.shop.basket(order.basket_seed, self.preference),
            state: order.perhaps.unwrap_or(order.state),
        });
        let is_settled = |order: &OrderRecord| matches!(order.perhaps, None | Some(State::Paid));
        Ok(Settlement {
            is_exact: journal.lost.is_empty() && journal.orders.iter().all(is_settled),
            orders: settled.collect(),
        })
    }

    async fn pay_again(&self, caller: &mut Caller, order: &OrderRecord) -> Result<Reply, Error> {
        let buyer = order.buyer as usize;
        let (id, password) = (&self.shop.buyers[buyer], &self.shop.buyer_passwords[buyer]);
        let name = order.name.to_string();
        let call = async || Ok(Reply::from(caller.payment(id, password, &name).await?));
        let path = Step::Payment.path();
        self.crew.ask(path, call, |reply| reply.status).await
    }

    /// What a user can withdraw, found out by withdrawing all of it bit by bit and paying it back.
    pub(super) async fn probe_spendable_fen(
        &self,
        caller: &mut Caller,
        user: &str,
        password: &str,
    ) -> Result<i64, Error> {
        let mut taken = 0;
        let mut bit = LARGEST_BIT;
        loop {
            let amount = 1_i64 << bit;
            if self.add_funds(caller, user, password, -amount).await? {
                taken += amount;
                // Only of the largest there may be more than one.
                if bit == LARGEST_BIT {
                    continue;
                }
            }
            match bit.checked_sub(1) {
                Some(next) => bit = next,
                None => break,
            }
        }
        let mut owed = taken;
        while owed > 0 {
            let amount = owed.min(DEPOSIT_MAX_FEN);
            if !self.add_funds(caller, user, password, amount).await? {
                return Err(Error::Shop(format!(
                    "{owed} fen withdrawn from `{user}` to see what there is can't be paid back"
                )));
            }
            owed -= amount;
        }
        Ok(taken)
    }

    /// Whether so much could be added, or withdrawn where it is negative.
    async fn add_funds(
        &self,
        caller: &mut Caller,
        user: &str,
        password: &str,
        amount: i64,
    ) -> Result<bool, Error> {
        let path = "/buyer/add_funds";
        let call = async || Ok(Reply::from(caller.add_funds(user, password, amount).await?));
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        match reply.status {
            200 => Ok(true),
            519 => Ok(false),
            _ => Err(self.crew.unexpected(path, &reply)),
        }
    }
}
