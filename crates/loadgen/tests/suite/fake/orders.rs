//! The fake shop's orders, with most of its flaws.

use serde_json::{Value, json};

use super::{Answer, Flaw, OK, SOMETIMES, Shop, text};

#[derive(Debug, Clone)]
pub struct Order {
    id: String,
    buyer: String,
    store: String,
    lines: Vec<(String, i64)>,
    total: i64,
    state: &'static str,
}

impl Shop {
    fn is_sometimes(&self, flaw: Flaw, counter: u64) -> bool {
        self.flaw == flaw && counter.is_multiple_of(SOMETIMES)
    }

    fn next_id(&self) -> String {
        format!("00000000-0000-7000-8000-{:012x}", self.orders.len())
    }

    pub(super) fn new_order(&mut self, body: &Value) -> Answer {
        self.placed += 1;
        if self.flaw == Flaw::Sheds && self.placed.is_multiple_of(2) {
            return (503, json!({}));
        }
        let store = text(body, "store_id").to_owned();
        let wanted = body["books"].as_array().unwrap().iter();
        let lines: Vec<_> = wanted
            .map(|book| (text(book, "id").to_owned(), book["count"].as_i64().unwrap()))
            .collect();
        let Some(total) = self.take(&store, &lines) else {
            return (517, json!({}));
        };
        let mut order = Order {
            id: self.next_id(),
            buyer: text(body, "user_id").to_owned(),
            store,
            lines,
            total,
            state: "placed",
        };
        if self.is_sometimes(Flaw::ChangesOrders, self.placed) {
            order.lines.pop();
        }
        let (id, buyer) = (order.id.clone(), order.buyer.clone());
        if self.is_sometimes(Flaw::LosesOrders, self.placed) {
            // Its id is of no other order.
            order.buyer = "nobody".into();
        }
        self.orders.push(order.clone());
        if self.is_sometimes(Flaw::DoublesOrders, self.placed) {
            order.id = self.next_id();
            self.orders.push(order);
        }
        // The auditor's own orders are spared: it could only ask again.
        if self.is_sometimes(Flaw::LosesAnswers, self.placed) && buyer.contains("-buyer-") {
            return (530, json!({}));
        }
        (OK, json!({"order_id": id}))
    }

    /// Takes the copies, and says what they cost; or takes none.
    fn take(&mut self, store: &str, lines: &[(String, i64)]) -> Option<i64> {
        let flaw = self.flaw;
        let books = &mut self.stores.get_mut(store).unwrap().books;
        let (mut total, mut taken) = (0, Vec::new());
        for (book, count) in lines {
            let (price, stock) = books.get_mut(book).unwrap();
            if *stock < *count && flaw != Flaw::Oversells {
                if flaw != Flaw::TakesParts {
                    for (book, count) in taken {
                        books.get_mut::<String>(book).unwrap().1 += count;
                    }
                }
                return None;
            }
            let is_twice = flaw == Flaw::TakesTwice && book.ends_with("-book-0");
            *stock -= if is_twice { 2 * count } else { *count };
            total += *price * count;
            taken.push((book, *count));
        }
        Some(total)
    }

    fn find(&self, body: &Value) -> Option<usize> {
        let id = text(body, "order_id");
        self.orders.iter().position(|order| order.id == id)
    }

    fn owner(&self, order: &Order) -> String {
        self.stores[&order.store].owner.clone()
    }

