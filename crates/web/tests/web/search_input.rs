//! What may be asked of `/buyer/search`, `/api/v1/books` and `/api/v1/suggest`: any text, and of the rest
//! what makes sense.

use serde_json::json;

use crate::api::get;
use crate::search::Shop;

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let shop = Shop::open().await;
    for (body, field) in [
        (json!({}), "`keyword`"),
        (json!({"keyword": 5}), "`keyword`"),
        (json!({"keyword": null}), "`keyword`"),
        (json!({"keyword": "x", "page": 0}), "`page`"),
        (json!({"keyword": "x", "page": -1}), "`page`"),
        (json!({"keyword": "x", "page": 1_000_000_000}), "`page`"),
        (json!({"keyword": "x", "page": "1"}), "`page`"),
        (
            json!({"keyword": "x", "page": 101, "per_page": 100}),
            "`page`",
        ),
        (json!({"keyword": "x", "per_page": 0}), "`per_page`"),
        (json!({"keyword": "x", "per_page": 101}), "`per_page`"),
        (json!({"keyword": "x", "store_id": ""}), "`store_id`"),
        (json!({"keyword": "x", "store_id": 1}), "`store_id`"),
        (json!({"keyword": "x", "scope": "isbn"}), "`scope`"),
        (json!({"keyword": "x", "scope": []}), "`scope`"),
        (json!({"keyword": "x", "scope": ["title", "x"]}), "`scope"),
        (json!({"keyword": "x", "scope": {}}), "`scope`"),
        (json!({"keyword": "x", "sort": "best"}), "`sort`"),
        (json!({"keyword": "x", "in_stock": 1}), "`in_stock`"),
        (json!({"keyword": "x", "min_price": -1}), "`min_price`"),
        (
            json!({"keyword": "x", "max_price": 1_000_000_001}),
            "`max_price`",
        ),
        (json!({"keyword": "x", "tags": "x"}), "`tags`"),
        (json!({"keyword": "x", "tags": vec!["x"; 21]}), "`tags`"),
        (json!({"keyword": "x", "facets": "yes"}), "`facets`"),
        (json!({"keyword": "x", "highlight": "yes"}), "`highlight`"),
    ] {
        let refused = shop.ask(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {refused}");
        assert!(refused.message().contains(field), "{body}: {refused}");
    }
    shop.search.stop().await;
}

#[tokio::test]
async fn bad_parameters_are_refused_by_name() {
    let shop = Shop::open().await;
    let many = "tags=x&".repeat(21);
    for (bad, field) in [
        ("page=0", "`page`"),
        ("page=-1", "`page`"),
        ("page=1000000000", "`page`"),
        ("page=99999999999999999999", "`page`"),
        ("page=1.5", "`page`"),
        ("page=", "`page`"),
        ("page=101&per_page=100", "`page`"),
        ("per_page=0", "`per_page`"),
        ("per_page=101", "`per_page`"),
        ("per_page=x", "`per_page`"),
        ("scope=isbn", "`scope`"),
        ("scope=title&scope=x", "`scope`"),
        ("sort=x", "`sort`"),
        ("in_stock=1", "`in_stock`"),
        ("min_price=-1", "`min_price`"),
        ("max_price=1000000001", "`max_price`"),
        ("store=", "`store`"),
        ("store=%00", "`store`"),
        (many.as_str(), "`tags`"),
        ("facets=yes", "`facets`"),
        ("highlight=yes", "`highlight`"),
    ] {
        let refused = get(&shop.app, &format!("/books?q=x&{bad}"), &[]).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.body);
        assert!(refused.body.contains(field), "{bad}: {}", refused.body);
    }
    shop.search.stop().await;
}

/// What anybody may type by mistake or on purpose.
fn awkward_texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "\"",
        "\"open quote",
        "(",
        "(美)艾伦",
        "[1 TO 2}",
        "title:x AND (",
        "*",
        "+-!(){}[]^\"~*?:\\/",
        "\\",
        "\u{0}\u{1b}\u{7f}",
        "\r\n\t",
        "😀",
        "\u{fffd}\u{feff}\u{10ffff}",
        "\u{202e}x",
        "a\u{301}",
        "' OR 1=1 --",
        "%00&q=x#",
    ];
    let long = ["红", "x ", "(\"", "\u{fdfa}", "龘 ", "e\u{301}"];
    let long = long.map(|part| part.repeat(10_000 / part.len()));
    texts.map(str::to_owned).into_iter().chain(long).collect()
}

#[tokio::test]
async fn any_text_may_be_looked_for() {
    let shop = Shop::filled().await;
    for text in awkward_texts() {
        let body = json!({"keyword": text, "highlight": true, "facets": true});
        let found = shop.find(body).await;
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let path = format!("/books?q={encoded}&highlight=true&facets=true");
        let mut read = get(&shop.app, &path, &[]).await.json();
        read["message"] = json!("ok");
        assert_eq!(read, found, "{text:?}");
        let suggested = get(&shop.app, &format!("/suggest?q={encoded}"), &[]).await;
        let suggested = suggested.json()["suggestions"].as_array().unwrap().len();
        assert!(suggested <= 20, "{text:?}");
    }
    shop.search.stop().await;
}

#[tokio::test]
async fn what_is_no_text_is_answered_too() {
    let shop = Shop::filled().await;
    // Bytes that are no UTF-8, half a surrogate pair, and escapes that are none.
    for bad in ["%FF%FE", "%ED%A0%BD", "%E7%BA", "%zz", "%", "x&q=y", "&&=&"] {
        for path in ["/books", "/suggest"] {
            let read = get(&shop.app, &format!("{path}?q={bad}"), &[]).await;
            assert_eq!(read.status, 200, "{path} {bad}: {}", read.body);
        }
    }
    for surrogate in [r#"{"keyword": "\ud83d"}"#, r#"{"keyword": "\udc00x"}"#] {
        let refused = shop.app.raw("/buyer/search", surrogate).await;
        assert_eq!(refused.status, 400, "{refused}");
    }
    shop.search.stop().await;
}
