//! Makes the shop: sellers, stores, books, buyers, funds. What is there already stays, so it can
//! be run again after an interruption, or to make the shop larger.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::books::write_book;
use crate::calls::Caller;
use crate::error::Error;
use crate::people::{Crew, Reply};
use crate::shop::{Shop, password};

/// What the shop begins with.
#[derive(Debug, Clone, Copy)]
pub struct Endowment {
    /// Copies of each book.
    pub stock: u32,
    /// What each buyer has at least.
    pub funds_fen: i64,
}

/// How much of the shop there was to make.
#[derive(Debug, Default)]
pub struct Made {
    pub users: AtomicU32,
    pub stores: AtomicU32,
    pub books: AtomicU32,
    pub funded: AtomicU32,
}

fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Makes what is missing of the shop, and counts it in `made`.
///
/// # Errors
/// Where the server refuses what it should not, or does not answer.
pub async fn run(crew: &Crew, shop: &Shop, endowment: Endowment, made: &Made) -> Result<(), Error> {
    let setup = Setup {
        crew,
        shop,
        endowment,
        made,
    };
    crew.each(shop.sellers.len() as u32, async |caller, seller| {
        setup.seller(caller, seller).await
    })
    .await?;
    crew.each(shop.buyers.len() as u32, async |caller, buyer| {
        setup.buyer(caller, &shop.buyers[buyer as usize]).await
    })
    .await
}

struct Setup<'a> {
    crew: &'a Crew,
    shop: &'a Shop,
    endowment: Endowment,
    made: &'a Made,
}

impl Setup<'_> {
    /// A seller with all stores and books.
    async fn seller(&self, caller: &mut Caller, seller: u32) -> Result<(), Error> {
        let id = &self.shop.sellers[seller as usize];
        self.register(caller, id).await?;
        let token = self.crew.log_in(caller, id).await?;
        let stores =
            (0..self.shop.stores.len() as u32).filter(|store| self.shop.owner(*store) == seller);
        for store in stores {
            self.store(caller, id, &token, store).await?;
            // Several books at once: one after the other each would wait for its own commit.
            let books = self.shop.books.len() as u32;
            self.crew
                .each(books, async |caller, book| {
                    self.book(caller, (id, &token), store, book).await
                })
                .await?;
        }
        Ok(())
    }

    async fn register(&self, caller: &mut Caller, user: &str) -> Result<bool, Error> {
        const PATH: &str = "/auth/register";
        let password = password(user);
        let call = async || Ok(Reply::from(caller.register(user, &password).await?));
        let reply = self.crew.ask(PATH, call, |reply| reply.status).await?;
        let is_new = self.is_new(PATH, &reply, 512)?;
        if is_new {
            count(&self.made.users);
        }
        Ok(is_new)
    }

    async fn store(
        &self,
        caller: &mut Caller,
        seller: &str,
        token: &str,
        store: u32,
    ) -> Result<(), Error> {
        const PATH: &str = "/seller/create_store";
        let id = &self.shop.stores[store as usize];
        let call = async || {
            let answer = caller
                .post(PATH, token, |object| {
                    object.text("user_id", seller).text("store_id", id).end()
                })
                .await?;
            Ok(Reply::from(answer))
        };
        let reply = self.crew.ask(PATH, call, |reply| reply.status).await?;
        if self.is_new(PATH, &reply, 514)? {
            count(&self.made.stores);
        }
        Ok(())
    }

    async fn book(
        &self,
        caller: &mut Caller,
        (seller, token): (&str, &str),
        store: u32,
        book: u32,
    ) -> Result<(), Error> {
        const PATH: &str = "/seller/add_book";
        let call = async || {
            let answer = caller
                .post(PATH, token, |object| {
                    let object = object.text("user_id", seller);
                    let object = object.text("store_id", &self.shop.stores[store as usize]);
                    let object = object.value("book_info", |out| {
                        write_book(out, self.shop, store, book);
                    });
                    let stock = i64::from(self.endowment.stock);
                    object.number("stock_level", stock).end()
                })
                .await?;
            Ok(Reply::from(answer))
        };
        let reply = self.crew.ask(PATH, call, |reply| reply.status).await?;
        if self.is_new(PATH, &reply, 516)? {
            count(&self.made.books);
        }
        Ok(())
    }

    async fn buyer(&self, caller: &mut Caller, id: &str) -> Result<(), Error> {
        const PATH: &str = "/buyer/add_funds";
        let is_new = self.register(caller, id).await?;
        let there = if is_new {
            0
        } else {
            self.balance_fen(caller, id).await?
        };
        let missing = self.endowment.funds_fen - there;
        if missing <= 0 {
            return Ok(());
        }
        let password = password(id);
        let call = async || Ok(Reply::from(caller.add_funds(id, &password, missing).await?));
        let reply = self.crew.ask(PATH, call, |reply| reply.status).await?;
        if reply.status != 200 {
            return Err(self.crew.unexpected(PATH, &reply));
        }
        count(&self.made.funded);
        Ok(())
    }

    /// What a buyer has; 0 where the server doesn't tell, since more does no harm.
    async fn balance_fen(&self, caller: &mut Caller, id: &str) -> Result<i64, Error> {
        let token = self.crew.log_in(caller, id).await?;
        let call = async || Ok(Reply::from(caller.account(id, &token).await?));
        let path = crate::calls::Step::Account.path();
        let reply = self.crew.ask(path, call, |reply| reply.status).await?;
        let body = serde_json::from_slice::<serde_json::Value>(&reply.body);
        let balance = body.ok().and_then(|body| body["balance"].as_i64());
        Ok(balance.unwrap_or(0))
    }

    /// Whether the answer says that something was made; `taken` says that it was there.
    fn is_new(&self, path: &'static str, reply: &Reply, taken: u16) -> Result<bool, Error> {
        match reply.status {
            200 => Ok(true),
            status if status == taken => Ok(false),
            _ => Err(self.crew.unexpected(path, reply)),
        }
    }
}
