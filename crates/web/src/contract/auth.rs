//! `/auth`: accounts and tokens.

use std::sync::Arc;

use app::{App, Password};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use domain::{TerminalName, UserId};
use serde::{Deserialize, Serialize};

use super::credentials;
use crate::error::ErrorAnswer;
use crate::extract::{Body, Call, ClientAddress, RoomToBegin, RoomToCarryOn, Token};
use crate::field::Text;
use crate::{Web, answer};

pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/register", post(register))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/unregister", post(unregister))
        .route("/password", post(password))
}

#[derive(Deserialize)]
struct Register {
    user_id: Text<UserId>,
    password: Text<Password>,
}

impl Body for Register {}

/// `POST /auth/register`: opens an account. 200, 512.
async fn register(
    _: RoomToBegin,
    State(app): State<Arc<App>>,
    call: Call<Register>,
) -> Result<Response, ErrorAnswer> {
    let Register { user_id, password } = call.body;
    app.register(user_id.0, password.0).await?;
    Ok(answer::ok())
}

#[derive(Deserialize)]
struct Login {
    user_id: Text<UserId>,
    password: Text<Password>,
    terminal: Text<TerminalName>,
}

impl Body for Login {}

#[derive(Serialize)]
struct LoggedIn {
    token: String,
}

/// `POST /auth/login`: gives a token. 200 with `token`, 401.
async fn login(
    State(app): State<Arc<App>>,
    address: ClientAddress,
    call: Call<Login>,
) -> Result<Response, ErrorAnswer> {
    let Login {
        user_id,
        password,
        terminal,
    } = call.body;
    let credentials = credentials(user_id, password, address);
    let token = app.login(&credentials, terminal.0).await?;
    Ok(answer::ok_with(&LoggedIn { token }))
}

#[derive(Deserialize)]
struct Logout {
    user_id: Text<UserId>,
}

impl Body for Logout {}

/// `POST /auth/logout`: revokes the tokens that the token's terminal has. 200, 401.
async fn logout(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    Token(bearer): Token,
    call: Call<Logout>,
) -> Result<Response, ErrorAnswer> {
    app.logout(&bearer, &call.body.user_id.0).await?;
    Ok(answer::ok())
}

#[derive(Deserialize)]
struct Unregister {
    user_id: Text<UserId>,
    password: Text<Password>,
}

impl Body for Unregister {}

/// `POST /auth/unregister`: closes an account. 200, 401, 526.
async fn unregister(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    address: ClientAddress,
    call: Call<Unregister>,
) -> Result<Response, ErrorAnswer> {
    let Unregister { user_id, password } = call.body;
    let credentials = credentials(user_id, password, address);
    app.unregister(&credentials).await?;
    Ok(answer::ok())
}

#[derive(Deserialize)]
struct ChangePassword {
    user_id: Text<UserId>,
    #[serde(rename = "oldPassword")]
    old: Text<Password>,
    #[serde(rename = "newPassword")]
    new: Text<Password>,
}

impl Body for ChangePassword {}

/// `POST /auth/password`: gives an account another password. 200, 401.
async fn password(
    _: RoomToCarryOn,
    State(app): State<Arc<App>>,
    address: ClientAddress,
    call: Call<ChangePassword>,
) -> Result<Response, ErrorAnswer> {
    let ChangePassword { user_id, old, new } = call.body;
    let credentials = credentials(user_id, old, address);
    app.change_password(&credentials, new.0).await?;
    Ok(answer::ok())
}
