//! What a filter comes to over these columns, and what documents are sorted by.

use crate::columns::{Columns, Document, Offer, Prices};
use crate::query::{Filter, Sort};
use crate::slots::Slots;

/// A filter, worked out.
pub(crate) struct Meant<'a> {
    columns: &'a Columns,
    /// The store's number.
    store: Option<u32>,
    in_stock: bool,
    prices: Option<Prices>,
    /// Those that pass; `None`: all do.
    slots: Option<Slots>,
}

impl<'a> Meant<'a> {
    pub fn of(filter: &Filter, columns: &'a Columns) -> Self {
        let store = filter
            .store
            .as_ref()
            .map(|store| columns.store_number(store));
        let tags: Option<Vec<u32>> = filter
            .tags
            .iter()
            .map(|tag| columns.tags.find(tag))
            .collect();
        let fen = |price: domain::Price| u32::try_from(price.get()).unwrap_or(u32::MAX);
        let prices = (filter.min_price.is_some() || filter.max_price.is_some()).then(|| {
            let (min, max) = (filter.min_price.map(fen), filter.max_price.map(fen));
            Prices::new(min.unwrap_or(0), max.unwrap_or(u32::MAX))
        });
        let mut meant = Self {
            columns,
            store: store.flatten(),
            in_stock: filter.in_stock,
            prices,
            slots: None,
        };
        let is_nothing = store == Some(None) || tags.is_none();
        if is_nothing {
            meant.slots = Some(Slots::none(columns.slots()));
        } else if *filter != Filter::default() {
            meant.slots = Some(meant.passing(&tags.unwrap_or_default()));
        }
        meant
    }

    /// The store alone whose offers are meant.
    pub fn store(&self) -> Option<u32> {
        self.store
    }

    /// The slots that pass; `None`: all that have a document do.
    pub fn slots(&self) -> Option<&Slots> {
        self.slots.as_ref()
    }

    fn passing(&self, tags: &[u32]) -> Slots {
        let columns = self.columns;
        let set = |slots: &[u32]| {
            let mut set = Slots::none(columns.slots());
            slots.iter().for_each(|slot| set.insert(*slot));
            set
        };
        let mut passing = match self.store {
            Some(store) => set(&columns.store(store).slots),
            None => columns.there().clone(),
        };
        for tag in tags {
            passing.keep_common(&set(columns.tagged(*tag)));
        }
        if !self.is_any_offer() {
            let has_offer = |slot| match self.told_by_prices(slot) {
                Some(told) => told,
                None => self.offers_at(slot).next().is_some(),
            };
            passing.retain(has_offer);
        }
        passing
    }

    fn is_any_offer(&self) -> bool {
        !self.in_stock && self.prices.is_none()
    }

    fn passes_offer(&self, offer: &Offer) -> bool {
        let is_priced_so = self.prices.is_none_or(|prices| prices.has(offer.price()));
        is_priced_so && (!self.in_stock || offer.is_in_stock())
    }

    /// A document's offers that are meant.
    fn offers<'d>(&self, document: &'d Document) -> impl Iterator<Item = &'d Offer> {
        let offers = match self.store {
            Some(store) => document
                .offer_of(store)
                .map_or(&[][..], std::slice::from_ref),
            None => &document.offers,
        };
        offers.iter().filter(|offer| self.passes_offer(offer))
    }

    fn offers_at(&self, slot: u32) -> impl Iterator<Item = &Offer> {
        let document = self.columns.document(slot);
        document
            .into_iter()
            .flat_map(|document| self.offers(document))
    }

    /// Whether a document has an offer that is meant; `None` where only a look at them tells.
    fn told_by_prices(&self, slot: u32) -> Option<bool> {
        if self.store.is_some() {
            return None;
        }
        let priced = self.columns.priced(slot, self.in_stock);
        match self.prices {
            None => Some(!priced.is_empty()),
            Some(prices) => priced.any_in(prices),
        }
    }

    /// The lowest price of a document's offers that are meant, where that is known without a look at
    /// them.
    fn lowest(&self, slot: u32) -> Option<u32> {
        if self.store.is_some() {
            return None;
        }
        let lowest = self.columns.priced(slot, self.in_stock).lowest();
        let is_meant = self.prices.is_none_or(|prices| prices.has(lowest));
        is_meant.then_some(lowest)
    }

    /// What a document is sorted by; the smaller comes first.
    pub fn key(&self, slot: u32, sort: Sort) -> u64 {
        let newest_first = |listed_at: i64| u64::MAX - (listed_at as u64 ^ (1 << 63));
        let lowest = || {
            let known = self.lowest(slot);
            known.or_else(|| self.offers_at(slot).map(Offer::price).min())
        };
        let key = match sort {
            Sort::Price => lowest().map(u64::from),
            Sort::PriceDown => lowest().map(|lowest| u64::from(u32::MAX - lowest)),
            Sort::Newest | Sort::Relevance if self.store.is_none() && self.is_any_offer() => {
                Some(newest_first(self.columns.newest(slot)))
            }
            Sort::Newest | Sort::Relevance => {
                let offers = self.offers_at(slot);
                offers.map(|offer| newest_first(offer.listed_at())).min()
            }
        };
        key.unwrap_or(u64::MAX)
    }
}
