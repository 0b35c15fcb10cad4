//! Passwords, tokens and the budget of failures.

use std::time::Duration;

use crate::shop::{HOME, Shop, credentials, credentials_from, password, user};
use app::failures::{ACCOUNT_FAILURES_MAX, PAIR_FAILURES_MAX};
use app::{Problem, Settings};
use domain::{Fen, TerminalName};
use tokio::task::JoinSet;

/// Tries many passwords at once; how many were right, wrong, and refused unseen.
async fn log_in_at_once(shop: &Shop, name: &str, secret: &str, times: u32) -> (u32, u32, u32) {
    let mut tasks = JoinSet::new();
    for _ in 0..times {
        let (app, credentials) = (shop.app.clone(), credentials(name, secret));
        let terminal = TerminalName::new("t").unwrap();
        tasks.spawn(async move { app.login(&credentials, terminal).await });
    }
    let (mut right, mut wrong, mut unseen) = (0, 0, 0);
    while let Some(login) = tasks.join_next().await {
        match login.unwrap() {
            Ok(_) => right += 1,
            Err(Problem::Unauthorized) => wrong += 1,
            Err(Problem::TooManyAttempts { .. }) => unseen += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    (right, wrong, unseen)
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_held_to_the_same_budget_as_in_a_row() {
    let shop = Shop::with_users(Settings::default()).await;
    let (right, wrong, unseen) = log_in_at_once(&shop, "buyer", "guess", 40).await;
    assert_eq!(
        (right, wrong, unseen),
        (0, PAIR_FAILURES_MAX, 40 - PAIR_FAILURES_MAX)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_an_unknown_account_look_the_same() {
    let shop = Shop::with_users(Settings::default()).await;
    let (right, wrong, unseen) = log_in_at_once(&shop, "nobody", "guess", 40).await;
    assert_eq!(
        (right, wrong, unseen),
        (0, PAIR_FAILURES_MAX, 40 - PAIR_FAILURES_MAX)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_spend_no_budget() {
    let shop = Shop::with_users(Settings::default()).await;
    assert_eq!(
        log_in_at_once(&shop, "buyer", "buyer", 40).await,
        (40, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_budget_even_the_right_password_waits_remembered_or_not() {
    let shop = Shop::with_users(Settings::default()).await;
    shop.login("buyer", "t").await;
    log_in_at_once(&shop, "buyer", "guess", PAIR_FAILURES_MAX).await;
    assert_eq!(log_in_at_once(&shop, "buyer", "buyer", 1).await, (0, 0, 1));
    shop.clock.advance(Duration::from_secs(30));
    assert_eq!(log_in_at_once(&shop, "buyer", "buyer", 1).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_password_endpoints_share_one_budget() {
    let shop = Shop::with_book(Settings::default()).await;
    let order = shop.place(&shop.login("buyer", "t").await, 1).await;
    let wrong = credentials("buyer", "guess");
    for _ in 0..PAIR_FAILURES_MAX / 5 {
        let terminal = TerminalName::new("t").unwrap();
        shop.app.login(&wrong, terminal).await.unwrap_err();
        shop.app.unregister(&wrong).await.unwrap_err();
        shop.app
            .change_password(&wrong, password("mine"))
            .await
            .unwrap_err();
        shop.app
            .add_funds(&wrong, None, Fen::new(1))
            .await
            .unwrap_err();
        let payment = shop.app.pay_order(&wrong, None, order).await;
        assert!(matches!(payment, Err(Problem::Unauthorized)), "{payment:?}");
    }
    let payment = shop.app.pay_order(&wrong, None, order).await;
    assert!(
        matches!(payment, Err(Problem::TooManyAttempts { .. })),
        "{payment:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_from_elsewhere_do_not_slow_the_owners_address() {
    let shop = Shop::with_users(Settings::default()).await;
    shop.login("buyer", "t").await;
    let mut tasks = JoinSet::new();
    for place in 0..=ACCOUNT_FAILURES_MAX {
        let address = format!("10.0.{}.{}", place / 200, place % 200);
        let guess = credentials_from("buyer", "guess", &address);
        let app = shop.app.clone();
        tasks.spawn(async move {
            loop {
                // On a slow machine the queue for hashing turns some away, which is no failure.
                match app.authenticate(&guess).await {
                    Err(Problem::Busy) => {}
                    answer => break answer.map(|_| ()),
                }
            }
        });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_err));
    let stranger = credentials_from("buyer", "buyer", "10.9.9.9");
    let strange = shop.app.authenticate(&stranger).await;
    assert!(
        matches!(strange, Err(Problem::TooManyAttempts { .. })),
        "{strange:?}"
    );
    let home = shop
        .app
        .authenticate(&credentials_from("buyer", "buyer", HOME))
        .await;
    assert!(home.is_ok(), "{home:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_forgets_the_remembered_one_and_revokes_all_tokens() {
    let shop = Shop::with_book(Settings::default()).await;
    let bearer = shop.login("buyer", "t").await;
    let order = shop.place(&bearer, 1).await;
    shop.app
        .change_password(&credentials("buyer", "buyer"), password("new"))
        .await
        .unwrap();
    let old = shop
        .app
        .pay_order(&credentials("buyer", "buyer"), None, order)
        .await;
    assert!(matches!(old, Err(Problem::Unauthorized)), "{old:?}");
    let revoked = shop.app.balance(&bearer, &user("buyer")).await;
    assert!(matches!(revoked, Err(Problem::Unauthorized)), "{revoked:?}");
    shop.app
        .pay_order(&credentials("buyer", "new"), None, order)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_remembered_under_an_older_epoch_is_checked_anew() {
    let shop = Shop::with_book(Settings::default()).await;
    let order = shop.place(&shop.login("buyer", "t").await, 1).await;
    let (old, new) = (credentials("buyer", "buyer"), credentials("buyer", "new"));
    // There and back, as another process would do it: this one remembers the first epoch only.
    let other = app::App::new(
        shop.app.storage().clone(),
        shop.clock.clone(),
        Settings::default(),
    );
    let other = other.await.unwrap();
    other.change_password(&old, password("new")).await.unwrap();
    other
        .change_password(&new, password("buyer"))
        .await
        .unwrap();
    shop.app.pay_order(&old, None, order).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_revokes_that_terminals_tokens_from_before_and_no_others() {
    let shop = Shop::with_users(Settings::default()).await;
    let buyer = user("buyer");
    let (first, second) = (
        shop.login("buyer", "t").await,
        shop.login("buyer", "t").await,
    );
    let elsewhere = shop.login("buyer", "other").await;
    shop.app.logout(&first, &buyer).await.unwrap();
    let after = shop.login("buyer", "t").await;
    for revoked in [&first, &second] {
        let answer = shop.app.balance(revoked, &buyer).await;
        assert!(matches!(answer, Err(Problem::Unauthorized)), "{answer:?}");
    }
    for live in [&elsewhere, &after] {
        shop.app.balance(live, &buyer).await.unwrap();
    }
    let twice = shop.app.logout(&first, &buyer).await;
    assert!(matches!(twice, Err(Problem::Unauthorized)), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_serves_its_own_user_only() {
    let shop = Shop::with_users(Settings::default()).await;
    let bearer = shop.login("buyer", "t").await;
    let anothers = shop.app.balance(&bearer, &user("seller")).await;
    assert!(
        matches!(anothers, Err(Problem::Unauthorized)),
        "{anothers:?}"
    );
    let nobodys = shop.app.balance(&bearer, &user("nobody")).await;
    assert!(matches!(nobodys, Err(Problem::NoUser(_))), "{nobodys:?}");
    shop.app.logout(&bearer, &user("buyer")).await.unwrap();
    let revoked = shop.app.balance(&bearer, &user("nobody")).await;
    assert!(matches!(revoked, Err(Problem::Unauthorized)), "{revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_taken_again_honours_no_token_of_its_former_holder() {
    let shop = Shop::with_users(Settings::default()).await;
    let bearer = shop.login("buyer", "t").await;
    shop.app
        .unregister(&credentials("buyer", "buyer"))
        .await
        .unwrap();
    shop.clock.advance(Duration::from_millis(1));
    shop.app
        .register(user("buyer"), password("buyer"))
        .await
        .unwrap();
    let stale = shop.app.balance(&bearer, &user("buyer")).await;
    assert!(matches!(stale, Err(Problem::Unauthorized)), "{stale:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_self_funding_users_withdraw_and_do_not_deposit() {
    let shop = Shop::with_book(Settings::default()).await;
    let settings = Settings {
        is_self_funding: false,
        ..Settings::default()
    };
    let app = app::App::new(shop.app.storage().clone(), shop.clock.clone(), settings);
    let app = app.await.unwrap();
    let buyer = credentials("buyer", "buyer");
    let deposit = app.add_funds(&buyer, None, Fen::new(1)).await;
    assert!(
        matches!(deposit, Err(Problem::SelfFundingOff)),
        "{deposit:?}"
    );
    app.add_funds(&buyer, None, Fen::new(-1_000)).await.unwrap();
}
