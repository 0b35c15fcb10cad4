//! Orders: paying, sending, receiving, cancelling, and whose they are.

use std::time::Duration;

use app::Settings;
use domain::CancelUntil;

use super::{ADDRESS, check_out, market, market_with, order, order_id, put_in_cart};
use crate::browser::{Browser, values_of};
use crate::test_app::password;

#[tokio::test]
async fn an_order_is_paid_sent_and_received() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    let placed = browser.get(&path).await.expect(200);
    placed.says("To be paid");
    placed.says("30 minutes");
    let id = order_id(&path).to_owned();
    let wrong = browser
        .send("/orders/pay", &[("order", &id), ("password", "wrong")])
        .await
        .expect(422);
    wrong.says("This is not your password.");
    let secret = password("buyer");
    let fields = [("order", id.as_str()), ("password", secret.as_str())];
    let paid = browser.send("/orders/pay", &fields).await.expect(200);
    paid.says("Paid. The store has been told.");
    let again = browser.send("/orders/pay", &fields).await.expect(200);
    again.says("Paid. The store has been told.");
    browser
        .get(&format!("{path}/receipt"))
        .await
        .expect(200)
        .says("¥1.00");

    let mut seller = Browser::new(&app.router);
    seller.sign_in("seller", &password("seller")).await;
    let selling = seller.get("/selling").await.expect(200);
    selling.says("北京 1 号");
    selling.says_not("buyer");
    let send = format!("/selling/{id}/send");
    let long = "x".repeat(256);
    seller
        .send(&send, &[("tracking", &long)])
        .await
        .expect(422)
        .says("This is too long.");
    let sent = seller
        .send(&send, &[("tracking", "SF <1>")])
        .await
        .expect(200);
    sent.says("The order is on its way.");
    sent.says("Nothing waits to be sent.");

    let sent = browser.get(&path).await.expect(200);
    sent.says("SF &#60;1&#62;");
    sent.says_not("seller");
    let received = browser
        .send(&format!("{path}/receive"), &[])
        .await
        .expect(200);
    received.says("Enjoy your books.");
    received.says_not("Cancel this order");
    browser
        .send(&format!("{path}/receive"), &[])
        .await
        .expect(200)
        .says("has moved on");
    let list = browser.get("/orders?state=received").await.expect(200);
    list.says(&path);
    browser
        .get("/orders?state=paid")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_shows_as_cancelled() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    app.clock.advance(Duration::from_secs(30 * 60));
    let shown = browser.get(&path).await.expect(200);
    shown.says("state-cancelled\">Cancelled");
    shown.says_not("Pay now");
    let secret = password("buyer");
    let fields = [("order", order_id(&path)), ("password", secret.as_str())];
    let late = browser.send("/orders/pay", &fields).await.expect(200);
    late.says("has moved on meanwhile");
}

#[tokio::test]
async fn an_order_is_cancelled_as_far_as_the_operator_allows() {
    let settings = Settings {
        cancel_until: CancelUntil::Sent,
        ..Settings::default()
    };
    let (app, seller, mut browser) = market_with(settings).await;
    let path = order(&mut browser).await;
    browser.get(&path).await;
    let cancelled = browser
        .send(&format!("{path}/cancel"), &[])
        .await
        .expect(200);
    cancelled.says("The order is cancelled.");
    browser.get(&format!("{path}/receipt")).await.expect(404);

    let path = order(&mut browser).await;
    app.pay("buyer", order_id(&path)).await;
    app.verb("/seller/send_books", "seller", &seller, order_id(&path))
        .await
        .expect_ok();
    browser
        .get(&path)
        .await
        .expect(200)
        .says_not("Cancel this order");
    let late = browser
        .send(&format!("{path}/cancel"), &[])
        .await
        .expect(200);
    late.says("too late to cancel");
}

#[tokio::test]
async fn orders_are_paid_together_until_the_money_ends() {
    let (app, seller, mut browser) = market().await;
    app.store("seller", &seller, "t").await;
    put_in_cart(&mut browser, "s.b3.3").await;
    put_in_cart(&mut browser, "t.b3.1").await;
    let shown = check_out(&mut browser, &ADDRESS).await.expect(200);
    let orders = values_of(&shown.body, "order");
    assert_eq!(orders.len(), 2);
    let secret = password("buyer");
    let mut fields: Vec<_> = orders.iter().map(|id| ("order", id.as_str())).collect();
    fields.push(("password", &secret));
    let short = browser.send("/orders/pay", &fields).await.expect(422);
    short.says("There is not enough money in your account.");
    assert_eq!(values_of(&short.body, "order"), orders[1..]);
    app.fund("buyer", 1_000).await;
    let paid = browser.send("/orders/pay", &fields).await.expect(200);
    assert_eq!(paid.path, "/orders?done=paid");
    browser
        .get("/orders?state=placed")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn others_orders_are_not_there() {
    let (app, _, mut browser) = market().await;
    let path = order(&mut browser).await;
    app.user("stranger").await;
    let mut stranger = Browser::new(&app.router);
    stranger.sign_in("stranger", &password("stranger")).await;
    for page in [path.clone(), format!("{path}/receipt")] {
        stranger.get(&page).await.expect(404);
    }
    for verb in ["cancel", "receive"] {
        stranger
            .send(&format!("{path}/{verb}"), &[])
            .await
            .expect(404);
    }
    let send = format!("/selling/{}/send", order_id(&path));
    stranger.send(&send, &[("tracking", "x")]).await.expect(404);
    browser.get(&path).await.expect(200).says("To be paid");
}
