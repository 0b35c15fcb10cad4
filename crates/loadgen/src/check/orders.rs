//! Whether each acknowledged order is in its buyer's history once, as it was ordered and in the
//! state that was acknowledged.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Instant;

use serde::Deserialize;

use super::finding::Kind;
use super::{Audit, Auditor};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::journal::{Journal, LostOrder, OrderName, OrderRecord, State};
use crate::journey::lock;
use crate::people::Reply;
use crate::shop::{Basket, Shop};

/// How many orders are asked for at once.
const PER_PAGE: i64 = 1_000;
/// How many of a buyer's newest orders are remembered from before.
const KNOWN_PER_BUYER: i64 = 100;

/// What each buyer had ordered before.
#[derive(Debug)]
pub struct Known {
    buyers: Vec<KnownOrders>,
    /// Whether the server has histories at all.
    has_histories: bool,
}

#[derive(Debug, Default, Clone)]
struct KnownOrders {
    newest: HashSet<OrderName>,
    /// Whether these are all.
    is_whole: bool,
}

/// What became of the orders of a run.
#[derive(Debug)]
pub struct Settlement {
    pub orders: Vec<Settled>,
    /// Whether these are all, and each is known for certain: only then money and stock can tell.
    pub is_exact: bool,
}

/// An order of which it is now known what became of it.
#[derive(Debug)]
pub struct Settled {
    pub buyer: u32,
    pub basket: Basket,
    pub state: State,
}

#[derive(Deserialize)]
struct History {
    orders: Vec<HistoryOrder>,
}

/// An order as histories have it. What other servers leave out is not compared.
#[derive(Deserialize)]
struct HistoryOrder {
    order_id: String,
    state: Option<String>,
    total_price: Option<i64>,
    details: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
struct Detail {
    book_id: String,
    count: u32,
}

/// What was acknowledged to one buyer.
#[derive(Default)]
struct Acknowledged<'a> {
    orders: HashMap<&'a OrderName, &'a OrderRecord>,
    lost: Vec<LostOrder>,
}

/// One buyer's history on its way to being compared.
struct Comparison<'a, 'b> {
    auditor: &'a Auditor<'b>,
    buyer: u32,
    acknowledged: Acknowledged<'a>,
    now: Instant,
}

