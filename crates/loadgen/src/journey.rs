//! What clients do: each mix is a journey that a connection makes again and again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::books::keyword;
use crate::calls::{Caller, Step};
use crate::journal::{Journal, LostOrder, OrderRecord, State};
use crate::json::find_text;
use crate::live::Live;
use crate::outcome::Outcome;
use crate::people::{People, TERMINAL};
use crate::random::Random;
use crate::record::{Record, Timing};
use crate::shop::{Preference, Shop};

/// How long a connection waits after a server could not be reached, or broke off.
const PAUSE: Duration = Duration::from_millis(100);
/// How many in a hundred orders of a whole life are cancelled before they are paid, and after.
const CANCELLED_PLACED_PERCENT: u32 = 5;
const CANCELLED_PAID_PERCENT: u32 = 5;
/// How many in a hundred journeys of the browsing mix only read.
const READS_PERCENT: u32 = 90;
/// How many orders a look into a history asks for, or into a seller's queue.
const ORDERS_PER_PAGE: i64 = 20;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Order several books, then pay
    OrderPay,
    /// The same, and half of all orders want one book
    HotBook,
    /// The same, and half of all payments go to one seller
    HotSeller,
    /// Order, pay, send, receive, look into the history; some cancel
    Life,
    /// 90 of 100 only look: search, histories, sellers' queues, accounts; the rest order and pay
    Browse,
    /// Log in, again and again
    Login,
}

impl Mix {
    pub fn preference(self) -> Preference {
        match self {
            Self::HotBook => Preference::HotBook,
            Self::HotSeller => Preference::HotSeller,
            _ => Preference::None,
        }
    }

    /// What a journey begins with, as far as that is always the same.
    pub fn first_step(self) -> Step {
        match self {
            Self::Login => Step::Login,
            Self::Browse => Step::Search,
            _ => Step::NewOrder,
        }
    }

    /// What a journey is called.
    pub fn journeys(self) -> &'static str {
        match self {
            Self::OrderPay | Self::HotBook | Self::HotSeller => "pairs",
            Self::Life => "lives",
            Self::Browse => "visits",
            Self::Login => "log-ins",
        }
    }
}

/// What the connections of one thread share. Only one of them runs at a time, so the locks are
/// never waited for.
pub struct Shared {
    pub shop: Arc<Shop>,
    pub people: Arc<People>,
    pub mix: Mix,
    pub record: Mutex<Record>,
    /// `None` where nobody will ask.
    pub journal: Option<Mutex<Journal>>,
    pub live: Arc<Live>,
}

/// One connection's client.
pub struct Client {
    shared: Arc<Shared>,
    caller: Caller,
    random: Random,
}

/// An order on its way.
struct Order {
    name: String,
    buyer: u32,
    basket_seed: u64,
    state: State,
    perhaps: Option<State>,
    placed: Instant,
}

/// A step was not accepted, so its journey is over.
#[derive(Debug)]
struct Over;

impl Client {
    pub fn new(shared: Arc<Shared>, caller: Caller, random: Random) -> Self {
        Self {
            shared,
            caller,
            random,
        }
    }

    /// Makes one journey that is due at this moment.
    pub async fn travel(&mut self, due: Instant) {
        let is_done = match self.shared.mix {
            Mix::OrderPay | Mix::HotBook | Mix::HotSeller => self.order_and_pay(due).await,
            Mix::Life => self.whole_life(due).await,
            Mix::Browse if self.random.happens(READS_PERCENT) => self.look(due).await,
            Mix::Browse => self.order_and_pay(due).await,
            Mix::Login => self.log_in(due).await,
        };
        if is_done.is_ok() {
            let ended = Instant::now();
            self.shared.live.journey();
            lock(&self.shared.record).journey(ended);
        }
    }

    async fn order_and_pay(&mut self, due: Instant) -> Result<(), Over> {
        let mut order = self.place(due).await?;
        let paid = self.advance(&mut order, Step::Payment).await;
        self.keep(order);
        paid
    }

