//! The audit: everything stored is checked against itself, in bounded memory.
//!
//! A transaction lives for a minute and is not used here. Each check reads from one snapshot outside
//! of transactions, of which a server keeps five minutes (`minSnapshotHistoryWindowInSeconds`).
//! What has to be summed up is summed up on the server, which may use its disk, and comes sorted,
//! so that both sides are walked side by side and nothing is collected here. The longest walk,
//! over all orders with their entries, needs no single snapshot, since an order and its entries lie
//! side by side: it takes a fresh one every [`SLICE`] and goes on behind the last order. Where a
//! sum takes longer than the server's history, the check is begun again, and then given up with
//! the server's words for it.

mod orders;
mod stream;

use mongodb::bson::{Document, Timestamp, doc};
use serde::Deserialize;
use storage::StorageError;
use storage::audit::{AuditCheck, AuditReport, FINDINGS_SHOWN_MAX, Finding};

use crate::accounts::AccountDocument;
use crate::deployment::Deployment;
use crate::error::{Cause, Stored, is_snapshot_too_old};
use crate::listings::{ListingDocument, ListingId};
use crate::schema::{ACCOUNTS, ENTRIES, LISTINGS, ORDERS};
use stream::{Keyed, Pair, Stream, next_pair};

const DOING: &str = "auditing";
/// How often a check is begun that outlives the history of the server.
const ATTEMPTS_MAX: u32 = 3;

pub(crate) async fn audit(deployment: &Deployment) -> Stored<AuditReport> {
    let mut findings = Vec::with_capacity(AuditCheck::ALL.len());
    for check in AuditCheck::ALL {
        let mut attempt = 1;
        let finding = loop {
            match run(deployment, check).await {
                Err(error) if attempt < ATTEMPTS_MAX && outlived(&error) => attempt += 1,
                finding => break finding?,
            }
        };
        findings.push(finding);
    }
    Ok(AuditReport { findings })
}

async fn run(deployment: &Deployment, check: AuditCheck) -> Stored<Finding> {
    match check {
        AuditCheck::PostingsSumToZero => postings_sum_to_zero(deployment).await,
        AuditCheck::BalancesEqualPostings => balances_equal_postings(deployment).await,
        AuditCheck::StockEquation => stock_equation(deployment).await,
        AuditCheck::OrdersAgree => orders::orders_agree(deployment).await,
        AuditCheck::HeldEqualsOpenOrders => held_equals_open_orders(deployment).await,
    }
}

/// Whether a check failed because the server no longer has the snapshot that it read.
fn outlived(error: &StorageError) -> bool {
    let source = std::error::Error::source(error);
    source
        .and_then(|source| source.downcast_ref::<Cause>())
        .is_some_and(|cause| is_snapshot_too_old(&cause.0))
}

fn look(finding: &mut Finding, is_right: bool, words: impl FnOnce() -> String) {
    finding.look((!is_right).then_some(words));
}

#[derive(Deserialize)]
struct Counted {
    checked: i64,
    wrong: i64,
}

/// Counted on the server: what is wrong with an entry is seen in the entry alone.
async fn postings_sum_to_zero(deployment: &Deployment) -> Stored<Finding> {
    let amount = |place: i32| doc! { "$arrayElemAt": ["$postings.amount", place] };
    let place = |place: i32| {
        doc! {
            "$concat": [
                { "$arrayElemAt": ["$postings.purse", place] }, " ",
                { "$arrayElemAt": ["$postings.user", place] },
            ]
        }
    };
    let is_right = doc! { "$and": [
        { "$eq": [{ "$size": "$postings" }, 2] },
        { "$eq": [{ "$sum": "$postings.amount" }, 0] },
        { "$gt": [amount(1), 0] },
        { "$ne": [place(0), place(1)] },
    ] };
    let counting = doc! { "$group": {
        "_id": null, "checked": { "$sum": 1_i64 },
        "wrong": { "$sum": { "$cond": [&is_right, 0_i64, 1_i64] } },
    } };
    let moment = stream::moment(deployment).await?;
    let mut counted: Stream<Counted> =
        Stream::aggregate(deployment, moment, ENTRIES, vec![counting]).await?;
    let mut finding = Finding::new(AuditCheck::PostingsSumToZero);
    if let Some(Counted { checked, wrong }) = counted.next().await? {
        finding.checked = u64::try_from(checked).unwrap_or(0);
        finding.wrong = u64::try_from(wrong).unwrap_or(0);
    }
    if finding.wrong > 0 {
        let shown = vec![
            doc! { "$match": { "$expr": { "$not": [is_right] } } },
            doc! { "$limit": i64::try_from(FINDINGS_SHOWN_MAX).unwrap_or(i64::MAX) },
        ];
        let mut wrong: Stream<Document> =
            Stream::aggregate(deployment, moment, ENTRIES, shown).await?;
        while let Some(entry) = wrong.next().await? {
            finding.shown.push(format!("entry {entry}"));
        }
    }
    Ok(finding)
}

/// What a user's postings come to.
#[derive(Deserialize)]
struct Sums {
    #[serde(rename = "_id")]
    user: String,
    spendable: i64,
    held: i64,
}

impl Keyed for Sums {
    type Key = String;
    fn key(&self) -> &String {
        &self.user
    }
}

