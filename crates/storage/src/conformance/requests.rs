//! Requests and their parts, built from plain words.

use std::sync::Arc;

use domain::listing::BookPatch;
use domain::money::Price;
use domain::{
    AddFunds, AddListing, AddStock, Basket, BookId, BookText, CancelOrder, CancelUntil,
    ChangePassword, ConcludeOrder, Count, CreateStore, ExpireOrder, Fen, IdempotencyKey, Keep,
    KeepKey, ListingKey, LogOut, OrderId, PasswordHash, PayOrder, Picture, PlaceOrder, Proof,
    ReceiveOrder, Register, Request, SendOrder, Stock, StoreId, TerminalKey, TerminalName,
    Tracking, Unregister, UpdateListing, UserId, book::BookFields,
};

use super::shop::{PAYMENT_TIMEOUT, RECEIPT_TIMEOUT, Shop};
use crate::port::Outcome;

const IS_VALID: &str = "cases use values within the limits";

/// A user's id.
pub fn user(name: &str) -> UserId {
    UserId::new(name).expect(IS_VALID)
}

/// A store's id.
pub fn store(name: &str) -> StoreId {
    StoreId::new(name).expect(IS_VALID)
}

/// A book's id.
pub fn book(name: &str) -> BookId {
    BookId::new(name).expect(IS_VALID)
}

/// A terminal of a user.
pub fn terminal(owner: &str, name: &str) -> TerminalKey {
    TerminalKey {
        user: user(owner),
        name: TerminalName::new(name).expect(IS_VALID),
    }
}

/// A book in a store.
pub fn listing(in_store: &str, name: &str) -> ListingKey {
    ListingKey {
        store: store(in_store),
        book: book(name),
    }
}

/// A stock.
pub fn stock(copies: i64) -> Stock {
    Stock::new(copies).expect(IS_VALID)
}

/// A price.
pub fn price(fen: i64) -> Price {
    Price::new(fen).expect(IS_VALID)
}

/// A book's text with that title and no more.
pub fn text(title: &str) -> Arc<BookText> {
    let fields = BookFields {
        title: title.to_owned(),
        ..BookFields::default()
    };
    Arc::new(BookText::new(fields).expect(IS_VALID))
}

/// A picture with that last byte.
pub fn picture(last: u8) -> Arc<Picture> {
    Arc::new(Picture::new([b'G', b'I', b'F', b'8', b'9', b'a', last]).expect(IS_VALID))
}

/// An answer to keep under a client's key, for a body that `body` stands for.
pub fn keep(who: &str, endpoint: &'static str, key: &str, body: u8, answer: &str) -> Keep {
    let key = IdempotencyKey::new(key).expect(IS_VALID);
    Keep {
        key: KeepKey {
            user: user(who),
            endpoint: endpoint.into(),
            key,
        },
        fingerprint: [body; 32],
        answer: answer.as_bytes().into(),
    }
}

/// Opens an account.
pub fn register(name: &str) -> Request<Register> {
    let password_hash = PasswordHash::new(format!("hash of {name}"));
    Request::unproved(Register {
        user: user(name),
        password_hash,
    })
}

/// Lists a book whose title is its id.
pub fn add_listing(
    owner: &str,
    in_store: &str,
    name: &str,
    price_fen: i64,
    copies: i64,
) -> AddListing {
    AddListing {
        user: user(owner),
        key: listing(in_store, name),
        text: text(name),
        pictures: Vec::new(),
        price: price(price_fen),
        stock: stock(copies),
    }
}

/// An update that changes nothing.
pub fn update_listing(owner: &str, in_store: &str, name: &str) -> UpdateListing {
    UpdateListing {
        user: user(owner),
        key: listing(in_store, name),
        patch: BookPatch::default(),
        price: None,
        pictures: None,
        is_listed: None,
    }
}

/// Books of a store, and how many copies of each.
pub type Books<'a> = [(&'a str, i64)];

/// A basket of these books.
pub fn basket(books: &Books<'_>) -> Basket {
    let lines = books
        .iter()
        .map(|(name, count)| (book(name), Count::new(*count).expect(IS_VALID)));
    Basket::new(lines.collect()).expect(IS_VALID)
}

/// Orders these books.
pub fn place(id: OrderId, buyer: &str, in_store: &str, books: &Books<'_>) -> PlaceOrder {
    PlaceOrder {
        id,
        buyer: user(buyer),
        store: store(in_store),
        basket: basket(books),
        address: None,
        payment_timeout: PAYMENT_TIMEOUT,
    }
}

/// Pays an order.
pub fn pay(proof: Proof, order: OrderId) -> Request<PayOrder> {
    let buyer = proof.user.clone();
    Request::proved(proof, PayOrder { order, buyer })
}

/// Sends an order.
pub fn send(proof: Proof, order: OrderId, tracking: Option<&str>) -> Request<SendOrder> {
    let tracking = tracking.map(|words| Tracking::new(words).expect(IS_VALID));
    let seller = proof.user.clone();
    let receipt_timeout = RECEIPT_TIMEOUT;
    Request::proved(
        proof,
        SendOrder {
            order,
            seller,
            tracking,
            receipt_timeout,
        },
    )
}

