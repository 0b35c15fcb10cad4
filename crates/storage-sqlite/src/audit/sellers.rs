//! Sellers: the stock of their listings, and what they hold; and everybody who sells nothing.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use serde::de::IgnoredAny;

use super::ledger::FIND_BALANCE;
use super::{Audit, DOING, Findings, account_name, look};
use crate::error::{Doing, Stored};

/// How many accounts a piece reads.
const PIECE_ACCOUNTS: i64 = if cfg!(test) { 2 } else { 10_000 };

pub(super) const LIST_ACCOUNTS: &str = "
    SELECT a.id, a.user_id, b.balance, b.held,
           EXISTS (SELECT 1 FROM postings p WHERE p.account = a.id),
           EXISTS (SELECT 1 FROM stores s INDEXED BY stores_of_owner WHERE s.owner = a.id)
      FROM accounts a LEFT JOIN balances b ON b.account = a.id
     WHERE a.id > ?1 ORDER BY a.id LIMIT ?2";

pub(super) const NEXT_SELLER: &str = "SELECT min(owner) FROM stores WHERE owner > ?1";

pub(super) const LIST_ORDERS: &str = "
    SELECT state, total, lines FROM orders INDEXED BY orders_of_seller WHERE seller = ?1";

pub(super) const LIST_LISTINGS: &str = "
    SELECT l.id, h.stock, h.added, l.book_id, s.store_id
      FROM stores s INDEXED BY stores_of_owner CROSS JOIN listings l ON l.store = s.id
           LEFT JOIN shelves h ON h.listing = l.id
     WHERE s.owner = ?1";

pub(super) fn check(audit: &mut Audit<'_>) -> Stored<()> {
    check_others(audit)?;
    let mut seller = i64::MIN;
    while let Some(next) = audit.piece(|connection, findings| {
        let mut statement = connection.prepare_cached(NEXT_SELLER).doing(DOING)?;
        let next: Option<i64> = statement
            .query_row([seller], |row| row.get(0))
            .doing(DOING)?;
        match next {
            Some(seller) => check_seller(connection, findings, seller).map(|()| next),
            None => Ok(None),
        }
    })? {
        seller = next;
    }
    Ok(())
}

/// Accounts without postings have nothing, and those without stores hold nothing.
fn check_others(audit: &mut Audit<'_>) -> Stored<()> {
    let mut after = i64::MIN;
    loop {
        let seen = audit.piece(|connection, findings| {
            let mut statement = connection.prepare_cached(LIST_ACCOUNTS).doing(DOING)?;
            let mut rows = statement.query([after, PIECE_ACCOUNTS]).doing(DOING)?;
            let mut seen = 0;
            while let Some(row) = rows.next().doing(DOING)? {
                after = row.get(0).doing(DOING)?;
                seen += 1;
                let user: String = row.get(1).doing(DOING)?;
                let balance: Option<i64> = row.get(2).doing(DOING)?;
                let held: Option<i64> = row.get(3).doing(DOING)?;
                let (has_postings, has_stores): (bool, bool) =
                    (row.get(4).doing(DOING)?, row.get(5).doing(DOING)?);
                if !has_postings {
                    look(
                        &mut findings.balances,
                        (balance, held) == (Some(0), Some(0)),
                        || format!("account `{user}` has a balance of {balance:?} and no postings"),
                    );
                }
                if !has_stores {
                    look(&mut findings.held, held == Some(0), || {
                        format!("account `{user}` holds {held:?} and has no store")
                    });
                }
            }
            Ok(seen)
        })?;
        if seen < PIECE_ACCOUNTS {
            return Ok(());
        }
    }
}

/// One seller. His orders and listings have to be of one moment, since each order moves copies from
/// a listing to itself; but they touch no other seller's. So one pass over his orders, which
/// adds up by listing, is as long as the log has to wait.
fn check_seller(connection: &Connection, findings: &mut Findings, seller: i64) -> Stored<()> {
    let (mut taken, open) = add_up_orders(connection, seller)?;
    let mut statement = connection.prepare_cached(LIST_LISTINGS).doing(DOING)?;
    let mut rows = statement.query([seller]).doing(DOING)?;
    while let Some(row) = rows.next().doing(DOING)? {
        let listing: i64 = row.get(0).doing(DOING)?;
        let taken = taken.remove(&listing).unwrap_or(0);
        let stock: Option<i64> = row.get(1).doing(DOING)?;
        let added: Option<i64> = row.get(2).doing(DOING)?;
        let is_right = matches!((stock, added), (Some(stock), Some(added))
            if stock >= 0 && i128::from(stock) + taken == i128::from(added));
        look(&mut findings.stock, is_right, || {
            let name = |column| row.get(column).unwrap_or_else(|_| String::from("?"));
            let (stock, added) = (stock.unwrap_or(-1), added.unwrap_or(-1));
            format!(
                "book `{}` of store `{}` has a stock of {stock}, {taken} in orders, and {added} \
                 ever added",
                name(3),
                name(4)
            )
        });
    }
    for listing in taken.keys() {
        look(&mut findings.stock, false, || {
            let seller = account_name(connection, seller);
            format!("listing number {listing} is in orders of {seller}, who has no such listing")
        });
    }
    let mut statement = connection.prepare_cached(FIND_BALANCE).doing(DOING)?;
    let held = statement
        .query_row([seller], |row| row.get::<_, i64>(1))
        .optional();
    let held = held.doing(DOING)?;
    look(
        &mut findings.held,
        held.is_some_and(|held| i128::from(held) == open),
        || {
            let seller = account_name(connection, seller);
            format!(
                "{seller} holds {} and has open orders of {open}",
                held.unwrap_or(0)
            )
        },
    );
    Ok(())
}

/// The copies in a seller's orders that are not cancelled, by listing, and what the orders that
/// are paid and not received come to.
fn add_up_orders(connection: &Connection, seller: i64) -> Stored<(HashMap<i64, i128>, i128)> {
    let (mut taken, mut open) = (HashMap::<i64, i128>::new(), 0);
    let mut statement = connection.prepare_cached(LIST_ORDERS).doing(DOING)?;
    let mut rows = statement.query([seller]).doing(DOING)?;
    while let Some(row) = rows.next().doing(DOING)? {
        let state: i64 = row.get(0).doing(DOING)?;
        if state == 4 {
            continue;
        }
        if matches!(state, 1 | 2) {
            open += i128::from(row.get::<_, i64>(1).doing(DOING)?);
        }
        let lines = row.get_ref(2).doing(DOING)?.as_str().unwrap_or_default();
        // An order whose lines can't be read is found by the check of the orders.
        let lines: Vec<(i64, IgnoredAny, IgnoredAny, i64, IgnoredAny)> =
            serde_json::from_str(lines).unwrap_or_default();
        for (listing, _, _, count, _) in lines {
            *taken.entry(listing).or_default() += i128::from(count);
        }
    }
    Ok((taken, open))
}
