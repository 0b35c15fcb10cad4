//! `bookstore serve --demo`: fills an empty shop, and leaves any other alone.

mod books;
mod cover;
mod fill;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Context;
use app::{App, Credentials, Password};
use domain::UserId;
use storage::ExportLimit;
use tracing::{info, warn};

/// The reader of the demonstration.
const BUYER: &str = "reader";
/// The seller, who has all its stores.
const SELLER: &str = "seller";
/// The password of both. It is no secret: the sign-in page tells it.
const PASSWORD: &str = "read more books";

/// Fills the shop where it is empty. Returns whom the sign-in page introduces, which is nobody
/// where the shop is not a demonstration.
pub async fn prepare(app: &Arc<App>) -> anyhow::Result<Option<web::Demo>> {
    if is_empty(app).await? {
        fill::fill(app)
            .await
            .context("the demonstration can't be filled in")?;
        info!("filled the empty shop with the demonstration");
        return Ok(Some(people()));
    }
    if is_demonstration(app).await? {
        return Ok(Some(people()));
    }
    warn!(
        "this shop has data of its own, so there is no demonstration; hint: name an empty folder with `--data`"
    );
    Ok(None)
}

async fn is_empty(app: &App) -> anyhow::Result<bool> {
    let limit = ExportLimit { rows: 1, bytes: 1 };
    let page = app.storage().export(None, limit).await?;
    Ok(page.changes.is_empty() && page.is_last)
}

/// Whether the demonstration's people are here, under its password.
async fn is_demonstration(app: &App) -> anyhow::Result<bool> {
    for name in [BUYER, SELLER] {
        let user = user(name)?;
        if app.storage().find_account(&user).await?.is_none() {
            return Ok(false);
        }
        if app.authenticate(&credentials(name)?).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn people() -> web::Demo {
    web::Demo {
        buyer: BUYER.to_owned(),
        seller: SELLER.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

fn user(name: &str) -> anyhow::Result<UserId> {
    Ok(UserId::new(name)?)
}

fn password() -> anyhow::Result<Password> {
    Password::new(PASSWORD).context("the demonstration's password is one")
}

fn credentials(name: &str) -> anyhow::Result<Credentials> {
    Ok(Credentials {
        user: user(name)?,
        password: password()?,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    })
}