impl Auditor<'_> {
    pub(super) async fn known_orders(&self) -> Result<Known, Error> {
        let buyers = Mutex::new(vec![KnownOrders::default(); self.shop.buyers.len()]);
        let has_histories = Mutex::new(true);
        self.crew
            .each(self.shop.buyers.len() as u32, async |caller, buyer| {
                let Some(page) = self.page(caller, buyer, KNOWN_PER_BUYER, None).await? else {
                    *lock(&has_histories) = false;
                    return Ok(());
                };
                lock(&buyers)[buyer as usize] = KnownOrders {
                    is_whole: (page.len() as i64) < KNOWN_PER_BUYER,
                    newest: page.iter().map(HistoryOrder::name).collect(),
                };
                Ok(())
            })
            .await?;
        Ok(Known {
            buyers: buyers.into_inner().expect("nobody panics with it"),
            has_histories: has_histories.into_inner().expect("nobody panics with it"),
        })
    }

    /// Compares all histories, and says what became of each order.
    pub(super) async fn compare_orders(
        &self,
        known: &Known,
        journal: &Journal,
        audit: &mut Audit,
    ) -> Result<Settlement, Error> {
        audit.orders = journal.orders.len() as u64;
        let mut by_buyer = by_buyer(self.shop, journal, audit);
        if !known.has_histories {
            return self.probe_orders(journal, audit).await;
        }
        let (audit, settled) = (Mutex::new(audit), Mutex::new(Vec::new()));
        let by_buyer: Vec<_> = by_buyer
            .drain(..)
            .map(|one| Mutex::new(Some(one)))
            .collect();
        self.crew
            .each(by_buyer.len() as u32, async |caller, buyer| {
                let acknowledged = lock(&by_buyer[buyer as usize]).take().unwrap_or_default();
                let history = self
                    .history(caller, buyer, &known.buyers[buyer as usize])
                    .await?;
                let comparison = Comparison {
                    auditor: self,
                    buyer,
                    acknowledged,
                    now: Instant::now(),
                };
                let done = comparison.compare(&history, &mut lock(&audit));
                lock(&settled).extend(done);
                Ok(())
            })
            .await?;
        Ok(Settlement {
            orders: settled.into_inner().expect("nobody panics with it"),
            is_exact: true,
        })
    }

    /// All orders of a buyer that were not known before.
    async fn history(
        &self,
        caller: &mut Caller,
        buyer: u32,
        known: &KnownOrders,
    ) -> Result<Vec<HistoryOrder>, Error> {
        let (mut orders, mut seen) = (Vec::new(), HashSet::new());
        let mut before: Option<String> = None;
        loop {
            let page = self
                .page(caller, buyer, PER_PAGE, before.as_deref())
                .await?;
            let page = page.unwrap_or_default();
            before = page.last().map(|order| order.order_id.clone());
            // A server that doesn't know `before` gives the same page again: then it was the last.
            let (mut on_page, mut is_new) = (HashSet::new(), false);
            for order in page {
                let name = order.name();
                if known.newest.contains(&name) {
                    if known.is_whole {
                        continue;
                    }
                    // The newest come first, so what follows was there before.
                    return Ok(orders);
                }
                if !on_page.insert(name.clone()) {
                    // Twice on one page: the comparison will say so.
                    orders.push(order);
                } else if seen.insert(name) {
                    is_new = true;
                    orders.push(order);
                }
            }
            if !is_new {
                return Ok(orders);
            }
        }
    }

    /// A page of a history; nothing where the server has none.
    async fn page(
        &self,
        caller: &mut Caller,
        buyer: u32,
        per_page: i64,
        before: Option<&str>,
    ) -> Result<Option<Vec<HistoryOrder>>, Error> {
        let (id, token) = (
            &self.shop.buyers[buyer as usize],
            &self.people.buyers[buyer as usize],
        );
        let path = Step::History.path();
        let call = async || {
            Ok(Reply::from(
                caller.history(id, token, per_page, before).await?,
            ))
        };
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        match reply.status {
            200 => match serde_json::from_slice::<History>(&reply.body) {
                Ok(history) => Ok(Some(history.orders)),
                Err(_) => Ok(None),
            },
            404 | 405 => Ok(None),
            _ => Err(self.crew.unexpected(path, &reply)),
        }
    }
}

fn by_buyer<'a>(shop: &Shop, journal: &'a Journal, audit: &mut Audit) -> Vec<Acknowledged<'a>> {
    let mut by_buyer: Vec<_> = shop
        .buyers
        .iter()
        .map(|_| Acknowledged::default())
        .collect();
    for order in &journal.orders {
        let buyer: &mut Acknowledged = &mut by_buyer[order.buyer as usize];
        if buyer.orders.insert(&order.name, order).is_some() {
            audit.findings.add(Kind::Lost, || {
                format!(
                    "two orders were acknowledged under one id, `{}`",
                    order.name
                )
            });
        }
    }
    for lost in &journal.lost {
        by_buyer[lost.buyer as usize].lost.push(*lost);
    }
    by_buyer
}

impl HistoryOrder {
    fn name(&self) -> OrderName {
        self.order_id.as_str().into()
    }

    /// Its state, where it is one of the contract's.
    fn state(&self) -> Option<State> {
        let name = self.state.as_deref()?;
        let all = [
            State::Placed,
            State::Paid,
            State::Sent,
            State::Received,
            State::Cancelled,
        ];
        all.into_iter().find(|state| state.name() == name)
    }

