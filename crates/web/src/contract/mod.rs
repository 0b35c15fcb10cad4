//! The endpoints of the wire contract, a handler each, all of one shape: the body as a struct, the
//! handler, what it answers.

mod auth;
mod book;
mod buyer;
mod history;
mod search;
mod seller;

pub(crate) use history::{HistoryBudget, WireOrder, WireTime};

use app::{App, Bearer, Credentials, Password};
use axum::Router;
use domain::{OrderId, UserId};

use crate::Web;
use crate::error::{self, ErrorAnswer};
use crate::extract::ClientAddress;
use crate::field::{OrderName, Text};

/// All endpoints of the contract.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .nest("/auth", auth::routes())
        .nest("/buyer", buyer::routes())
        .nest("/seller", seller::routes())
}

fn credentials(
    Text(user): Text<UserId>,
    Text(password): Text<Password>,
    ClientAddress(address): ClientAddress,
) -> Credentials {
    Credentials {
        user,
        password,
        address,
    }
}

/// The order that somebody with a token names. What no order can be called is unknown, which is
/// told only to whom an unknown order would be.
async fn order_by_token(
    app: &App,
    bearer: &Bearer,
    user: &UserId,
    name: OrderName,
) -> Result<OrderId, ErrorAnswer> {
    match name {
        OrderName::Possible(order) => Ok(order),
        OrderName::Impossible(text) => {
            app.authorize_question(bearer, user).await?;
            Err(error::unknown_order(text))
        }
    }
}

/// As [`order_by_token`], for somebody with a password.
async fn order_by_password(
    app: &App,
    credentials: &Credentials,
    name: OrderName,
) -> Result<OrderId, ErrorAnswer> {
    match name {
        OrderName::Possible(order) => Ok(order),
        OrderName::Impossible(text) => {
            app.authenticate(credentials).await?;
            Err(error::unknown_order(text))
        }
    }
}
