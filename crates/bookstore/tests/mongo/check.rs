//! The whole check: what is stored is what clients were told, no more and no less.

use serde_json::{Value, json};

use crate::load::{
    BOOKS, Buyer, Caller, FUNDS, Known, PRICE, SELLER, STOCK, STORE, Shop, fresh_key,
};
use crate::machines::{Machines, PROCESSES};

/// Orders in one page of a history.
const PAGE: usize = 1_000;

/// Checks each buyer's orders and money, the seller's money, the stock, and has all of it audited.
pub fn check(machines: &Machines, shop: &Shop, buyers: &[Buyer]) {
    let mut paid = 0;
    for (number, buyer) in buyers.iter().enumerate() {
        paid += check_buyer(&mut Caller::new(shop, number % PROCESSES), buyer);
    }
    let mut caller = Caller::new(shop, 0);
    let seller = login(&mut caller, SELLER);
    let account = account(&mut caller, SELLER, &seller);
    assert_eq!(account["balance"], json!(paid), "the seller's money");
    assert_eq!(account["held"], json!(paid), "the seller's held money");
    check_stock(shop, buyers);
    machines.audit();
}

/// Checks a buyer's history against what he was told. Returns what he has paid.
fn check_buyer(caller: &mut Caller<'_>, buyer: &Buyer) -> i64 {
    let Buyer {
        name,
        token,
        orders,
        ..
    } = buyer;
    let history = whole_history(caller, name, token);
    let mut paid = 0;
    for order in &history {
        let id = order["order_id"].as_str().unwrap();
        let known = orders.get(id);
        let known = known.unwrap_or_else(|| panic!("{name} has the order {id}: {order}"));
        let Known { state, book, count } = *known;
        assert_eq!(order["state"], json!(state), "the order {id}");
        assert_eq!(order["details"][0]["book_id"], json!(book));
        assert_eq!(order["total_price"], json!(count * PRICE));
        if state == "paid" {
            paid += count * PRICE;
        }
    }
    assert_eq!(history.len(), orders.len(), "{name} lost orders");
    let account = account(caller, name, token);
    assert_eq!(account["balance"], json!(FUNDS - paid), "{name}'s money");
    paid
}

/// All orders of a buyer, newest first; none is there twice.
fn whole_history(caller: &mut Caller<'_>, name: &str, token: &str) -> Vec<Value> {
    let mut orders: Vec<Value> = Vec::new();
    loop {
        let mut body = json!({"user_id": name, "per_page": PAGE});
        if let Some(last) = orders.last() {
            body["before"] = last["order_id"].clone();
        }
        let answer = caller.ask("/buyer/check_hist_order", token, None, &body);
        let page = answer.ok()["orders"].as_array().unwrap().clone();
        let is_last = page.len() < PAGE;
        orders.extend(page);
        if is_last {
            break;
        }
    }
    for pair in orders.windows(2) {
        let [newer, older] = pair else { unreachable!() };
        assert!(
            newer["order_id"].as_str() > older["order_id"].as_str(),
            "{name}'s history is out of order"
        );
    }
    orders
}

/// Finds out how many copies there are as anybody can: one more is refused, exactly those are not.
fn check_stock(shop: &Shop, buyers: &[Buyer]) {
    let prober = "prober";
    for (number, book) in BOOKS.into_iter().enumerate() {
        let caller = &mut Caller::new(shop, number % PROCESSES);
        let body = json!({"user_id": prober, "password": prober});
        let answer = caller.ask("/auth/register", "", None, &body);
        assert!(matches!(answer.status, 200 | 512), "{}", answer.body);
        let token = login(caller, prober);
        let taken: i64 = buyers
            .iter()
            .flat_map(|buyer| buyer.orders.values())
            .filter(|known| known.book == book && known.state != "cancelled")
            .map(|known| known.count)
            .sum();
        let order = |count| {
            let books = json!([{"id": book, "count": count}]);
            json!({"user_id": prober, "store_id": STORE, "books": books})
        };
        let mut ask = |path, body| caller.ask(path, &token, Some(&fresh_key()), &body);
        let answer = ask("/buyer/new_order", order(STOCK - taken + 1));
        assert_eq!(answer.status, 517, "`{book}`: {}", answer.body);
        let id = ask("/buyer/new_order", order(STOCK - taken)).ok()["order_id"].clone();
        ask(
            "/buyer/cancel_order",
            json!({"user_id": prober, "order_id": id}),
        )
        .ok();
    }
}

fn login(caller: &mut Caller<'_>, user: &str) -> String {
    let body = json!({"user_id": user, "password": user, "terminal": "check"});
    let answer = caller.ask("/auth/login", "", None, &body).ok();
    answer["token"].as_str().unwrap().to_owned()
}

fn account(caller: &mut Caller<'_>, user: &str, token: &str) -> Value {
    caller
        .ask("/buyer/account", token, None, &json!({"user_id": user}))
        .ok()
}
