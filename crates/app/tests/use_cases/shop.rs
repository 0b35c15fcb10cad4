//! A marketplace over the reference engine and a clock that stands, for the tests beside it.

use std::net::IpAddr;
use std::sync::Arc;

use app::orders::NewOrder;
use app::{App, Bearer, Credentials, Password, Settings};
use domain::book::BookFields;
use domain::{
    AddListing, Basket, BookId, BookText, Count, Fen, ListingKey, Order, OrderId, Price, Stock,
    StoreId, TerminalName, UserId,
};
use storage::Storage;
use storage::model::{ManualClock, ModelStorage};

pub const HOME: &str = "192.168.1.10";

pub struct Shop {
    pub app: Arc<App>,
    pub clock: Arc<ManualClock>,
}

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

pub fn credentials_from(name: &str, secret: &str, address: &str) -> Credentials {
    let address: IpAddr = address.parse().unwrap();
    Credentials {
        user: user(name),
        password: password(secret),
        address,
    }
}

pub fn credentials(name: &str, secret: &str) -> Credentials {
    credentials_from(name, secret, HOME)
}

fn listing_key() -> ListingKey {
    ListingKey {
        store: StoreId::new("store").unwrap(),
        book: BookId::new("book").unwrap(),
    }
}

impl Shop {
    pub async fn open(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let storage: Arc<dyn Storage> = Arc::new(ModelStorage::new(clock.clone()));
        let app = Arc::new(App::new(storage, clock.clone(), settings).await.unwrap());
        Self { app, clock }
    }

    /// With users `buyer` and `seller`, whose passwords are their names.
    pub async fn with_users(settings: Settings) -> Self {
        let shop = Self::open(settings).await;
        for name in ["buyer", "seller"] {
            shop.app.register(user(name), password(name)).await.unwrap();
        }
        shop
    }

    /// Also with ten copies of one book at 100 fen, and 1,000 fen of the buyer's.
    pub async fn with_book(settings: Settings) -> Self {
        let shop = Self::with_users(settings).await;
        let seller = shop.login("seller", "phone").await;
        let store = listing_key().store;
        shop.app
            .create_store(&seller, user("seller"), None, store)
            .await
            .unwrap();
        let fields = BookFields {
            title: "红楼梦".to_owned(),
            ..BookFields::default()
        };
        let listing = AddListing {
            user: user("seller"),
            key: listing_key(),
            text: Arc::new(BookText::new(fields).unwrap()),
            pictures: Vec::new(),
            price: Price::new(100).unwrap(),
            stock: Stock::new(10).unwrap(),
        };
        shop.app.add_listing(&seller, None, listing).await.unwrap();
        shop.app
            .add_funds(&credentials("buyer", "buyer"), None, Fen::new(1_000))
            .await
            .unwrap();
        shop
    }

    pub async fn login(&self, name: &str, terminal: &str) -> Bearer {
        let terminal = TerminalName::new(terminal).unwrap();
        let token = self
            .app
            .login(&credentials(name, name), terminal)
            .await
            .unwrap();
        self.app.read_token(&token).unwrap()
    }

    /// Orders `count` copies.
    pub async fn place(&self, buyer: &Bearer, count: i64) -> OrderId {
        let id = self.app.new_order_id();
        let wanted = vec![(listing_key().book, Count::new(count).unwrap())];
        let basket = Basket::new(wanted).unwrap();
        let order = NewOrder {
            id,
            store: listing_key().store,
            basket,
            address: None,
        };
        self.app
            .place_order(buyer, user("buyer"), None, order)
            .await
            .unwrap();
        id
    }

    pub async fn pay(&self, order: OrderId) {
        self.app
            .pay_order(&credentials("buyer", "buyer"), None, order)
            .await
            .unwrap();
    }

    /// The order as it is stored, whatever the clock says.
    pub async fn stored(&self, order: OrderId) -> Order {
        self.app.storage().find_order(order).await.unwrap().unwrap()
    }

    pub async fn stock(&self) -> i64 {
        let listing = self
            .app
            .storage()
            .find_listing(&listing_key())
            .await
            .unwrap();
        listing.unwrap().stock.get()
    }

    pub async fn held(&self, name: &str) -> i64 {
        let account = self.app.storage().find_account(&user(name)).await.unwrap();
        account.unwrap().held.get()
    }
}
