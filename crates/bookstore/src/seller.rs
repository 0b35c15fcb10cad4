//! The seller of an import and his store: made where they are missing.

use anyhow::{Context, anyhow, bail};
use app::{App, Password, Problem};
use domain::account::RegisterRefusal;
use domain::store::CreateStoreRefusal;
use domain::{CreateStore, Refused, Request, StoreId, UserId};

use crate::output::note;

/// Registers the owner where he has no account.
pub async fn make_owner(app: &App, owner: &UserId) -> anyhow::Result<()> {
    match app.storage().find_account(owner).await? {
        Some(account) if account.is_closed => bail!("the account of `{owner}` is closed"),
        Some(_) => return Ok(()),
        None => {}
    }
    let password = owner_password(owner)?;
    match app.register(owner.clone(), password).await {
        Ok(()) => {
            note(&format!("registered `{owner}`"));
            Ok(())
        }
        Err(Problem::Refused(RegisterRefusal::UserExists(_))) => Ok(()),
        Err(Problem::Failed(error)) => Err(error.into()),
        Err(_) => bail!("`{owner}` can't be registered now"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a password never stands on the command line, where everybody on the machine sees it"
)]
fn owner_password(owner: &UserId) -> anyhow::Result<Password> {
    let text = match std::env::var("BOOKSTORE_OWNER_PASSWORD") {
        Ok(text) => text,
        Err(_) => ask_password(owner).with_context(|| {
            format!(
                "`{owner}` has no account yet, and there is no password for a new one\n\
                 hint: set BOOKSTORE_OWNER_PASSWORD"
            )
        })?,
    };
    let limit = app::passwords::PASSWORD_MAX_BYTES;
    Password::new(text).ok_or_else(|| anyhow!("a password has 1 to {limit} bytes"))
}

fn ask_password(owner: &UserId) -> anyhow::Result<String> {
    let first = rpassword::prompt_password(format!("password for the new account `{owner}`: "))?;
    let second = rpassword::prompt_password("once more: ")?;
    if first != second {
        bail!("the two passwords differ");
    }
    Ok(first)
}

/// Whether the store is there already. One that is not the owner's is refused.
pub async fn check_store(app: &App, store: &StoreId, owner: &UserId) -> anyhow::Result<bool> {
    match app.storage().find_store(store).await? {
        Some(found) if found.owner != *owner => bail!(
            "the store `{store}` belongs to somebody else\n\
             hint: name its owner, or another store"
        ),
        Some(found) if !found.is_open => bail!("the store `{store}` is closed"),
        found => Ok(found.is_some()),
    }
}

/// Opens the store where there is none.
pub async fn make_store(app: &App, store: &StoreId, owner: &UserId) -> anyhow::Result<()> {
    if check_store(app, store, owner).await? {
        return Ok(());
    }
    let operation = CreateStore {
        owner: owner.clone(),
        store: store.clone(),
    };
    match storage::run(&**app.storage(), Request::unproved(operation)).await? {
        Ok(_) => {
            note(&format!("opened the store `{store}`"));
            Ok(())
        }
        Err(Refused::Rule(CreateStoreRefusal::StoreExists(_))) => Ok(()),
        Err(refused) => bail!("the store `{store}` can't be opened: {refused:?}"),
    }
}
