//! What every race needs: a shop of its own, clients that start at one moment, and a look at money
//! and stock afterwards.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};

use super::{Plan, Race};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::http::{Answer, Failure};
use crate::json::{Object, find_text};
use crate::outcome::Outcome;
use crate::people::{Crew, Reply};
use crate::shop::password;

/// What every book costs.
pub const PRICE_FEN: i64 = 700;
/// What each buyer gets unless a race says otherwise.
pub const FUNDS_FEN: i64 = 1_000_000;
/// How much of a book there is where there is plenty.
pub const PLENTY: i64 = 1_000_000;
const STORE: &str = "store";

/// A user of a race, logged in.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub token: String,
}

/// One round of one race.
pub struct Bench {
    prefix: String,
    crews: Vec<Crew>,
    clients: u32,
}

/// How often each outcome was seen.
#[derive(Debug, Default)]
pub struct Outcomes(pub BTreeMap<Outcome, u32>);

impl Outcomes {
    pub fn accepted(&self) -> u32 {
        self.0.get(&Outcome::Status(200)).copied().unwrap_or(0)
    }

    /// Whether all but the accepted were refused with one of these.
    pub fn others_are(&self, statuses: &[u16]) -> bool {
        let is_fine = |outcome: &Outcome| {
            let fine = |status: &u16| *outcome == Outcome::Status(*status);
            outcome.is_accepted() || statuses.iter().any(fine)
        };
        self.0.keys().all(is_fine)
    }
}

impl std::fmt::Display for Outcomes {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let said: Vec<_> = self
            .0
            .iter()
            .map(|(outcome, count)| format!("{count} × {outcome}"))
            .collect();
        to.write_str(&said.join(", "))
    }
}

impl FromIterator<Outcome> for Outcomes {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in outcomes {
            *counts.entry(outcome).or_default() += 1;
        }
        Self(counts)
    }
}

impl Bench {
    pub fn new(plan: &Plan, race: Race, round: u32) -> Self {
        let crew = |target: &std::sync::Arc<crate::http::Target>| Crew {
            target: target.clone(),
            connections: 1,
        };
        Self {
            prefix: format!("{}-{}-{round}", plan.prefix, race.name()),
            crews: plan.targets.iter().map(crew).collect(),
            clients: plan.clients,
        }
    }

    pub fn clients(&self) -> u32 {
        self.clients
    }

    fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    pub fn store(&self) -> String {
        self.id(STORE)
    }

    pub fn caller(&self) -> Caller {
        self.crews[0].caller()
    }

    /// A caller for each client, dealt out among the servers, with its connection open.
    pub async fn callers(&self) -> Result<Vec<Caller>, Error> {
        let opened = (0..self.clients as usize).map(async |client| {
            let mut caller = self.crews[client % self.crews.len()].caller();
            // Any request opens the connection; this one changes nothing.
            let nobody = self.id("nobody");
            let asked = caller.account(&nobody, "").await.map(|_| ());
            asked.map_err(|source| self.no_answer(Step::Account.path(), source))?;
            Ok(caller)
        });
        try_join_all(opened).await
    }

    fn no_answer(&self, path: &'static str, source: Failure) -> Error {
        Error::NoAnswer {
            target: self.crews[0].target.to_string(),
            path,
            source,
        }
    }