impl Keyed for AccountDocument {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

async fn balances_equal_postings(deployment: &Deployment) -> Stored<Finding> {
    let of = |purse: &str| {
        let is_purse = doc! { "$eq": ["$postings.purse", purse] };
        doc! { "$sum": { "$cond": [is_purse, "$postings.amount", 0_i64] } }
    };
    let sums = vec![
        doc! { "$unwind": "$postings" },
        doc! { "$match": { "postings.purse": { "$ne": "outside" } } },
        doc! { "$group": {
            "_id": "$postings.user", "spendable": of("spendable"), "held": of("held"),
        } },
        doc! { "$sort": { "_id": 1 } },
    ];
    let moment = stream::moment(deployment).await?;
    let mut sums: Stream<Sums> = Stream::aggregate(deployment, moment, ENTRIES, sums).await?;
    let mut accounts = accounts(deployment, moment).await?;
    let mut finding = Finding::new(AuditCheck::BalancesEqualPostings);
    while let Some(pair) = next_pair(&mut accounts, &mut sums).await? {
        let (account, spendable, held) = match pair {
            Pair::Left(account) => (account, 0, 0),
            Pair::Both(account, sums) => (account, sums.spendable, sums.held),
            Pair::Right(Sums { user, .. }) => {
                let words = || format!("postings of `{user}`, who has no account");
                look(&mut finding, false, words);
                continue;
            }
        };
        let is_right = account.held == held
            && account.balance.checked_sub(account.held) == Some(spendable)
            && (0..=account.balance).contains(&account.held);
        look(&mut finding, is_right, || {
            format!("account `{}`", account.id)
        });
    }
    Ok(finding)
}

async fn accounts(deployment: &Deployment, moment: Timestamp) -> Stored<Stream<AccountDocument>> {
    Stream::find(deployment, moment, ACCOUNTS, doc! {}).await
}

/// How many copies of a listing are in orders that are not cancelled.
#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "_id")]
    listing: ListingId,
    taken: i64,
}

impl Keyed for Taken {
    type Key = ListingId;
    fn key(&self) -> &ListingId {
        &self.listing
    }
}

impl Keyed for ListingDocument {
    type Key = ListingId;
    fn key(&self) -> &ListingId {
        &self.id
    }
}

async fn stock_equation(deployment: &Deployment) -> Stored<Finding> {
    let taken = vec![
        doc! { "$match": { "state": { "$ne": "cancelled" } } },
        doc! { "$unwind": "$lines" },
        doc! { "$group": {
            "_id": { "store": "$store", "book": "$lines.book" },
            "taken": { "$sum": "$lines.count" },
        } },
        doc! { "$sort": { "_id": 1 } },
    ];
    let moment = stream::moment(deployment).await?;
    let mut taken: Stream<Taken> = Stream::aggregate(deployment, moment, ORDERS, taken).await?;
    let mut listings: Stream<ListingDocument> =
        Stream::find(deployment, moment, LISTINGS, doc! {}).await?;
    let mut finding = Finding::new(AuditCheck::StockEquation);
    while let Some(pair) = next_pair(&mut listings, &mut taken).await? {
        let (listing, taken) = match pair {
            Pair::Left(listing) => (listing, 0),
            Pair::Both(listing, taken) => (listing, taken.taken),
            Pair::Right(Taken { listing, .. }) => {
                let words = || format!("ordered book `{}` is not listed", listing.book);
                look(&mut finding, false, words);
                continue;
            }
        };
        let is_right =
            listing.stock >= 0 && listing.stock.checked_add(taken) == Some(listing.added);
        let ListingId { store, book } = &listing.id;
        look(&mut finding, is_right, || {
            format!("book `{book}` of store `{store}`")
        });
    }
    Ok(finding)
}

/// What a seller is paid for and has not delivered.
#[derive(Deserialize)]
struct Open {
    #[serde(rename = "_id")]
    seller: String,
    total: i64,
}

impl Keyed for Open {
    type Key = String;
    fn key(&self) -> &String {
        &self.seller
    }
}

async fn held_equals_open_orders(deployment: &Deployment) -> Stored<Finding> {
    let open = vec![
        doc! { "$match": { "state": { "$in": ["paid", "sent"] } } },
        doc! { "$group": { "_id": "$seller", "total": { "$sum": "$total" } } },
        doc! { "$sort": { "_id": 1 } },
    ];
    let moment = stream::moment(deployment).await?;
    let mut open: Stream<Open> = Stream::aggregate(deployment, moment, ORDERS, open).await?;
    let mut accounts = accounts(deployment, moment).await?;
    let mut finding = Finding::new(AuditCheck::HeldEqualsOpenOrders);
    while let Some(pair) = next_pair(&mut accounts, &mut open).await? {
        let (account, total) = match pair {
            Pair::Left(account) => (account, 0),
            Pair::Both(account, open) => (account, open.total),
            Pair::Right(Open { seller, .. }) => {
                look(&mut finding, false, || {
                    format!("orders of `{seller}`, who has no account")
                });
                continue;
            }
        };
        look(&mut finding, account.held == total, || {
            format!("account `{}`", account.id)
        });
    }
    Ok(finding)
}