    async fn whole_life(&mut self, due: Instant) -> Result<(), Over> {
        let mut order = self.place(due).await?;
        let lived = self.live_on(&mut order).await;
        let buyer = order.buyer;
        self.keep(order);
        lived?;
        self.look_back(buyer, None).await
    }

    async fn live_on(&mut self, order: &mut Order) -> Result<(), Over> {
        if self.random.happens(CANCELLED_PLACED_PERCENT) {
            self.advance(order, Step::CancelOrder).await?;
            return self.advance(order, Step::IsOrderCancelled).await;
        }
        self.advance(order, Step::Payment).await?;
        if self.random.happens(CANCELLED_PAID_PERCENT) {
            return self.advance(order, Step::CancelOrder).await;
        }
        self.advance(order, Step::SendBooks).await?;
        self.advance(order, Step::ReceiveBooks).await
    }

    async fn look(&mut self, due: Instant) -> Result<(), Over> {
        let buyer = self.any_buyer();
        match self.random.below(10) {
            0..5 => self.search(due).await,
            5..7 => self.look_back(buyer, Some(due)).await,
            7 => self.look_at_queue(due).await,
            _ => self.look_at_account(buyer, due).await,
        }
    }

    fn any_buyer(&mut self) -> u32 {
        self.random.below(self.shared.shop.buyers.len() as u32)
    }

    async fn place(&mut self, due: Instant) -> Result<Order, Over> {
        let shared = self.shared.clone();
        let (shop, people) = (&shared.shop, &shared.people);
        let (buyer, basket_seed) = (self.any_buyer(), self.random.number());
        let basket = shop.basket(basket_seed, shared.mix.preference());
        let (id, token) = (&shop.buyers[buyer as usize], &people.buyers[buyer as usize]);
        let begun = Instant::now();
        let answered = self.caller.new_order(shop, id, token, &basket).await;
        let placed = Instant::now();
        let (outcome, name) = match &answered {
            Ok(answer) if answer.status == 200 => match find_text(answer.body, "order_id") {
                Some(name) => (Outcome::Status(200), Some(name.into_owned())),
                None => (Outcome::Malformed, None),
            },
            _ => (Outcome::of(&answered), None),
        };
        let timing = Timing {
            due,
            begun,
            ended: placed,
        };
        let noted = self.note(Step::NewOrder, timing, outcome).await;
        if let (true, Some(journal)) = (outcome.is_uncertain(), &shared.journal) {
            lock(journal).lost.push(LostOrder { buyer, basket_seed });
        }
        noted?;
        Ok(Order {
            name: name.ok_or(Over)?,
            buyer,
            basket_seed,
            state: State::Placed,
            perhaps: None,
            placed,
        })
    }

    /// Takes an order one step on.
    async fn advance(&mut self, order: &mut Order, step: Step) -> Result<(), Over> {
        let shared = self.shared.clone();
        let (shop, people) = (&shared.shop, &shared.people);
        let buyer = order.buyer as usize;
        let name = &order.name;
        let begun = Instant::now();
        let answered = match step {
            Step::Payment => {
                let password = &shop.buyer_passwords[buyer];
                self.caller
                    .payment(&shop.buyers[buyer], password, name)
                    .await
            }
            Step::SendBooks => {
                let basket = shop.basket(order.basket_seed, shared.mix.preference());
                let seller = shop.owner(basket.store) as usize;
                let (id, token) = (&shop.sellers[seller], &people.sellers[seller]);
                self.caller.of_order(step, id, token, name).await
            }
            _ => {
                let (id, token) = (&shop.buyers[buyer], &people.buyers[buyer]);
                self.caller.of_order(step, id, token, name).await
            }
        };
        let outcome = Outcome::of(&answered);
        let next = match step {
            Step::Payment => Some(State::Paid),
            Step::CancelOrder => Some(State::Cancelled),
            Step::SendBooks => Some(State::Sent),
            Step::ReceiveBooks => Some(State::Received),
            _ => None,
        };
        if let Some(next) = next {
            if outcome.is_accepted() {
                order.state = next;
            } else if outcome.is_uncertain() {
                order.perhaps = Some(next);
            }
        }
        self.note_now(step, begun, begun, outcome).await
    }

