//! Orders: placing, paying, sending, receiving, cancelling, and looking back.

use std::convert::Infallible;
use std::sync::Arc;

use domain::listing::StoreRefusal;
use domain::order::{
    CancelOrderRefusal, PartyRefusal, PayOrderRefusal, PlaceOrderRefusal, ReceiveOrderRefusal,
    SendOrderRefusal,
};
use domain::{
    Address, Answer, Basket, CancelOrder, Order, OrderId, OrderStatus, PayOrder, PlaceOrder,
    ReceiveOrder, SendOrder, StoreId, Tracking, UserId,
};
use storage::{OrderParty, OrderQuery};

use crate::App;
use crate::authority::{Bearer, Credentials, KeepRequest, widen};
use crate::problem::Problem;
use crate::random;

/// What somebody orders.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Under which id; see [`App::new_order_id`].
    pub id: OrderId,
    /// In which store.
    pub store: StoreId,
    /// What.
    pub basket: Basket,
    /// Where it goes, where the buyer said.
    pub address: Option<Address>,
}

/// Which part of a history is asked for.
#[derive(Debug, Clone)]
pub struct OrderPage {
    /// Only orders in this state.
    pub status: Option<OrderStatus>,
    /// Only orders older than this one.
    pub before: Option<OrderId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many to return at most.
    pub limit: u32,
}

impl App {
    /// The id of an order that is about to be placed. It is drawn before the operation, so that
    /// the answer is known when it has to be kept.
    #[must_use]
    pub fn new_order_id(&self) -> OrderId {
        OrderId::new(self.clock.now(), random::bytes())
    }

    /// Places an order.
    ///
    /// # Errors
    /// [`PlaceOrderRefusal`], or as [`App::authorize`].
    pub async fn place_order(
        &self,
        bearer: &Bearer,
        buyer: UserId,
        keep: Option<KeepRequest>,
        order: NewOrder,
    ) -> Result<Answer<()>, Problem<PlaceOrderRefusal>> {
        let operation = PlaceOrder {
            id: order.id,
            buyer: buyer.clone(),
            store: order.store,
            basket: order.basket,
            address: order.address.map(Arc::new),
            payment_timeout: self.settings.payment_timeout,
        };
        self.run_with_token(bearer, &buyer, keep, operation).await
    }

    /// Pays an order.
    ///
    /// # Errors
    /// [`PayOrderRefusal`], or as [`App::authenticate`].
    pub async fn pay_order(
        &self,
        credentials: &Credentials,
        keep: Option<KeepRequest>,
        order: OrderId,
    ) -> Result<Answer<()>, Problem<PayOrderRefusal>> {
        let operation = PayOrder {
            order,
            buyer: credentials.user.clone(),
        };
        self.run_with_password(credentials, keep, operation).await
    }

    /// Says that an order is on its way.
    ///
    /// # Errors
    /// [`SendOrderRefusal`], or as [`App::authorize`].
    pub async fn send_order(
        &self,
        bearer: &Bearer,
        seller: UserId,
        keep: Option<KeepRequest>,
        order: OrderId,
        tracking: Option<Tracking>,
    ) -> Result<Answer<()>, Problem<SendOrderRefusal>> {
        let receipt_timeout = self.settings.receipt_timeout;
        let operation = SendOrder {
            order,
            seller: seller.clone(),
            tracking,
            receipt_timeout,
        };
        self.run_with_token(bearer, &seller, keep, operation).await
    }

    /// Confirms that an order has arrived.
    ///
    /// # Errors
    /// [`ReceiveOrderRefusal`], or as [`App::authorize`].
    pub async fn receive_order(
        &self,
        bearer: &Bearer,
        buyer: UserId,
        keep: Option<KeepRequest>,
        order: OrderId,
    ) -> Result<Answer<()>, Problem<ReceiveOrderRefusal>> {
        let operation = ReceiveOrder {
            order,
            buyer: buyer.clone(),
        };
        self.run_with_token(bearer, &buyer, keep, operation).await
    }

    /// Cancels an order.
    ///
    /// # Errors
    /// [`CancelOrderRefusal`], or as [`App::authorize`].
    pub async fn cancel_order(
        &self,
        bearer: &Bearer,
        buyer: UserId,
        keep: Option<KeepRequest>,
        order: OrderId,
    ) -> Result<Answer<()>, Problem<CancelOrderRefusal>> {
        let until = self.settings.cancel_until;
        let operation = CancelOrder {
            order,
            buyer: buyer.clone(),
            until,
        };
        self.run_with_token(bearer, &buyer, keep, operation).await
    }

    /// An order as it stands now, for its buyer or its seller.
    ///
    /// # Errors
    /// [`PartyRefusal`] where there is none or it is others'; [`Problem::Unauthorized`] for a
    /// token that is not live.
    pub async fn order(
        &self,
        bearer: &Bearer,
        id: OrderId,
    ) -> Result<Order, Problem<PartyRefusal>> {
        let user = self.check_live(bearer).await.map_err(widen)?.id;
        let order = self.storage.find_order(id).await?;
        let order = order.ok_or(Problem::Refused(PartyRefusal::NoOrder(id)))?;
        if order.buyer != user && order.seller != user {
            return Err(Problem::Refused(PartyRefusal::NotParty));
        }
        Ok(order.as_of(self.clock.now()))
    }

    /// What a buyer ordered, newest first.
    ///
    /// # Errors
    /// As [`App::authorize`].
    pub async fn buyer_orders(
        &self,
        bearer: &Bearer,
        buyer: &UserId,
        page: OrderPage,
    ) -> Result<Vec<Order>, Problem<Infallible>> {
        self.authorize_question(bearer, buyer).await?;
        self.list_orders(OrderParty::Buyer(buyer.clone()), page)
            .await
    }

    /// What a seller sells, newest first, in one of his stores or in all.
    ///
    /// # Errors
    /// [`StoreRefusal`] for a store that is not his, or as [`App::authorize`].
    pub async fn seller_orders(
        &self,
        bearer: &Bearer,
        seller: &UserId,
        store: Option<StoreId>,
        page: OrderPage,
    ) -> Result<Vec<Order>, Problem<StoreRefusal>> {
        self.authorize_question(bearer, seller)
            .await
            .map_err(widen)?;
        if let Some(id) = &store {
            let found = self
                .storage
                .find_store(id)
                .await?
                .filter(|store| store.is_open);
            let found = found.ok_or_else(|| Problem::Refused(StoreRefusal::NoStore(id.clone())))?;
            if found.owner != *seller {
                return Err(Problem::Refused(StoreRefusal::NotOwner(id.clone())));
            }
        }
        self.list_orders(OrderParty::Seller(seller.clone(), store), page)
            .await
            .map_err(widen)
    }

    async fn list_orders(
        &self,
        party: OrderParty,
        page: OrderPage,
    ) -> Result<Vec<Order>, Problem<Infallible>> {
        let OrderPage {
            status,
            before,
            offset,
            limit,
        } = page;
        let now = self.clock.now();
        let query = OrderQuery {
            party,
            status,
            before,
            offset,
            limit,
            now,
        };
        Ok(self.storage.list_orders(query).await?)
    }
}
