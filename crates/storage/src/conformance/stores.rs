//! Stores: an id is given once and never again.

use domain::store::CreateStoreRefusal;
use domain::{CreateStore, Request, Store};

use super::requests;
use super::shop::{Shop, count_done, done, rule};

async fn find(shop: &Shop, store: &str) -> Option<Store> {
    shop.storage()
        .find_store(&requests::store(store))
        .await
        .expect("no failure")
}

/// Creating a store opens it for its owner, whose account counts as used from then on.
pub async fn creating_a_store_opens_it(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(find(shop, "corner").await, None);
    assert!(!shop.account("anna").await.is_used);
    assert_eq!(shop.create_store("anna", "corner").await, done());
    let store = Store {
        id: requests::store("corner"),
        owner: requests::user("anna"),
        is_open: true,
        created_at: shop.now(),
    };
    assert_eq!(find(shop, "corner").await, Some(store));
    assert!(shop.account("anna").await.is_used);
}

/// An id that a store has is refused, to its owner as to others, and the store stays as it was.
pub async fn a_taken_store_id_is_refused(shop: &Shop) {
    shop.given_user("anna").await;
    shop.given_user("bert").await;
    shop.given_store("anna", "corner").await;
    let before = find(shop, "corner").await;
    for user in ["anna", "bert"] {
        let refusal = CreateStoreRefusal::StoreExists(requests::store("corner"));
        assert_eq!(shop.create_store(user, "corner").await, rule(refusal));
    }
    assert_eq!(find(shop, "corner").await, before);
    assert!(!shop.account("bert").await.is_used, "a refusal is no use");
}

/// One account may own many stores.
pub async fn an_account_may_own_many_stores(shop: &Shop) {
    shop.given_user("anna").await;
    for name in ["one", "two", "three"] {
        assert_eq!(shop.create_store("anna", name).await, done());
    }
    for name in ["one", "two", "three"] {
        let store = find(shop, name).await.expect("it was created");
        assert_eq!(store.owner, requests::user("anna"));
    }
}

/// Of many who want one store id at once, one gets it.
pub async fn one_of_many_gets_a_store_id(shop: &Shop) {
    let names: Vec<String> = (0..16).map(|number| format!("user {number}")).collect();
    let mut requests = Vec::new();
    for name in &names {
        shop.given_user(name).await;
        let operation = CreateStore {
            owner: requests::user(name),
            store: requests::store("corner"),
        };
        requests.push(Request::proved(shop.proof(name).await, operation));
    }
    let outcomes = shop.race(requests).await;
    assert_eq!(count_done(&outcomes), 1);
    let winner = outcomes
        .iter()
        .position(|outcome| *outcome == done())
        .expect("there is one");
    let store = find(shop, "corner").await.expect("it was created");
    assert_eq!(store.owner.as_str(), names[winner]);
    for (place, name) in names.iter().enumerate() {
        assert_eq!(
            shop.account(name).await.is_used,
            place == winner,
            "`{name}`"
        );
    }
}