    pub(super) fn payment(&mut self, body: &Value) -> Answer {
        let Some(at) = self.find(body) else {
            return (518, json!({}));
        };
        let order = self.orders[at].clone();
        let is_payable = match order.state {
            "placed" => true,
            "paid" => self.flaw == Flaw::PaysTwice,
            "cancelled" => self.flaw == Flaw::PaysCancelled,
            _ => false,
        };
        if !is_payable {
            return (518, json!({}));
        }
        let buyer = self.user(&order.buyer);
        let is_poor = buyer.fen - buyer.held_fen < order.total;
        if is_poor && self.flaw != Flaw::Overspends {
            return (519, json!({}));
        }
        self.paid += 1;
        let times = match self.flaw {
            Flaw::LosesPayments if self.paid.is_multiple_of(SOMETIMES) => 0,
            Flaw::DoublesPayments if self.paid.is_multiple_of(SOMETIMES) => 2,
            _ => 1,
        };
        if times > 0 {
            self.orders[at].state = "paid";
        }
        self.user(&order.buyer).fen -= times * order.total;
        let owner = self.owner(&order);
        let seller = self.user(&owner);
        seller.fen += times * order.total;
        seller.held_fen += times * order.total;
        // At other moments than the orders' answers.
        if self.is_sometimes(Flaw::LosesAnswers, self.paid + SOMETIMES / 2) {
            return (530, json!({}));
        }
        (OK, json!({}))
    }

    pub(super) fn cancel_order(&mut self, body: &Value) -> Answer {
        let Some(at) = self.find(body) else {
            return (518, json!({}));
        };
        let order = self.orders[at].clone();
        let is_again = order.state == "cancelled" && self.flaw == Flaw::CancelsTwice;
        if order.state == "received" {
            return (525, json!({}));
        }
        if order.state == "cancelled" && !is_again {
            return (518, json!({}));
        }
        self.orders[at].state = "cancelled";
        if order.state != "placed" {
            self.user(&order.buyer).fen += order.total;
            let owner = self.owner(&order);
            let seller = self.user(&owner);
            seller.fen -= order.total;
            seller.held_fen -= order.total;
        }
        let books = &mut self.stores.get_mut(&order.store).unwrap().books;
        for (book, count) in &order.lines {
            books.get_mut(book).unwrap().1 += count;
        }
        (OK, json!({}))
    }

    pub(super) fn send_books(&mut self, body: &Value) -> Answer {
        let at = self.find(body).unwrap();
        match self.orders[at].state {
            "paid" => {
                self.orders[at].state = "sent";
                (OK, json!({}))
            }
            "sent" | "received" => (522, json!({})),
            _ => (518, json!({})),
        }
    }

    pub(super) fn receive_books(&mut self, body: &Value) -> Answer {
        let at = self.find(body).unwrap();
        let order = self.orders[at].clone();
        match order.state {
            "sent" => {
                self.orders[at].state = "received";
                let owner = self.owner(&order);
                self.user(&owner).held_fen -= order.total;
                (OK, json!({}))
            }
            "paid" => (520, json!({})),
            _ => (518, json!({})),
        }
    }

    pub(super) fn is_order_cancelled(&mut self, body: &Value) -> Answer {
        let at = self.find(body).unwrap();
        match self.orders[at].state {
            "cancelled" => (OK, json!({})),
            _ => (524, json!({})),
        }
    }

    pub(super) fn history(&mut self, body: &Value) -> Answer {
        let buyer = text(body, "user_id");
        let per_page = body["per_page"].as_u64().unwrap_or(100) as usize;
        let before = body["before"].as_str();
        let mine = self
            .orders
            .iter()
            .rev()
            .filter(|order| order.buyer == buyer);
        let older = mine.filter(|order| before.is_none_or(|before| *order.id < *before));
        let orders: Vec<_> = older.take(per_page).map(written).collect();
        (OK, json!({"orders": orders}))
    }

    /// The orders in a seller's stores that are in the state that is asked for.
    pub(super) fn queue(&mut self, body: &Value) -> Answer {
        let (seller, state) = (text(body, "user_id"), text(body, "state"));
        let per_page = body["per_page"].as_u64().unwrap() as usize;
        let wanted = self
            .orders
            .iter()
            .rev()
            .filter(|order| order.state == state && self.stores[&order.store].owner == seller);
        let orders: Vec<_> = wanted.take(per_page).map(written).collect();
        (OK, json!({"orders": orders}))
    }
}

fn written(order: &Order) -> Value {
    let details = order.lines.iter();
    let details: Vec<_> = details
        .map(|(book, count)| json!({"book_id": book, "count": count}))
        .collect();
    json!({
        "order_id": order.id,
        "state": order.state,
        "total_price": order.total,
        "details": details,
    })
}
