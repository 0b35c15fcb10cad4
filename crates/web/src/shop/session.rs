//! Signing in and out, registering, and choosing a language.

use app::{Credentials, Password, Problem};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use domain::account::RegisterRefusal;
use domain::ids::{ID_MAX_CHARACTERS, InvalidId};
use domain::{TerminalName, UserId};

use super::addresses::{ADDRESSES_COOKIE, ADDRESSES_PATH};
use super::forms::{Field, Query, Submitted};
use super::frame::Frame;
use super::language::{LANGUAGE_COOKIE, Language};
use super::trouble::Trouble;
use super::visitor::{Visitor, local};
use crate::setup::Demo;

/// For how long a language is remembered, in seconds: a year.
const LANGUAGE_KEPT_S: u64 = 365 * 24 * 60 * 60;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    user: Field,
    password: Field,
    back: String,
    demo: Option<Demo>,
}

fn sign_in_form(visitor: &Visitor, user: Field, password: Field, back: &str) -> SignInPage {
    SignInPage {
        frame: visitor.frame(visitor.language.words().sign_in_title),
        user,
        password,
        back: local(back).unwrap_or("/").to_owned(),
        demo: visitor.setup.demo.clone(),
    }
}

/// `GET /sign-in`.
pub async fn sign_in_page(visitor: Visitor, Query(query): Query) -> Response {
    let w = visitor.language.words();
    let notice = match query.get("done") {
        "out" => Some(w.signed_out),
        "closed" => Some(w.closed),
        _ if query.has("back") => Some(w.sign_in_first),
        _ => None,
    };
    let mut page = sign_in_form(
        &visitor,
        Field::default(),
        Field::default(),
        query.get("back"),
    );
    page.frame.notice = notice;
    visitor.private(&page)
}

/// `POST /sign-in`, under the budget of failures.
pub async fn sign_in(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let (user, password) = (fields.text("user"), fields.get("password"));
    let credentials = UserId::new(user).ok().zip(Password::new(password));
    let token = match credentials {
        Some((user, password)) => log_in(&visitor, user, password).await?,
        None => None,
    };
    let Some(token) = token else {
        // Which of the two is wrong is nobody's business.
        let words = visitor.language.words().wrong_credentials;
        let password = Field::wrong("", words);
        let page = sign_in_form(&visitor, Field::of(user), password, fields.get("back"));
        return Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    visitor.begin_session(&token);
    let back = local(fields.get("back")).unwrap_or("/").to_owned();
    Ok(visitor.go(&back))
}

/// A token for this browser; `None` where user and password don't go together.
pub async fn log_in(
    visitor: &Visitor,
    user: UserId,
    password: Password,
) -> Result<Option<String>, Trouble> {
    // Each session is a terminal of its own, so that signing out ends that one alone.
    let number = u64::from_be_bytes(app::random::bytes::<8>());
    let terminal = TerminalName::new(format!("browser {number:016x}"));
    let terminal = terminal.expect("digits make a name");
    let credentials = Credentials {
        user,
        password,
        address: visitor.address,
    };
    match visitor.app.login(&credentials, terminal).await {
        Ok(token) => Ok(Some(token)),
        Err(Problem::Unauthorized) => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// `POST /sign-out`.
pub async fn sign_out(submitted: Submitted) -> Result<Response, Trouble> {
    let mut visitor = submitted.visitor;
    if let Some(reader) = visitor.reader.take() {
        let user = reader.account.id;
        match visitor.app.logout(&reader.bearer, &user).await {
            Ok(()) | Err(Problem::Unauthorized) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    end(&mut visitor);
    Ok(visitor.go("/sign-in?done=out"))
}

/// Has the browser forget the session, and the addresses with it.
pub fn end(visitor: &mut Visitor) {
    visitor.end_session();
    visitor.set_cookie(ADDRESSES_COOKIE, "", ADDRESSES_PATH, Some(0));
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    user: Field,
    password: Field,
    back: String,
}

fn register_form(visitor: &Visitor, user: Field, password: Field, back: &str) -> RegisterPage {
    RegisterPage {
        frame: visitor.frame(visitor.language.words().register_title),
        user,
        password,
        back: local(back).unwrap_or("/").to_owned(),
    }
}

/// `GET /register`.
pub async fn register_page(visitor: Visitor, Query(query): Query) -> Response {
    let back = query.get("back");
    let page = register_form(&visitor, Field::default(), Field::default(), back);
    visitor.private(&page)
}

/// `POST /register`: opens an account and signs in.
pub async fn register(submitted: Submitted) -> Result<Response, Trouble> {
    let Submitted {
        mut visitor,
        fields,
    } = submitted;
    let w = visitor.language.words();
    let (name, password) = (fields.text("user"), fields.get("password"));
    let mut typed = Field::of(name);
    typed.error = match UserId::new(name) {
        Ok(_) => None,
        Err(InvalidId::Empty) => Some(w.must_be_filled),
        Err(InvalidId::TooLong) => Some(w.too_long),
        Err(InvalidId::ControlCharacter) => Some(w.not_allowed_characters),
    };
    let secret = Field {
        value: String::new(),
        error: match (password, Password::new(password)) {
            ("", _) => Some(w.must_be_filled),
            (_, None) => Some(w.too_long),
            _ => None,
        },
    };
    if let (Ok(user), Some(password)) = (UserId::new(name), Password::new(password)) {
        match visitor.app.register(user.clone(), password.clone()).await {
            Ok(()) => {
                let token = log_in(&visitor, user, password).await?;
                visitor.begin_session(&token.ok_or_else(Trouble::not_signed_in)?);
                let back = local(fields.get("back")).unwrap_or("/").to_owned();
                return Ok(visitor.go(&back));
            }
            Err(Problem::Refused(RegisterRefusal::UserExists(_))) => {
                typed.error = Some(w.name_taken);
            }
            Err(problem) => return Err(problem.into()),
        }
    }
    typed.value = typed.value.chars().take(2 * ID_MAX_CHARACTERS).collect();
    let page = register_form(&visitor, typed, secret, fields.get("back"));
    Ok(visitor.private_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `GET /language/{code}`: remembers a language and goes back.
pub async fn language(
    mut visitor: Visitor,
    Path(code): Path<String>,
    Query(query): Query,
) -> Result<Response, Trouble> {
    let language = Language::parse(&code).ok_or_else(Trouble::not_found)?;
    visitor.set_cookie(LANGUAGE_COOKIE, language.code(), "/", Some(LANGUAGE_KEPT_S));
    let back = local(query.get("back")).unwrap_or("/").to_owned();
    Ok(visitor.go(&back))
}
