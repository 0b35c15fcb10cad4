//! Accounts: `accounts`, and `balances` for what every payment changes.

use std::sync::Arc;

use domain::{
    Account, Epoch, Generation, Obligations, PasswordHash, StoreId, TerminalKey, UserId, WorkingSet,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage::{ErrorKind, Session, StorageError};

use crate::columns;
use crate::error::{Doing, Stored};

pub(crate) const FIND: &str = "
    SELECT a.id, a.user_id, a.password_hash, a.epoch, a.registered_at, a.is_closed, a.is_used,
           b.balance, b.held
      FROM accounts a CROSS JOIN balances b ON b.account = a.id
     WHERE a.user_id = ?1";

pub(crate) const FIND_SESSION: &str = "
    SELECT a.id, a.user_id, a.password_hash, a.epoch, a.registered_at, a.is_closed, a.is_used,
           b.balance, b.held, t.generation
      FROM accounts a CROSS JOIN balances b ON b.account = a.id
      LEFT JOIN terminals t ON t.user_id = a.user_id AND t.name = ?2
     WHERE a.user_id = ?1";

pub(crate) const LIST_ALL: &str = "
    SELECT a.id, a.user_id, a.password_hash, a.epoch, a.registered_at, a.is_closed, a.is_used,
           b.balance, b.held
      FROM accounts a CROSS JOIN balances b ON b.account = a.id
     WHERE a.id > ?1 ORDER BY a.id";

pub(crate) const FIND_NUMBER: &str = "SELECT id FROM accounts WHERE user_id = ?1";

pub(crate) const HAS_OPEN_ORDERS: &str = "
    SELECT EXISTS (SELECT 1 FROM orders INDEXED BY orders_of_buyer
                    WHERE buyer = ?1 AND state IN (0, 1, 2))
        OR EXISTS (SELECT 1 FROM orders INDEXED BY orders_of_seller
                    WHERE seller = ?1 AND state IN (0, 1, 2))";

pub(crate) const LIST_OPEN_STORES: &str = "
    SELECT store_id FROM stores INDEXED BY stores_of_owner WHERE owner = ?1 AND is_open = 1";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Account)> {
    let account = Account {
        id: columns::user(row, 1)?,
        password_hash: PasswordHash::new(row.get::<_, Arc<str>>(2)?),
        epoch: Epoch::new(row.get(3)?),
        registered_at: columns::time(row, 4)?,
        is_closed: row.get(5)?,
        is_used: row.get(6)?,
        balance: columns::fen(row, 7)?,
        held: columns::fen(row, 8)?,
    };
    Ok((row.get(0)?, account))
}

/// The account with its number.
pub(crate) fn find(connection: &Connection, user: &UserId) -> Stored<Option<(i64, Account)>> {
    let mut statement = connection
        .prepare_cached(FIND)
        .doing("finding an account")?;
    statement
        .query_row([user.as_str()], read)
        .optional()
        .doing("finding an account")
}

/// The account with the generation of one of its terminals.
pub(crate) fn find_session(
    connection: &Connection,
    terminal: &TerminalKey,
) -> Stored<Option<Session>> {
    let mut statement = connection
        .prepare_cached(FIND_SESSION)
        .doing("finding a session")?;
    let names = [terminal.user.as_str(), terminal.name.as_str()];
    let session = |row: &Row<'_>| {
        let (_, account) = read(row)?;
        let generation = row
            .get::<_, Option<i64>>(9)?
            .map(Generation::new)
            .unwrap_or_default();
        Ok(Session {
            account,
            generation,
        })
    };
    statement
        .query_row(names, session)
        .optional()
        .doing("finding a session")
}

/// The account's number, closed ones' too.
pub(crate) fn find_number(connection: &Connection, user: &UserId) -> Stored<Option<i64>> {
    let mut statement = connection
        .prepare_cached(FIND_NUMBER)
        .doing("resolving a user")?;
    statement
        .query_row([user.as_str()], |row| row.get(0))
        .optional()
        .doing("resolving a user")
}

pub(crate) fn load(connection: &Connection, user: &UserId, rows: &mut WorkingSet) -> Stored<()> {
    let (number, account) = find(connection, user)?.unzip();
    rows.accounts
        .load(user.clone(), account, number.unwrap_or(0));
    Ok(())
}

