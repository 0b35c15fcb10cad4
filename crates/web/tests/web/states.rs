//! The table of states and verbs, and the deadlines.

use std::time::Duration;

use app::Settings;
use domain::CancelUntil;
use serde_json::json;

use crate::test_app::{Reply, TestApp, password};

const STATES: [&str; 5] = ["placed", "paid", "sent", "received", "cancelled"];

/// As in the contract, under Buyer 2.
const TABLE: [(&str, [u16; 5]); 4] = [
    ("payment", [200, 518, 518, 518, 518]),
    ("send_books", [518, 200, 522, 522, 518]),
    ("receive_books", [518, 520, 200, 521, 518]),
    ("cancel_order", [200, 200, 200, 525, 518]),
];

struct Market {
    app: TestApp,
    seller: String,
    buyer: String,
}

impl Market {
    async fn with(settings: Settings) -> Self {
        let app = TestApp::with(settings).await;
        let seller = app.user("seller").await;
        app.store("seller", &seller, "s").await;
        let buyer = app.user("buyer").await;
        app.fund("buyer", 100_000).await;
        let body = json!({
            "user_id": "seller", "store_id": "s", "book_id": "b1", "add_stock_level": 1_000,
        });
        app.post("/seller/add_stock_level", body)
            .token(&seller)
            .await
            .expect_ok();
        Self { app, seller, buyer }
    }

    async fn act(&self, verb: &str, order: &str) -> Reply {
        let Self { app, seller, buyer } = self;
        match verb {
            "payment" => {
                let body = json!({
                    "user_id": "buyer", "password": password("buyer"), "order_id": order,
                });
                app.post("/buyer/payment", body).await
            }
            "send_books" => {
                app.verb("/seller/send_books", "seller", seller, order)
                    .await
            }
            "receive_books" => {
                app.verb("/buyer/receive_books", "buyer", buyer, order)
                    .await
            }
            _ => app.verb("/buyer/cancel_order", "buyer", buyer, order).await,
        }
    }

    /// A new order, brought to that state.
    async fn order_in(&self, state: &str) -> String {
        let order = self.app.order("buyer", &self.buyer, "s").await;
        let way: &[&str] = match state {
            "placed" => &[],
            "paid" => &["payment"],
            "sent" => &["payment", "send_books"],
            "received" => &["payment", "send_books", "receive_books"],
            _ => &["cancel_order"],
        };
        for verb in way {
            self.act(verb, &order).await.expect_ok();
        }
        order
    }

    async fn state(&self, order: &str) -> String {
        let body = json!({"user_id": "buyer"});
        let history = self
            .app
            .post("/buyer/check_hist_order", body)
            .token(&self.buyer)
            .await;
        let orders = history.expect_ok().field("orders");
        let mut orders = orders.as_array().unwrap().iter();
        let order = orders.find(|found| found["order_id"] == order).unwrap();
        order["state"].as_str().unwrap().to_owned()
    }

    async fn is_cancelled(&self, order: &str) -> u16 {
        let body = json!({"order_id": order});
        self.app
            .post("/buyer/is_order_cancelled", body)
            .token(&self.buyer)
            .await
            .status
    }
}

#[tokio::test]
async fn every_verb_in_every_state() {
    let market = Market::with(Settings::default()).await;
    for (verb, expected) in TABLE {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let order = market.order_in(state).await;
            assert_eq!(market.state(&order).await, state);
            let reply = market.act(verb, &order).await;
            assert_eq!(reply.status, expected, "{verb} when {state}: {reply}");
            if expected != 200 {
                assert!(reply.message().contains(&order), "{reply}");
                assert_eq!(market.state(&order).await, state, "{verb} when {state}");
            }
        }
    }
}

#[tokio::test]
async fn cancelling_can_end_with_sending() {
    let settings = Settings {
        cancel_until: CancelUntil::Sent,
        ..Settings::default()
    };
    let market = Market::with(settings).await;
    for (state, expected) in STATES.into_iter().zip([200, 200, 525, 525, 518]) {
        let order = market.order_in(state).await;
        assert_eq!(
            market.act("cancel_order", &order).await.status,
            expected,
            "{state}"
        );
    }
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_from_its_deadline_on() {
    let settings = Settings {
        payment_timeout: Duration::from_secs(60),
        ..Settings::default()
    };
    let market = Market::with(settings).await;
    let order = market.order_in("placed").await;
    market.app.clock.advance(Duration::from_millis(59_999));
    assert_eq!(market.is_cancelled(&order).await, 524);
    assert_eq!(market.state(&order).await, "placed");
    market.app.clock.advance(Duration::from_millis(1));
    assert_eq!(market.is_cancelled(&order).await, 200);
    assert_eq!(market.state(&order).await, "cancelled");
    for verb in ["payment", "cancel_order", "send_books", "receive_books"] {
        assert_eq!(market.act(verb, &order).await.status, 518, "{verb}");
    }
    let body = json!({"user_id": "buyer", "state": "cancelled"});
    let history = market
        .app
        .post("/buyer/check_hist_order", body)
        .token(&market.buyer)
        .await;
    let order = &history.field("orders")[0];
    assert_eq!(order["placed_at"], "2024-01-01T00:00:00.000Z");
    assert_eq!(order["cancelled_at"], "2024-01-01T00:01:00.000Z");
    assert_eq!(order.get("pay_before"), None);
}

#[tokio::test]
async fn a_sent_order_counts_as_received_after_its_deadline() {
    let settings = Settings {
        receipt_timeout: Duration::from_secs(60),
        ..Settings::default()
    };
    let market = Market::with(settings).await;
    let order = market.order_in("sent").await;
    market.app.clock.advance(Duration::from_secs(60));
    assert_eq!(market.state(&order).await, "received");
    assert_eq!(market.act("receive_books", &order).await.status, 521);
    assert_eq!(market.act("cancel_order", &order).await.status, 525);
}