/// Confirms that an order has arrived.
pub fn receive(proof: Proof, order: OrderId) -> Request<ReceiveOrder> {
    let buyer = proof.user.clone();
    Request::proved(proof, ReceiveOrder { order, buyer })
}

/// Cancels an order.
pub fn cancel(proof: Proof, order: OrderId, until: CancelUntil) -> Request<CancelOrder> {
    let buyer = proof.user.clone();
    Request::proved(
        proof,
        CancelOrder {
            order,
            buyer,
            until,
        },
    )
}

/// Puts money into an account, or takes it out.
pub fn add_funds(proof: Proof, fen: i64) -> Request<AddFunds> {
    let user = proof.user.clone();
    Request::proved(
        proof,
        AddFunds {
            user,
            amount: Fen::new(fen),
        },
    )
}

/// Gives an account another password.
pub fn change_password(proof: Proof, hash: &str) -> Request<ChangePassword> {
    let user = proof.user.clone();
    Request::proved(
        proof,
        ChangePassword {
            user,
            password_hash: PasswordHash::new(hash),
        },
    )
}

/// Each verb by a user who has just proved himself by password.
impl Shop {
    /// Closes an account.
    pub async fn unregister(&self, who: &str) -> Outcome<Unregister> {
        let proof = self.proof(who).await;
        self.run(Request::proved(proof, Unregister { user: user(who) }))
            .await
    }

    /// Gives an account another password.
    pub async fn change_password(&self, who: &str, hash: &str) -> Outcome<ChangePassword> {
        self.run(change_password(self.proof(who).await, hash)).await
    }

    /// Puts money into an account, or takes it out.
    pub async fn add_funds(&self, who: &str, fen: i64) -> Outcome<AddFunds> {
        self.run(add_funds(self.proof(who).await, fen)).await
    }

    /// Revokes a terminal's tokens.
    pub async fn log_out(&self, who: &str, name: &str) -> Outcome<LogOut> {
        let operation = LogOut {
            terminal: terminal(who, name),
        };
        self.run(Request::proved(self.proof(who).await, operation))
            .await
    }

    /// Opens a store.
    pub async fn create_store(&self, who: &str, name: &str) -> Outcome<CreateStore> {
        let operation = CreateStore {
            owner: user(who),
            store: store(name),
        };
        self.run(Request::proved(self.proof(who).await, operation))
            .await
    }

    /// Lists a book.
    pub async fn add_listing(&self, operation: AddListing) -> Outcome<AddListing> {
        let proof = self.proof(operation.user.as_str()).await;
        self.run(Request::proved(proof, operation)).await
    }

    /// Adds copies, or takes some away.
    pub async fn add_stock(
        &self,
        who: &str,
        in_store: &str,
        name: &str,
        change: i64,
    ) -> Outcome<AddStock> {
        let operation = AddStock {
            user: user(who),
            key: listing(in_store, name),
            change,
        };
        self.run(Request::proved(self.proof(who).await, operation))
            .await
    }

    /// Changes a listing.
    pub async fn update_listing(&self, operation: UpdateListing) -> Outcome<UpdateListing> {
        let proof = self.proof(operation.user.as_str()).await;
        self.run(Request::proved(proof, operation)).await
    }

    /// Orders these books.
    pub async fn place(
        &self,
        id: OrderId,
        buyer: &str,
        in_store: &str,
        books: &Books<'_>,
    ) -> Outcome<PlaceOrder> {
        let operation = place(id, buyer, in_store, books);
        self.run(Request::proved(self.proof(buyer).await, operation))
            .await
    }

    /// Pays an order.
    pub async fn pay(&self, buyer: &str, order: OrderId) -> Outcome<PayOrder> {
        self.run(pay(self.proof(buyer).await, order)).await
    }

    /// Sends an order.
    pub async fn send(&self, seller: &str, order: OrderId) -> Outcome<SendOrder> {
        self.run(send(self.proof(seller).await, order, None)).await
    }

    /// Confirms that an order has arrived.
    pub async fn receive(&self, buyer: &str, order: OrderId) -> Outcome<ReceiveOrder> {
        self.run(receive(self.proof(buyer).await, order)).await
    }

    /// Cancels an order.
    pub async fn cancel(
        &self,
        buyer: &str,
        order: OrderId,
        until: CancelUntil,
    ) -> Outcome<CancelOrder> {
        self.run(cancel(self.proof(buyer).await, order, until))
            .await
    }

    /// Writes down that an order was not paid in time.
    pub async fn expire(&self, order: OrderId) -> Outcome<ExpireOrder> {
        self.run(Request::unproved(ExpireOrder { order })).await
    }

    /// Writes down that an order counted as received.
    pub async fn conclude(&self, order: OrderId) -> Outcome<ConcludeOrder> {
        self.run(Request::unproved(ConcludeOrder { order })).await
    }
}
