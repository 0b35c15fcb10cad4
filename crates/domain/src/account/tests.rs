use super::*;
use crate::ids::TerminalName;
use crate::operation::{Answer, Refused, Request};
use crate::terminal::LogOut;
use crate::testing::{BUYER, Market, SELLER, START, user};

fn terminal(name: &str) -> TerminalKey {
    TerminalKey {
        user: user(BUYER),
        name: TerminalName::new(name).unwrap(),
    }
}

/// A token for the buyer at a terminal, as things stand.
fn token(market: &Market, name: &str) -> Proof {
    let row = market.rows.terminals.get(&terminal(name)).flatten();
    let generation = row.map(|row| row.generation).unwrap_or_default();
    let token = Some((terminal(name), generation));
    Proof {
        user: user(BUYER),
        epoch: market.account(BUYER).epoch,
        token,
    }
}

fn password(market: &Market) -> Proof {
    Proof {
        token: None,
        ..token(market, "phone")
    }
}

/// Whether a proof holds; a terminal that is not loaded has no row.
fn holds(market: &mut Market, proof: &Proof) -> bool {
    for name in ["phone", "desk"] {
        market.rows.terminals.load(terminal(name), None, 0);
    }
    proof.still_holds(&market.rows).unwrap()
}

#[test]
fn a_proof_holds_until_its_epoch_moves_on() {
    let mut market = Market::with_book();
    let proofs = [password(&market), token(&market, "phone")];
    assert!(proofs.iter().all(|proof| holds(&mut market, proof)));
    let change = ChangePassword {
        user: user(BUYER),
        password_hash: PasswordHash::new("new"),
    };
    market.run(&change, START).unwrap();
    assert!(
        !proofs.iter().any(|proof| holds(&mut market, proof)),
        "though the clock stood still"
    );
    let proofs = [password(&market), token(&market, "phone")];
    assert!(proofs.iter().all(|proof| holds(&mut market, proof)));
    let later = Epoch::new(proofs[0].epoch.get() + 1);
    let of_another = Proof {
        epoch: later,
        ..proofs[0].clone()
    };
    assert!(
        !holds(&mut market, &of_another),
        "an epoch is the same or it is not"
    );
}

#[test]
fn a_logout_ends_what_one_terminal_was_given() {
    let mut market = Market::with_book();
    let (phone, desk) = (token(&market, "phone"), token(&market, "desk"));
    let by_password = password(&market);
    market
        .run(
            &LogOut {
                terminal: terminal("phone"),
            },
            START,
        )
        .unwrap();
    assert!(!holds(&mut market, &phone));
    assert!(holds(&mut market, &desk) && holds(&mut market, &by_password));
    let second = token(&market, "phone");
    assert!(holds(&mut market, &second));
    let earlier = START.minus(std::time::Duration::from_secs(60));
    market
        .run(
            &LogOut {
                terminal: terminal("phone"),
            },
            earlier,
        )
        .unwrap();
    assert!(
        !holds(&mut market, &second),
        "though the clock was set back"
    );
}

#[test]
fn no_proof_holds_for_nobody_or_for_the_closed() {
    let mut market = Market::with_book();
    let proof = password(&market);
    let nobody = Proof {
        user: user("nobody"),
        ..proof.clone()
    };
    assert_eq!(
        nobody.still_holds(&market.rows),
        Err(Lacks(vec![Key::Account(user("nobody"))]))
    );
    market.rows.accounts.load(user("nobody"), None, 0);
    assert!(!holds(&mut market, &nobody));
    let open = market.account(BUYER).clone();
    assert!(proof.holds_for(&open, Generation::default()));
    let closed = Account {
        is_closed: true,
        ..open
    };
    assert!(!proof.holds_for(&closed, Generation::default()));
}

#[test]
fn a_proof_names_the_rows_it_is_checked_against() {
    let market = Market::with_book();
    let mut keys = Vec::new();
    token(&market, "phone").name_rows(&mut keys);
    assert_eq!(
        keys,
        [Key::Account(user(BUYER)), Key::Terminal(terminal("phone"))]
    );
    keys.clear();
    password(&market).name_rows(&mut keys);
    assert_eq!(keys, [Key::Account(user(BUYER))]);
}

#[test]
fn a_stale_proof_stops_an_operation_before_its_rule() {
    let market = Market::with_book();
    let proof = password(&market);
    let deposit = AddFunds {
        user: user(BUYER),
        amount: Fen::new(-1_000_000),
    };
    let stale = Proof {
        epoch: Epoch::new(proof.epoch.get() - 1),
        ..proof.clone()
    };
    let decided = Request::proved(stale, deposit.clone()).decide(&market.rows, START);
    assert_eq!(decided, Err(Halt::Refused(Refused::StaleProof)));
    let decided = Request::proved(proof.clone(), deposit).decide(&market.rows, START);
    assert!(matches!(decided, Err(Halt::Refused(Refused::Rule(_)))));
    let deposit = AddFunds {
        user: user(BUYER),
        amount: Fen::new(1),
    };
    let decided = Request::proved(proof, deposit)
        .decide(&market.rows, START)
        .unwrap();
    assert_eq!(decided.done, Answer::Done(()));
    assert_eq!(decided.changes.len(), 2);
}

fn close(
    market: &mut Market,
    who: &str,
    obligations: Obligations,
) -> Result<(), UnregisterRefusal> {
    market
        .rows
        .obligations
        .load(user(who), Some(obligations), 0);
    market.run(&Unregister { user: user(who) }, START)
}

#[test]
fn closing_is_refused_while_anything_is_owed() {
    let mut market = Market::with_book();
    let open = Obligations {
        has_open_orders: true,
        stores: Vec::new(),
    };
    let refused = close(&mut market, SELLER, open);
    assert_eq!(refused, Err(UnregisterRefusal::OpenOrders(user(SELLER))));
    let refused = close(&mut market, BUYER, Obligations::default());
    assert_eq!(
        refused,
        Err(UnregisterRefusal::Balance(user(BUYER), Fen::new(1_000)))
    );
}

#[test]
fn closing_takes_the_stores_along() {
    let mut market = Market::with_book();
    let store = StoreId::new(crate::testing::STORE).unwrap();
    let stores = vec![store.clone()];
    close(
        &mut market,
        SELLER,
        Obligations {
            has_open_orders: false,
            stores,
        },
    )
    .unwrap();
    assert!(market.account(SELLER).is_closed);
    assert!(!market.rows.store(&store).unwrap().unwrap().is_open);
}

#[test]
fn a_hash_does_not_show_in_logs() {
    let account = Market::with_book().account(BUYER).clone();
    assert!(!format!("{account:?}").contains("\"hash\""));
    assert!(format!("{account:?}").contains("PasswordHash(…)"));
}