    /// Whether this is that basket, as far as it can be seen.
    fn matches(&self, shop: &Shop, basket: &Basket) -> bool {
        let costs_the_same = |total| total == shop.total_fen(basket);
        let has_the_same = |details: &Vec<Detail>| {
            let has = |(book, count): &(u32, u32)| {
                let id = &shop.books[*book as usize];
                details
                    .iter()
                    .any(|detail| detail.book_id == *id && detail.count == *count)
            };
            details.len() == basket.lines.len() && basket.lines.iter().all(has)
        };
        self.total_price.is_none_or(costs_the_same)
            && self.details.as_ref().is_none_or(has_the_same)
    }
}

impl Comparison<'_, '_> {
    fn compare(mut self, history: &[HistoryOrder], audit: &mut Audit) -> Vec<Settled> {
        let mut settled = Vec::with_capacity(history.len());
        let mut found = HashSet::with_capacity(history.len());
        for order in history {
            let name = order.name();
            if found.contains(&name) {
                audit.findings.add(Kind::Doubled, || {
                    format!("order `{name}` is twice in its buyer's history")
                });
                continue;
            }
            let known = self.acknowledged.orders.get(&name).copied();
            found.insert(name);
            let done = match known {
                Some(known) => self.compare_one(order, known, audit),
                None => self.find_lost(order, audit),
            };
            settled.extend(done);
        }
        for (name, order) in &self.acknowledged.orders {
            if !found.contains(*name) {
                let buyer = &self.auditor.shop.buyers[order.buyer as usize];
                audit.findings.add(Kind::Lost, || {
                    format!(
                        "order `{name}` of `{buyer}` was acknowledged and is not in the history"
                    )
                });
            }
        }
        settled
    }

    fn basket(&self, seed: u64) -> Basket {
        self.auditor.shop.basket(seed, self.auditor.preference)
    }

    fn compare_one(
        &self,
        order: &HistoryOrder,
        known: &OrderRecord,
        audit: &mut Audit,
    ) -> Option<Settled> {
        let basket = self.basket(known.basket_seed);
        if !order.matches(self.auditor.shop, &basket) {
            audit.findings.add(Kind::Different, || {
                format!(
                    "order `{}` has other books or another total than was ordered",
                    known.name
                )
            });
        }
        // Where the server's words for states are its own, what was acknowledged has to do.
        let state = order.state().unwrap_or(known.state);
        let has_expired = state == State::Cancelled && known.state == State::Placed;
        if has_expired && self.now - known.placed >= self.auditor.payment_timeout {
            audit.expired += 1;
        } else if state != known.state && Some(state) != known.perhaps {
            audit.findings.add(Kind::Different, || {
                let (is, was) = (state.name(), known.state.name());
                format!(
                    "order `{}` is {is}, and was acknowledged as {was}",
                    known.name
                )
            });
        }
        Some(Settled {
            buyer: self.buyer,
            basket,
            state,
        })
    }

    /// An order that nobody was told of: one of those whose answers got lost, or one too many.
    fn find_lost(&mut self, order: &HistoryOrder, audit: &mut Audit) -> Option<Settled> {
        let shop = self.auditor.shop;
        let is_it = |lost: &LostOrder| {
            let basket = shop.basket(lost.basket_seed, self.auditor.preference);
            order.matches(shop, &basket)
        };
        let Some(at) = self.acknowledged.lost.iter().position(is_it) else {
            let buyer = &shop.buyers[self.buyer as usize];
            audit.findings.add(Kind::Doubled, || {
                format!(
                    "order `{}` of `{buyer}` is there, and nobody asked for it",
                    order.order_id
                )
            });
            return None;
        };
        audit.found_again += 1;
        let lost = self.acknowledged.lost.swap_remove(at);
        Some(Settled {
            buyer: self.buyer,
            basket: self.basket(lost.basket_seed),
            state: order.state().unwrap_or(State::Placed),
        })
    }
}
