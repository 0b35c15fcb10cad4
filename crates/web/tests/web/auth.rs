//! `/auth`.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::test_app::{TestApp, password};

#[tokio::test]
async fn register() {
    let app = TestApp::new().await;
    let body = json!({"user_id": "张三", "password": "secret"});
    assert_snapshot!(app.post("/auth/register", body.clone()).await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(app.post("/auth/register", body).await, @r#"512 {"message":"user `张三` exists already"}"#);
}

#[tokio::test]
async fn login() {
    let app = TestApp::new().await;
    app.user("u").await;
    let with = |user: &str, password: &str| {
        let body = json!({"user_id": user, "password": password, "terminal": "t"});
        app.post("/auth/login", body)
    };
    assert_snapshot!(with("u", "secret of u").await, @r#"200 {"message":"ok","token":"[token]"}"#);
    assert_snapshot!(with("u", "wrong").await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(with("nobody", "secret of u").await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn a_token_comes_in_either_header_and_dies_with_its_hour() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let account = || app.post("/buyer/account", json!({"user_id": "u"}));
    assert_snapshot!(account().await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(account().token("").await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(account().token("e30.e30.e30").await, @r#"401 {"message":"authorization failed"}"#);
    account()
        .header("authorization", &format!("Bearer {token}"))
        .await
        .expect_ok();
    account()
        .header("authorization", &format!("bearer {token}"))
        .await
        .expect_ok();
    assert_eq!(
        account()
            .header("authorization", &format!("Basic {token}"))
            .await
            .status,
        401
    );
    app.clock.advance(Duration::from_secs(3_599));
    account().token(&token).await.expect_ok();
    app.clock.advance(Duration::from_secs(1));
    assert_snapshot!(account().token(&token).await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn logout_revokes_the_tokens_of_its_terminal_so_far() {
    let app = TestApp::new().await;
    let first = app.user("u").await;
    let second = app.login("u", "t").await;
    let other = app.login("u", "phone").await;
    let logout = |token: &str| {
        app.post("/auth/logout", json!({"user_id": "u"}))
            .token(token)
    };
    assert_snapshot!(logout(&first).await, @r#"200 {"message":"ok"}"#);
    for token in [&first, &second] {
        assert_eq!(logout(token).await.status, 401);
    }
    let third = app.login("u", "t").await;
    logout(&third).await.expect_ok();
    logout(&other).await.expect_ok();
}

#[tokio::test]
async fn logout_is_the_owners_alone() {
    let app = TestApp::new().await;
    let mine = app.user("u").await;
    let strangers = app.user("v").await;
    let logout = |user: &str| app.post("/auth/logout", json!({"user_id": user}));
    assert_snapshot!(logout("u").token(&strangers).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(logout("nobody").token(&strangers).await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(logout("u").await, @r#"401 {"message":"authorization failed"}"#);
    logout("u").token(&mine).await.expect_ok();
}

#[tokio::test]
async fn unregister_frees_an_id_that_was_never_used() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let unregister = |password: &str| {
        app.post(
            "/auth/unregister",
            json!({"user_id": "u", "password": password}),
        )
    };
    assert_snapshot!(unregister("wrong").await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(unregister("secret of u").await, @r#"200 {"message":"ok"}"#);
    assert_snapshot!(unregister("secret of u").await, @r#"401 {"message":"authorization failed"}"#);
    let account = app
        .post("/buyer/account", json!({"user_id": "u"}))
        .token(&token);
    assert_eq!(account.await.status, 401);
    app.clock.advance(Duration::from_millis(1));
    app.user("u").await;
    let account = app
        .post("/buyer/account", json!({"user_id": "u"}))
        .token(&token);
    assert_eq!(account.await.status, 401, "a token of the account before");
}

#[tokio::test]
async fn unregister_closes_an_id_that_was_used() {
    let app = TestApp::new().await;
    let seller = app.user("seller").await;
    let buyer = app.user("buyer").await;
    app.store("seller", &seller, "s").await;
    app.fund("buyer", 500).await;
    let order = app.order("buyer", &buyer, "s").await;
    let unregister = |user: &str| {
        app.post(
            "/auth/unregister",
            json!({"user_id": user, "password": password(user)}),
        )
    };
    assert_snapshot!(unregister("seller").await, @r#"526 {"message":"user `seller` has open orders as buyer or seller"}"#);
    assert_snapshot!(unregister("buyer").await, @r#"526 {"message":"user `buyer` has open orders as buyer or seller"}"#);
    app.verb("/buyer/cancel_order", "buyer", &buyer, &order)
        .await
        .expect_ok();
    assert_snapshot!(unregister("buyer").await, @r#"526 {"message":"user `buyer` still has 500 fen"}"#);
    unregister("seller").await.expect_ok();
    let again = json!({"user_id": "seller", "password": "another"});
    assert_snapshot!(app.post("/auth/register", again).await, @r#"512 {"message":"user `seller` exists already"}"#);
    let body = json!({"user_id": "buyer", "store_id": "s", "books": [{"id": "b1", "count": 1}]});
    assert_snapshot!(app.post("/buyer/new_order", body).token(&buyer).await, @r#"513 {"message":"store `s` does not exist"}"#);
    let body = json!({"user_id": "buyer", "store_id": "s"});
    assert_snapshot!(app.post("/seller/create_store", body).token(&buyer).await, @r#"514 {"message":"store `s` exists already"}"#);
}

#[tokio::test]
async fn a_new_password_revokes_all_tokens() {
    let app = TestApp::new().await;
    let token = app.user("u").await;
    let change = |old: &str| {
        let body = json!({"user_id": "u", "oldPassword": old, "newPassword": "new"});
        app.post("/auth/password", body)
    };
    assert_snapshot!(change("wrong").await, @r#"401 {"message":"authorization failed"}"#);
    assert_snapshot!(change("secret of u").await, @r#"200 {"message":"ok"}"#);
    let account = app
        .post("/buyer/account", json!({"user_id": "u"}))
        .token(&token);
    assert_snapshot!(account.await, @r#"401 {"message":"authorization failed"}"#);
    let login = |password: &str| {
        let body = json!({"user_id": "u", "password": password, "terminal": "t"});
        app.post("/auth/login", body)
    };
    assert_eq!(login("secret of u").await.status, 401);
    login("new").await.expect_ok();
    let stranger = json!({"user_id": "nobody", "oldPassword": "a", "newPassword": "b"});
    assert_snapshot!(app.post("/auth/password", stranger).await, @r#"401 {"message":"authorization failed"}"#);
}

#[tokio::test]
async fn failures_have_a_budget_that_all_doors_share() {
    let app = TestApp::new().await;
    app.user("u").await;
    let login = |password: &str| {
        let body = json!({"user_id": "u", "password": password, "terminal": "t"});
        app.post("/auth/login", body)
    };
    for attempt in 0..5 {
        assert_eq!(login(&format!("guess {attempt}")).await.status, 401);
        let body = json!({"user_id": "u", "password": "guess", "add_value": 1});
        assert_eq!(app.post("/buyer/add_funds", body).await.status, 401);
    }
    let refused = login("secret of u").await;
    assert_snapshot!(refused, @r#"429 {"message":"too many attempts failed; try again later"}"#);
    assert_eq!(refused.headers["retry-after"], "30");
    let body = json!({"user_id": "u", "password": "secret of u", "order_id": "x"});
    assert_eq!(app.post("/buyer/payment", body).await.status, 429);
    let body = json!({"user_id": "u", "password": "secret of u"});
    assert_eq!(app.post("/auth/unregister", body).await.status, 429);
    let body = json!({"user_id": "u", "oldPassword": "secret of u", "newPassword": "x"});
    assert_eq!(app.post("/auth/password", body).await.status, 429);
    // The owner elsewhere is not slowed, nor another user here.
    login("secret of u").from("198.51.100.7").await.expect_ok();
    app.user("v").await;
    app.clock.advance(Duration::from_secs(30));
    login("secret of u").await.expect_ok();
}

#[tokio::test]
async fn an_unknown_account_has_the_same_budget() {
    let app = TestApp::new().await;
    let login = || {
        let body = json!({"user_id": "nobody", "password": "guess", "terminal": "t"});
        app.post("/auth/login", body)
    };
    for _ in 0..10 {
        assert_eq!(login().await.status, 401);
    }
    assert_eq!(login().await.status, 429);
}
