//! A reader's account: his money and its statement, his password, and the end of it all.

use app::{Credentials, KeepRequest, Password, Problem};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::{AddFundsRefusal, UnregisterRefusal};
use domain::{EntryKind, Fen, IdempotencyKey};
use storage::{Movement, Place};

use super::cards::{encoded, order_path};
use super::forms::{Field, Query, Submitted};
use super::frame::Frame;
use super::language::{Moment, read_yuan, yuan};
use super::session::{end, log_in};
use super::trouble::Trouble;
use super::visitor::Visitor;
use super::words::Words;

/// How many lines of the statement a page has.
const MOVEMENTS_A_PAGE: u32 = 20;

/// A line of the statement.
struct MovementView {
    at: Moment,
    what: &'static str,
    order: Option<String>,
    amount: String,
    is_gain: bool,
    held: Option<String>,
}

impl MovementView {
    fn of(movement: &Movement, w: &Words) -> Self {
        let Movement {
            kind,
            spendable,
            held,
            ..
        } = movement;
        let what = match kind {
            EntryKind::Deposit => w.deposit,
            EntryKind::Withdrawal => w.withdrawal,
            EntryKind::Payment if *spendable < Fen::ZERO => w.payment,
            EntryKind::Payment => w.sale,
            EntryKind::Release => w.release,
            EntryKind::Refund => w.refund,
        };
        let signed = |amount: Fen| {
            let sign = if amount > Fen::ZERO { "+" } else { "" };
            format!("{sign}{}", yuan(amount))
        };
        Self {
            at: Moment::of(movement.at),
            what,
            order: movement.order.map(order_path),
            amount: signed(*spendable),
            is_gain: *spendable > Fen::ZERO,
            held: (*held != Fen::ZERO).then(|| signed(*held)),
        }
    }
}

/// What was typed into the page's forms.
#[derive(Default)]
struct Typed {
    amount: Field,
    funds_password: Field,
    old_password: Field,
    new_password: Field,
    everywhere_password: Field,
    close_password: Field,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    balance: String,
    held: String,
    spendable: String,
    can_fund: bool,
    movements: Vec<MovementView>,
    older: Option<String>,
    typed: Typed,
    /// Makes money move once, however often the button is pressed.
    key: String,
}

/// `GET /account`.
pub async fn page(visitor: Visitor, Query(query): Query) -> Result<Response, Trouble> {
    let w = visitor.language.words();
    let notice = match query.get("done") {
        "in" => Some(w.done_top_up),
        "out" => Some(w.done_withdraw),
        "password" => Some(w.done_password),
        _ => None,
    };
    let after = query.has("after").then(|| Place::new(query.get("after")));
    let page = build(&visitor, after, Typed::default(), notice).await?;
    Ok(visitor.private(&page))
}

async fn build(
    visitor: &Visitor,
    after: Option<Place>,
    typed: Typed,
    notice: Option<&'static str>,
) -> Result<AccountPage, Trouble> {
    let reader = visitor.reader()?;
    let movements = visitor
        .app
        .movements(&reader.bearer, after, MOVEMENTS_A_PAGE);
    let movements = movements.await?;
    let w = visitor.language.words();
    let account = &reader.account;
    Ok(AccountPage {
        frame: visitor.frame(w.account_title).with_notice(notice),
        balance: yuan(account.balance),
        held: yuan(account.held),
        spendable: yuan(account.spendable()),
        can_fund: visitor.app.settings().is_self_funding,
        older: movements
            .next
            .map(|next| format!("/account?after={}#statement", encoded(next.as_str()))),
        movements: movements
            .rows
            .iter()
            .map(|movement| MovementView::of(movement, w))
            .collect(),
        typed,
        key: URL_SAFE_NO_PAD.encode(app::random::bytes::<16>()),
    })
}

