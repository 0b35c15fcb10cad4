//! Terminals: a logout revokes exactly the tokens given before it, there and nowhere else.

use std::time::Duration;

use domain::Generation;
use domain::terminal::TOKEN_LIFETIME;

use super::requests;
use super::shop::{Shop, done, stale};

/// Whether a token still serves for an operation that changes nothing.
async fn serves(shop: &Shop, token: &domain::Proof) -> bool {
    let outcome = shop.run(requests::add_funds(token.clone(), 0)).await;
    assert!(outcome == done() || outcome == stale(), "{outcome:?}");
    outcome == done()
}

async fn generation(shop: &Shop, user: &str, terminal: &str) -> Generation {
    shop.find_session(user, terminal)
        .await
        .expect("there is such an account")
        .generation
}

/// A terminal at which nobody ever logged out has the first generation, and its tokens serve.
pub async fn a_new_terminal_has_the_first_generation(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(
        generation(shop, "anna", "phone").await,
        Generation::default()
    );
    let token = shop.log_in("anna", "phone").await;
    assert!(serves(shop, &token).await);
}

/// A logout revokes all tokens that the terminal was given before, and none that it gets later.
pub async fn a_logout_revokes_exactly_earlier_tokens(shop: &Shop) {
    shop.given_user("anna").await;
    let first = shop.log_in("anna", "phone").await;
    let second = shop.log_in("anna", "phone").await;
    assert!(serves(shop, &first).await && serves(shop, &second).await);
    assert_eq!(shop.log_out("anna", "phone").await, done());
    assert!(!serves(shop, &first).await && !serves(shop, &second).await);
    let third = shop.log_in("anna", "phone").await;
    assert!(serves(shop, &third).await, "although the clock stood still");
    assert_eq!(shop.log_out("anna", "phone").await, done());
    assert!(
        !serves(shop, &third).await,
        "although the clock stood still"
    );
    let fourth = shop.log_in("anna", "phone").await;
    assert!(serves(shop, &fourth).await);
    assert!(!serves(shop, &first).await && !serves(shop, &third).await);
}

/// A logout leaves other terminals alone, other users' terminals of that name, and passwords.
pub async fn a_logout_concerns_one_terminal_only(shop: &Shop) {
    shop.given_user("anna").await;
    shop.given_user("bert").await;
    let phone = shop.log_in("anna", "phone").await;
    let others = [
        shop.log_in("anna", "Phone").await,
        shop.log_in("anna", "desk").await,
        shop.log_in("bert", "phone").await,
        shop.proof("anna").await,
    ];
    assert_eq!(shop.log_out("anna", "phone").await, done());
    assert!(!serves(shop, &phone).await);
    for other in &others {
        assert!(serves(shop, other).await, "{other:?}");
    }
}

/// A restart brings no revoked token back.
pub async fn a_logout_survives_a_restart(shop: &Shop) {
    shop.given_user("anna").await;
    let revoked = shop.log_in("anna", "phone").await;
    assert_eq!(shop.log_out("anna", "phone").await, done());
    let valid = shop.log_in("anna", "phone").await;
    let before = generation(shop, "anna", "phone").await;
    shop.reopen().await;
    assert_eq!(generation(shop, "anna", "phone").await, before);
    assert!(!serves(shop, &revoked).await);
    assert!(serves(shop, &valid).await);
}

/// A terminal's row stays while a token that it revokes could still be unexpired, and goes then.
pub async fn a_terminal_is_forgotten_with_its_last_token(shop: &Shop) {
    shop.given_user("anna").await;
    let revoked = shop.log_in("anna", "phone").await;
    assert_eq!(shop.log_out("anna", "phone").await, done());
    shop.clock
        .advance(TOKEN_LIFETIME - Duration::from_millis(1));
    assert_eq!(
        shop.storage()
            .forget_expired(shop.now(), 100)
            .await
            .expect("no failure"),
        0
    );
    assert!(!serves(shop, &revoked).await);
    shop.clock.advance(Duration::from_millis(2));
    assert_eq!(
        shop.storage()
            .forget_expired(shop.now(), 100)
            .await
            .expect("no failure"),
        1
    );
    assert_eq!(
        generation(shop, "anna", "phone").await,
        Generation::default()
    );
    assert_eq!(
        shop.storage()
            .forget_expired(shop.now(), 100)
            .await
            .expect("no failure"),
        0
    );
}

/// After a terminal was forgotten, what it was given meanwhile serves, and a logout revokes that
/// again: an engine that keeps rows in memory must not write to the forgotten one.
pub async fn a_logout_after_forgetting_revokes_again(shop: &Shop) {
    shop.given_user("anna").await;
    assert_eq!(shop.log_out("anna", "phone").await, done());
    shop.clock
        .advance(TOKEN_LIFETIME - Duration::from_millis(1));
    let late = shop.log_in("anna", "phone").await;
    shop.clock.advance(Duration::from_millis(2));
    assert_eq!(
        shop.storage()
            .forget_expired(shop.now(), 100)
            .await
            .expect("no failure"),
        1
    );
    let later = shop.log_in("anna", "phone").await;
    assert!(serves(shop, &late).await && serves(shop, &later).await);
    assert_eq!(shop.log_out("anna", "phone").await, done());
    assert!(!serves(shop, &late).await && !serves(shop, &later).await);
    let current = generation(shop, "anna", "phone").await;
    assert_eq!(current, Generation::new(shop.now().millis()));
    shop.reopen().await;
    assert_eq!(generation(shop, "anna", "phone").await, current);
    assert!(!serves(shop, &late).await && !serves(shop, &later).await);
}

/// Forgetting takes no more rows at a time than it is allowed.
pub async fn forgetting_is_bounded(shop: &Shop) {
    shop.given_user("anna").await;
    for terminal in ["a", "b", "c", "d", "e"] {
        assert_eq!(shop.log_out("anna", terminal).await, done());
    }
    shop.clock
        .advance(TOKEN_LIFETIME + Duration::from_millis(1));
    for gone in [2, 2, 1, 0] {
        let forgotten = shop.storage().forget_expired(shop.now(), 2).await;
        assert_eq!(forgotten.expect("no failure"), gone);
    }
}