    /// Asks something that has to work.
    pub async fn must(
        &self,
        path: &'static str,
        token: &str,
        write: impl Fn(Object<'_>) -> &[u8],
    ) -> Result<Reply, Error> {
        let mut caller = self.caller();
        let call = async || Ok(Reply::from(caller.post(path, token, &write).await?));
        let reply = self.crews[0].ask(path, call, |reply| reply.status).await?;
        match reply.status {
            200 => Ok(reply),
            _ => Err(self.crews[0].unexpected(path, &reply)),
        }
    }

    /// A new user with so much money.
    pub async fn user(&self, name: &str, funds_fen: i64) -> Result<User, Error> {
        let id = self.id(name);
        let password = password(&id);
        self.must("/auth/register", "", |object| {
            object
                .text("user_id", &id)
                .text("password", &password)
                .end()
        })
        .await?;
        if funds_fen > 0 {
            self.must("/buyer/add_funds", "", |object| {
                let object = object.text("user_id", &id).text("password", &password);
                object.number("add_value", funds_fen).end()
            })
            .await?;
        }
        let token = self.crews[0].log_in(&mut self.caller(), &id).await?;
        Ok(User { id, token })
    }

    /// A buyer for each client.
    pub async fn buyers(&self) -> Result<Vec<User>, Error> {
        let names: Vec<_> = (0..self.clients)
            .map(|number| format!("buyer-{number}"))
            .collect();
        try_join_all(names.iter().map(|name| self.user(name, FUNDS_FEN))).await
    }

    /// A seller whose store lists these books with so many copies.
    pub async fn seller(&self, books: &[(&str, i64)]) -> Result<User, Error> {
        let seller = self.user("seller", 0).await?;
        let store = self.store();
        self.must("/seller/create_store", &seller.token, |object| {
            object
                .text("user_id", &seller.id)
                .text("store_id", &store)
                .end()
        })
        .await?;
        for (book, stock) in books {
            let info = format!(r#"{{"id":"{book}","title":"{book}","price":{PRICE_FEN}}}"#);
            self.must("/seller/add_book", &seller.token, |object| {
                let object = object.text("user_id", &seller.id).text("store_id", &store);
                let object = object.value("book_info", |out| out.push_str(&info));
                object.number("stock_level", *stock).end()
            })
            .await?;
        }
        Ok(seller)
    }

    /// Orders one copy of each of these books; it has to work.
    pub async fn order(&self, buyer: &User, books: &[&str]) -> Result<String, Error> {
        let (path, mut caller) = (Step::NewOrder.path(), self.caller());
        let call = async || {
            Ok(Reply::from(
                self.try_order(&mut caller, buyer, books, 1).await?,
            ))
        };
        let reply = self.crews[0].ask(path, call, |reply| reply.status).await?;
        match find_text(&reply.body, "order_id") {
            Some(order) if reply.status == 200 => Ok(order.into_owned()),
            _ => Err(self.crews[0].unexpected(path, &reply)),
        }
    }

    /// Asks for so many copies of each of these books.
    pub async fn try_order<'a>(
        &self,
        caller: &'a mut Caller,
        buyer: &User,
        books: &[&str],
        count: i64,
    ) -> Result<Answer<'a>, Failure> {
        let store = self.store();
        caller
            .post(Step::NewOrder.path(), &buyer.token, |object| {
                let object = object.text("user_id", &buyer.id).text("store_id", &store);
                let object = object.value("books", |out| {
                    let line = |book| format!(r#"{{"id":"{book}","count":{count}}}"#);
                    let lines: Vec<_> = books.iter().map(line).collect();
                    out.push('[');
                    out.push_str(&lines.join(","));
                    out.push(']');
                });
                object.end()
            })
            .await
    }

    /// Pays an order; it has to work.
    pub async fn pay(&self, buyer: &User, order: &str) -> Result<(), Error> {
        let password = password(&buyer.id);
        self.must(Step::Payment.path(), "", |object| {
            let object = object
                .text("user_id", &buyer.id)
                .text("password", &password);
            object.text("order_id", order).end()
        })
        .await?;
        Ok(())
    }

    /// Whether an order is cancelled.
    pub async fn is_cancelled(&self, buyer: &User, order: &str) -> Result<bool, Error> {
        let (step, mut caller) = (Step::IsOrderCancelled, self.caller());
        let call = async || {
            let answer = caller
                .of_order(step, &buyer.id, &buyer.token, order)
                .await?;
            Ok(Reply::from(answer))
        };
        let reply = self.crews[0]
            .ask(step.path(), call, |reply| reply.status)
            .await?;
        match reply.status {
            200 => Ok(true),
            524 => Ok(false),
            _ => Err(self.crews[0].unexpected(step.path(), &reply)),
        }
    }

    /// Whether a user can withdraw exactly this and no fen more. On a server of any kind that is
    /// what is left to spend; what was withdrawn is paid back.
    pub async fn can_spend_exactly(&self, user: &User, amount_fen: i64) -> Result<bool, Error> {
        if self.add_funds(user, -(amount_fen + 1)).await? {
            self.add_funds(user, amount_fen + 1).await?;
            return Ok(false);
        }
        if amount_fen == 0 {
            return Ok(true);
        }
        let has_it = self.add_funds(user, -amount_fen).await?;
        if has_it {
            self.add_funds(user, amount_fen).await?;
        }
        Ok(has_it)
    }

    async fn add_funds(&self, user: &User, amount_fen: i64) -> Result<bool, Error> {
        let (path, mut caller) = ("/buyer/add_funds", self.caller());
        let password = password(&user.id);
        let call = async || {
            let answer = caller.add_funds(&user.id, &password, amount_fen).await?;
            Ok(Reply::from(answer))
        };
        let reply = self.crews[0].ask(path, call, |reply| reply.status).await?;
        match reply.status {
            200 => Ok(true),
            519 => Ok(false),
            _ => Err(self.crews[0].unexpected(path, &reply)),
        }
    }

    /// Whether there are exactly so many copies of a book: an order of one more is refused, and
    /// one of all of them is not. That one is cancelled.
    pub async fn has_exactly(&self, buyer: &User, book: &str, copies: i64) -> Result<bool, Error> {
        let mut caller = self.caller();
        for (count, is_there) in [(copies + 1, false), (copies, true)] {
            if count == 0 {
                continue;
            }
            let path = Step::NewOrder.path();
            let call = async || {
                let answer = self.try_order(&mut caller, buyer, &[book], count).await?;
                Ok(Reply::from(answer))
            };
            let reply = self.crews[0].ask(path, call, |reply| reply.status).await?;
            let was_there = match reply.status {
                200 => true,
                517 => false,
                _ => return Err(self.crews[0].unexpected(path, &reply)),
            };
            if let (true, Some(order)) = (was_there, find_text(&reply.body, "order_id")) {
                self.cancel(buyer, &order).await?;
            }
            if was_there != is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Cancels an order; it has to work.
    pub async fn cancel(&self, buyer: &User, order: &str) -> Result<(), Error> {
        self.must(Step::CancelOrder.path(), &buyer.token, |object| {
            object
                .text("user_id", &buyer.id)
                .text("order_id", order)
                .end()
        })
        .await?;
        Ok(())
    }

    /// Lets all clients do something at one moment; `act` gets the client's number.
    pub async fn at_once(
        &self,
        act: impl AsyncFn(&mut Caller, usize) -> Outcome,
    ) -> Result<Vec<Outcome>, Error> {
        let callers = self.callers().await?;
        let acts = callers
            .into_iter()
            .enumerate()
            .map(async |(client, mut caller)| act(&mut caller, client).await);
        Ok(join_all(acts).await)
    }
}
