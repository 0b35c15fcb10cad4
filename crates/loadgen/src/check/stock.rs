//! Whether the shelves have what the settled orders leave on them. The contract has no question
//! for that, so the auditor orders more and more copies of a book until there are not enough, and
//! cancels each of these orders: only some books are looked at.

use std::sync::Mutex;

use super::finding::Kind;
use super::orders::Settlement;
use super::{Audit, Auditor};
use crate::calls::{Caller, Step};
use crate::error::Error;
use crate::journal::State;
use crate::journey::lock;
use crate::json::find_text;
use crate::people::Reply;
use crate::random::Random;
use crate::shop::{Basket, password};

/// How many listings are looked at.
const LISTINGS: usize = 8;
/// The contract's limits: of a count, and of an order's total.
const COUNT_MAX: u32 = 1_000_000_000;
const TOTAL_MAX_FEN: i64 = 10_000_000_000_000;

/// Some listings, each with its stock. The hot book is one of them.
#[derive(Debug)]
pub struct Stocks(Vec<(Listing, u32)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listing {
    store: u32,
    book: u32,
}

impl Auditor<'_> {
    pub(super) async fn stocks(&self) -> Result<Stocks, Error> {
        let listings = self.some_listings();
        self.stocks_of(&listings).await
    }

    fn some_listings(&self) -> Vec<Listing> {
        let shape = &self.shop.shape;
        let mut listings = vec![Listing { store: 0, book: 0 }];
        let mut random = Random::of(&[shape.seed, LISTINGS as u64]);
        for _ in 1..LISTINGS {
            let listing = Listing {
                store: random.below(self.shop.stores.len() as u32),
                book: random.below(self.shop.books.len() as u32),
            };
            if !listings.contains(&listing) {
                listings.push(listing);
            }
        }
        listings
    }

    async fn stocks_of(&self, listings: &[Listing]) -> Result<Stocks, Error> {
        // An account of its own, so that the probes are in no history that is compared.
        let user = format!("load{}-auditor", self.shop.shape.seed);
        let mut caller = self.crew.caller();
        let path = "/auth/register";
        let call = async || Ok(Reply::from(caller.register(&user, &password(&user)).await?));
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        if !matches!(reply.status, 200 | 512) {
            return Err(self.crew.unexpected(path, &reply));
        }
        let token = self.crew.log_in(&mut caller, &user).await?;
        let stocks = Mutex::new(Vec::new());
        self.crew
            .each(listings.len() as u32, async |caller, number| {
                let listing = listings[number as usize];
                let stock = self.probe_stock(caller, (&user, &token), listing).await?;
                lock(&stocks).push((listing, stock));
                Ok(())
            })
            .await?;
        let mut stocks = stocks.into_inner().expect("nobody panics with it");
        stocks.sort_by_key(|(listing, _)| listings.iter().position(|other| other == listing));
        Ok(Stocks(stocks))
    }

    /// How many copies there are, as far as one order can ask for them.
    async fn probe_stock(
        &self,
        caller: &mut Caller,
        user: (&str, &str),
        listing: Listing,
    ) -> Result<u32, Error> {
        let price = self.shop.price_fen(listing.store, listing.book);
        let affordable = u32::try_from(TOTAL_MAX_FEN / price).unwrap_or(COUNT_MAX);
        // There are `low` copies, and not `high`.
        let (mut low, mut high) = (0, affordable.min(COUNT_MAX) + 1);
        while high - low > 1 {
            let count = low + (high - low) / 2;
            if self.can_order(caller, user, listing, count).await? {
                low = count;
            } else {
                high = count;
            }
        }
        Ok(low)
    }

    /// Whether there are so many copies. The order by which that is found out is cancelled.
    async fn can_order(
        &self,
        caller: &mut Caller,
        (user, token): (&str, &str),
        listing: Listing,
        count: u32,
    ) -> Result<bool, Error> {
        let basket = Basket {
            store: listing.store,
            lines: vec![(listing.book, count)],
        };
        let path = Step::NewOrder.path();
        let call = async || {
            let answer = caller.new_order(self.shop, user, token, &basket).await?;
            Ok(Reply::from(answer))
        };
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        let order = match (reply.status, find_text(&reply.body, "order_id")) {
            (517, _) => return Ok(false),
            (200, Some(order)) => order,
            _ => return Err(self.crew.unexpected(path, &reply)),
        };
        let step = Step::CancelOrder;
        let call = async || {
            Ok(Reply::from(
                caller.of_order(step, user, token, &order).await?,
            ))
        };
        let reply = self
            .crew
            .ask(step.path(), call, |reply| reply.status)
            .await?;
        match reply.status {
            200 => Ok(true),
            _ => Err(self.crew.unexpected(step.path(), &reply)),
        }
    }

    pub(super) async fn compare_stock(
        &self,
        before: &Stocks,
        settlement: &Settlement,
        audit: &mut Audit,
    ) -> Result<(), Error> {
        if !settlement.is_exact {
            return Ok(());
        }
        let listings: Vec<_> = before.0.iter().map(|(listing, _)| *listing).collect();
        let after = self.stocks_of(&listings).await?;
        audit.listings = listings.len() as u64;
        for ((listing, before), (_, after)) in before.0.iter().zip(&after.0) {
            let taken = taken(settlement, *listing);
            let differs = i64::from(*after) + taken - i64::from(*before);
            if differs != 0 {
                audit.findings.add(Kind::Stock, || {
                    let book = &self.shop.books[listing.book as usize];
                    let store = &self.shop.stores[listing.store as usize];
                    format!(
                        "`{book}` in `{store}` had {before} copies and has {after}, but {taken} \
                         were ordered and not cancelled"
                    )
                });
            }
        }
        Ok(())
    }
}

/// How many copies the orders keep.
fn taken(settlement: &Settlement, listing: Listing) -> i64 {
    let orders = settlement.orders.iter();
    orders
        .filter(|order| order.state != State::Cancelled && order.basket.store == listing.store)
        .flat_map(|order| &order.basket.lines)
        .filter(|(book, _)| *book == listing.book)
        .map(|(_, count)| i64::from(*count))
        .sum()
}
