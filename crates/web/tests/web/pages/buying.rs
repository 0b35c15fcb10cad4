//! The cart, checking out, and the address book.

use super::{ADDRESS, check_out, market, order_path, put_in_cart};
use crate::browser::value_of;
use crate::test_app::password;

#[tokio::test]
async fn a_cart_is_filled_changed_and_emptied() {
    let (_, _, mut browser) = market().await;
    let cart = browser
        .send("/cart/add", &[("line", "s.b2.1"), ("count", "3")])
        .await
        .expect(200);
    assert_eq!(cart.path, "/cart");
    cart.says("¥6.00");
    cart.says("data-cart-count>3<");
    let cart = browser
        .send("/cart/change", &[("line", "s.b2.3"), ("count", "20")])
        .await
        .expect(200);
    cart.says("only 10 left");
    cart.says("order can be placed once that is changed");
    // What was typed stays, with what is wrong about it, and the cart is as it was.
    for typed in ["x", "", "-1", "1.5"] {
        let cart = browser
            .send("/cart/change", &[("line", "s.b2.20"), ("count", typed)])
            .await
            .expect(200);
        cart.says(&format!(
            "value=\"{typed}\" inputmode=\"numeric\" aria-invalid"
        ));
        cart.says("Please write a whole number of copies.");
        cart.says("data-cart-count>20<");
    }
    let cart = browser.get("/cart").await.expect(200);
    cart.says("value=\"20\"");
    cart.says_not("Please write a whole number");
    put_in_cart(&mut browser, "s.gone.1").await;
    browser.get("/cart").await.says("no longer on sale");
    browser
        .send("/cart/change", &[("line", "s.gone.1"), ("remove", "1")])
        .await;
    let cart = browser
        .send("/cart/change", &[("line", "s.b2.20"), ("count", "0")])
        .await;
    cart.says("Your cart is empty.");
    for line in ["", "x", "s.b1.0", "s.b1.1.1"] {
        browser
            .send("/cart/add", &[("line", line)])
            .await
            .expect(400);
    }
    let cart = browser
        .send("/cart/add", &[("line", "s.b1.1"), ("count", "-1")])
        .await
        .expect(200);
    cart.says("Please write a whole number of copies.");
    cart.says("Your cart is empty.");
}

#[tokio::test]
async fn a_script_adds_to_the_cart_without_a_page() {
    let (_, _, mut browser) = market().await;
    browser.get("/books/b1").await;
    let token = browser.token.clone();
    let fields = [("form_token", token.as_str()), ("line", "s.b1.2")];
    let headers = [
        ("accept", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    let shown = browser
        .send_raw("/cart/add", &fields, &headers)
        .await
        .expect(200);
    assert_eq!(shown.body, r#"{"count":2,"words":"Added to your cart."}"#);
    browser.get("/cart").await.says("data-cart-count>2<");
}

#[tokio::test]
async fn a_cart_of_two_stores_is_two_orders_each_with_its_result() {
    let (app, seller, mut browser) = market().await;
    app.store("seller", &seller, "t").await;
    put_in_cart(&mut browser, "s.b1.2").await;
    put_in_cart(&mut browser, "t.b3.1").await;
    put_in_cart(&mut browser, "t.b2.11").await;
    let shown = check_out(&mut browser, &ADDRESS).await.expect(200);
    shown.says("only 10 left");
    shown.says("still in your cart");
    assert_eq!(shown.body.matches("state-paid\">Ordered").count(), 1);
    assert_eq!(
        shown.body.matches("state-cancelled\">Not ordered").count(),
        1
    );
    let cart = browser.get("/cart").await;
    cart.says("Book 3");
    cart.says_not("Book 1");
    browser
        .get(&order_path(&shown.body))
        .await
        .expect(200)
        .says("北京 1 号");
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
    assert_eq!(app.stock("seller", &seller, "t", "b3").await, 10);
}

#[tokio::test]
async fn a_checkout_that_is_sent_twice_orders_once() {
    let (app, seller, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.2").await;
    let page = browser.get("/checkout").await;
    let key = value_of(&page.body, "key").unwrap();
    let mut fields = vec![("key", key.as_str()), ("line", "s.b1.2")];
    fields.extend(ADDRESS);
    let first = browser.send("/checkout", &fields).await.expect(200);
    let second = browser.send("/checkout", &fields).await.expect(200);
    assert_eq!(order_path(&first.body), order_path(&second.body));
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
    let other = [("key", key.as_str()), ("line", "s.b1.1")];
    let fields: Vec<_> = other.into_iter().chain(ADDRESS).collect();
    let third = browser.send("/checkout", &fields).await.expect(200);
    third.says("This page was sent before with other books.");
    assert_eq!(app.stock("seller", &seller, "s", "b1").await, 8);
}

#[tokio::test]
async fn what_is_wrong_with_an_address_stands_beside_it() {
    let (_, _, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.1").await;
    let long = "x".repeat(256);
    let fields = [("name", "<王>"), ("phone", long.as_str()), ("text", " ")];
    let shown = check_out(&mut browser, &fields).await.expect(422);
    shown.says("value=\"&#60;王&#62;\"");
    shown.says("id=\"phone-error\">This is too long.");
    shown.says("id=\"text-error\">Please fill this in.");
    shown.says_not("name-error");
    browser
        .get("/orders")
        .await
        .says("There are no orders here.");
}

#[tokio::test]
async fn addresses_stay_on_the_device_and_with_their_reader() {
    let (app, _, mut browser) = market().await;
    put_in_cart(&mut browser, "s.b1.1").await;
    let fields: Vec<_> = ADDRESS.into_iter().chain([("keep", "1")]).collect();
    check_out(&mut browser, &fields).await.expect(200);
    put_in_cart(&mut browser, "s.b2.1").await;
    let page = browser.get("/checkout").await.expect(200);
    page.says("北京 1 号");
    let shown = check_out(&mut browser, &[("address", "0")])
        .await
        .expect(200);
    browser
        .get(&order_path(&shown.body))
        .await
        .says("北京 1 号");
    for number in 2..=5 {
        let text = format!("No. {number}");
        let fields = [("name", "n"), ("phone", "1"), ("text", text.as_str())];
        browser
            .send("/checkout/addresses", &fields)
            .await
            .expect(200)
            .says(&text);
    }
    let fields = [("name", "n"), ("phone", "1"), ("text", "No. 6")];
    let full = browser
        .send("/checkout/addresses", &fields)
        .await
        .expect(422);
    full.says("No more addresses fit.");
    full.says("No. 6");
    // An order is placed all the same, and the reader told.
    put_in_cart(&mut browser, "s.b3.1").await;
    let fields: Vec<_> = fields.into_iter().chain([("keep", "1")]).collect();
    let placed = check_out(&mut browser, &fields).await.expect(200);
    placed.says("The address was not kept");
    order_path(&placed.body);
    let left = browser
        .send("/checkout/addresses", &[("remove", "0")])
        .await
        .expect(200);
    left.says_not("北京 1 号");

    let kept = browser.cookies["addresses"].clone();
    browser.get("/").await;
    browser.send("/sign-out", &[]).await;
    assert!(!browser.cookies.contains_key("addresses"));
    app.user("other").await;
    browser.sign_in("other", &password("other")).await;
    browser.cookies.insert("addresses".into(), kept);
    browser
        .get("/checkout/addresses")
        .await
        .expect(200)
        .says("No saved addresses yet.");
}