/// The number of an account that another row is to name. Loads it where it isn't loaded, since
/// a seller's is wanted again and again.
pub(crate) fn number(connection: &Connection, rows: &mut WorkingSet, user: &UserId) -> Stored<i64> {
    if !rows.accounts.is_loaded(user) {
        load(connection, user, rows)?;
    }
    let missing = || StorageError::new(ErrorKind::Internal, "resolving a user who has no account");
    rows.accounts.handle(user).ok_or_else(missing)
}

/// What keeps the account from being closed.
pub(crate) fn load_obligations(
    connection: &Connection,
    user: &UserId,
    rows: &mut WorkingSet,
) -> Stored<()> {
    let doing = "looking for what keeps an account open";
    let mut obligations = Obligations::default();
    if let Some(number) = find_number(connection, user)? {
        let mut statement = connection.prepare_cached(HAS_OPEN_ORDERS).doing(doing)?;
        obligations.has_open_orders = statement
            .query_row([number], |row| row.get(0))
            .doing(doing)?;
        let mut statement = connection.prepare_cached(LIST_OPEN_STORES).doing(doing)?;
        let stores = statement
            .query_map([number], |row| columns::store(row, 0))
            .doing(doing)?;
        obligations.stores = stores
            .collect::<rusqlite::Result<Vec<StoreId>>>()
            .doing(doing)?;
    }
    rows.obligations.load(user.clone(), Some(obligations), 0);
    Ok(())
}

pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    let mut numbers = Vec::new();
    for (user, entry) in rows.accounts.changed() {
        match (entry.saved(), entry.current()) {
            (None, None) => {}
            (None, Some(account)) => numbers.push((user.clone(), insert(connection, account)?)),
            (Some(saved), Some(account)) => update(connection, entry.handle, saved, account)?,
            (Some(_), None) => {
                delete(connection, entry.handle)?;
                numbers.push((user.clone(), 0));
            }
        }
    }
    for (user, number) in numbers {
        rows.accounts.set_handle(&user, number);
    }
    Ok(())
}

fn insert(connection: &Connection, account: &Account) -> Stored<i64> {
    let doing = "opening an account";
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO accounts
                 (user_id, password_hash, epoch, registered_at, is_closed, is_used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .doing(doing)?;
    let number = statement
        .insert(params![
            account.id.as_str(),
            account.password_hash.as_str(),
            account.epoch.get(),
            account.registered_at.millis(),
            account.is_closed,
            account.is_used,
        ])
        .doing(doing)?;
    let mut statement = connection
        .prepare_cached("INSERT INTO balances (account, balance, held) VALUES (?1, ?2, ?3)")
        .doing(doing)?;
    let amounts = params![number, account.balance.get(), account.held.get()];
    statement.execute(amounts).doing(doing)?;
    Ok(number)
}

/// Writes the narrow row, the wide one, both or neither, as they changed.
fn update(connection: &Connection, number: i64, saved: &Account, account: &Account) -> Stored<()> {
    let doing = "writing an account";
    if (saved.balance, saved.held) != (account.balance, account.held) {
        let mut statement = connection
            .prepare_cached("UPDATE balances SET balance = ?2, held = ?3 WHERE account = ?1")
            .doing(doing)?;
        let amounts = params![number, account.balance.get(), account.held.get()];
        statement.execute(amounts).doing(doing)?;
    }
    let is_same = saved.password_hash == account.password_hash
        && saved.epoch == account.epoch
        && saved.registered_at == account.registered_at
        && saved.is_closed == account.is_closed
        && saved.is_used == account.is_used;
    if is_same {
        return Ok(());
    }
    let mut statement = connection
        .prepare_cached(
            "UPDATE accounts
                SET password_hash = ?2, epoch = ?3, registered_at = ?4, is_closed = ?5, is_used = ?6
              WHERE id = ?1",
        )
        .doing(doing)?;
    let written = statement.execute(params![
        number,
        account.password_hash.as_str(),
        account.epoch.get(),
        account.registered_at.millis(),
        account.is_closed,
        account.is_used,
    ]);
    written.doing(doing).map(drop)
}

/// Frees an id that was never used: nothing else names such an account.
fn delete(connection: &Connection, number: i64) -> Stored<()> {
    let doing = "freeing an id";
    for sql in [
        "DELETE FROM balances WHERE account = ?1",
        "DELETE FROM accounts WHERE id = ?1",
    ] {
        connection
            .prepare_cached(sql)
            .doing(doing)?
            .execute([number])
            .doing(doing)?;
    }
    Ok(())
}