    async fn look_back(&mut self, buyer: u32, due: Option<Instant>) -> Result<(), Over> {
        let shared = self.shared.clone();
        let buyer = buyer as usize;
        let (id, token) = (&shared.shop.buyers[buyer], &shared.people.buyers[buyer]);
        let begun = Instant::now();
        let answered = self.caller.history(id, token, ORDERS_PER_PAGE, None).await;
        let outcome = Outcome::of(&answered);
        self.note_now(Step::History, due.unwrap_or(begun), begun, outcome)
            .await
    }

    async fn look_at_queue(&mut self, due: Instant) -> Result<(), Over> {
        let shared = self.shared.clone();
        let seller = self.random.below(shared.shop.shape.sellers) as usize;
        let (id, token) = (&shared.shop.sellers[seller], &shared.people.sellers[seller]);
        let begun = Instant::now();
        let outcome = Outcome::of(&self.caller.queue(id, token, ORDERS_PER_PAGE).await);
        self.note_now(Step::Queue, due, begun, outcome).await
    }

    async fn look_at_account(&mut self, buyer: u32, due: Instant) -> Result<(), Over> {
        let shared = self.shared.clone();
        let buyer = buyer as usize;
        let (id, token) = (&shared.shop.buyers[buyer], &shared.people.buyers[buyer]);
        let begun = Instant::now();
        let outcome = Outcome::of(&self.caller.account(id, token).await);
        self.note_now(Step::Account, due, begun, outcome).await
    }

    async fn search(&mut self, due: Instant) -> Result<(), Over> {
        let word = keyword(&mut self.random);
        let begun = Instant::now();
        let outcome = Outcome::of(&self.caller.search(word).await);
        self.note_now(Step::Search, due, begun, outcome).await
    }

    async fn log_in(&mut self, due: Instant) -> Result<(), Over> {
        let shared = self.shared.clone();
        let buyer = self.any_buyer() as usize;
        let id = &shared.shop.buyers[buyer];
        let password = &shared.shop.buyer_passwords[buyer];
        let begun = Instant::now();
        let outcome = Outcome::of(&self.caller.login(id, password, TERMINAL).await);
        self.note_now(Step::Login, due, begun, outcome).await
    }

    async fn note_now(
        &mut self,
        step: Step,
        due: Instant,
        begun: Instant,
        outcome: Outcome,
    ) -> Result<(), Over> {
        let ended = Instant::now();
        let timing = Timing { due, begun, ended };
        self.note(step, timing, outcome).await
    }

    async fn note(&mut self, step: Step, timing: Timing, outcome: Outcome) -> Result<(), Over> {
        self.shared.live.request(outcome.class(step));
        lock(&self.shared.record).request(step, timing, outcome);
        match outcome {
            Outcome::Status(200) => Ok(()),
            Outcome::NoConnection | Outcome::BrokenOff => {
                // Who is away doesn't come back sooner for being asked without a pause.
                tokio::time::sleep(PAUSE).await;
                Err(Over)
            }
            _ => Err(Over),
        }
    }

    fn keep(&self, order: Order) {
        let Some(journal) = &self.shared.journal else {
            return;
        };
        lock(journal).orders.push(OrderRecord {
            name: order.name.as_str().into(),
            buyer: order.buyer,
            basket_seed: order.basket_seed,
            state: order.state,
            perhaps: order.perhaps,
            placed: order.placed,
        });
    }
}

/// Takes a lock that only panicking threads could have spoilt; theirs is reported elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