async fn show_errors(visitor: Visitor, typed: Typed) -> Result<Response, Trouble> {
    let page = build(&visitor, None, typed, None).await?;
    Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST /account/funds`: puts money in, or takes it out.
pub async fn funds(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted { visitor, fields } = submitted;
    let w = visitor.language.words();
    let is_in = match fields.get("way") {
        "in" => true,
        "out" => false,
        _ => return Err(Trouble::bad()),
    };
    let typed = fields.text("amount");
    let mut amount_field = Field::of(typed.chars().take(40).collect::<String>());
    let amount = match read_yuan(typed) {
        Some(amount) if amount > Fen::ZERO => {
            let signed = if is_in {
                Some(amount)
            } else {
                amount.negated()
            };
            signed.and_then(|amount| domain::money::add_value(amount.get()).ok())
        }
        _ => {
            amount_field.error = Some(w.not_an_amount);
            None
        }
    };
    if amount.is_none() && amount_field.error.is_none() {
        amount_field.error = Some(w.amount_too_large);
    }
    let credentials = visitor.credentials(fields.get("password"))?;
    let mut password = Field::default();
    if credentials.is_none() {
        password.error = Some(w.must_be_filled);
    }
    if let (Some(amount), Some(credentials)) = (amount, credentials) {
        let keep = keep(fields.get("key"), amount);
        match visitor.app.add_funds(&credentials, keep, amount).await {
            Ok(_) => {
                let done = if is_in { "in" } else { "out" };
                return Ok(visitor.go(&format!("/account?done={done}")));
            }
            Err(Problem::Unauthorized) => password.error = Some(w.wrong_password),
            Err(Problem::SelfFundingOff) => amount_field.error = Some(w.funding_off),
            Err(Problem::Refused(AddFundsRefusal::InsufficientFunds { .. })) => {
                amount_field.error = Some(w.not_enough_money);
            }
            Err(Problem::Refused(AddFundsRefusal::BalanceLimit)) => {
                amount_field.error = Some(w.amount_too_large);
            }
            Err(problem) => return Err(problem.into()),
        }
    }
    let typed = Typed {
        amount: amount_field,
        funds_password: password,
        ..Typed::default()
    };
    show_errors(visitor, typed).await
}

fn keep(key: &str, amount: Fen) -> Option<KeepRequest> {
    Some(KeepRequest {
        key: IdempotencyKey::new(key)?,
        endpoint: "shop/funds",
        body: amount.to_string().into_bytes(),
        answer: b"done".as_slice().into(),
    })
}

/// `POST /account/password`.
pub async fn password(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let w = visitor.language.words();
    let old = visitor.credentials(fields.get("old"))?;
    let new = Password::new(fields.get("new"));
    let mut typed = Typed::default();
    if old.is_none() {
        typed.old_password.error = Some(w.must_be_filled);
    }
    if new.is_none() {
        let is_empty = fields.get("new").is_empty();
        typed.new_password.error = Some(if is_empty {
            w.must_be_filled
        } else {
            w.too_long
        });
    }
    if let (Some(old), Some(new)) = (old, new) {
        match visitor.app.change_password(&old, new.clone()).await {
            Ok(()) => {
                // All sessions are over now, this one too: it goes on under the new password.
                let token = log_in(&visitor, old.user, new).await?;
                visitor.begin_session(&token.ok_or_else(Trouble::not_signed_in)?);
                return Ok(visitor.go("/account?done=password"));
            }
            Err(Problem::Unauthorized) => typed.old_password.error = Some(w.wrong_password),
            Err(problem) => return Err(problem.into()),
        }
    }
    show_errors(visitor, typed).await
}

/// The credentials of a form whose only field is the password; else what is wrong with it.
fn only_password(visitor: &Visitor, password: &str) -> Result<Result<Credentials, Field>, Trouble> {
    let words = visitor.language.words().must_be_filled;
    let credentials = visitor.credentials(password)?;
    Ok(credentials.ok_or_else(|| Field::wrong("", words)))
}

/// `POST /account/everywhere`: ends all sessions.
pub async fn everywhere(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let everywhere_password = match only_password(&visitor, fields.get("password"))? {
        Ok(credentials) => match visitor.app.sign_out_everywhere(&credentials).await {
            Ok(()) => {
                end(&mut visitor);
                return Ok(visitor.go("/sign-in?done=out"));
            }
            Err(Problem::Unauthorized) => Field::wrong("", visitor.language.words().wrong_password),
            Err(problem) => return Err(problem.into()),
        },
        Err(field) => field,
    };
    let typed = Typed {
        everywhere_password,
        ..Typed::default()
    };
    show_errors(visitor, typed).await
}

/// `POST /account/close`.
pub async fn close(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let w = visitor.language.words();
    let close_password = match only_password(&visitor, fields.get("password"))? {
        Ok(credentials) => match visitor.app.unregister(&credentials).await {
            Ok(()) => {
                end(&mut visitor);
                return Ok(visitor.go("/sign-in?done=closed"));
            }
            Err(Problem::Unauthorized) => Field::wrong("", w.wrong_password),
            Err(Problem::Refused(UnregisterRefusal::OpenOrders(_))) => {
                Field::wrong("", w.close_open_orders)
            }
            Err(Problem::Refused(UnregisterRefusal::Balance(..))) => {
                Field::wrong("", w.close_balance)
            }
            Err(problem) => return Err(problem.into()),
        },
        Err(field) => field,
    };
    let typed = Typed {
        close_password,
        ..Typed::default()
    };
    show_errors(visitor, typed).await
}
