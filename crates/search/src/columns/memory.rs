//! What the columns take.

use domain::{BookId, StoreId};

use super::{Columns, Document, Offer, Priced, StoreColumn};
use crate::memory::{heap, shared_text, table};

impl Columns {
    /// The parts and their bytes.
    pub fn memory(&self) -> Vec<(&'static str, usize)> {
        let numbers = |numbers: usize| heap(numbers * size_of::<u32>());
        let documents = || self.documents.iter().flatten();
        let own = documents().map(|document| {
            numbers(document.tags.len())
                + numbers(document.authors.len())
                + shared_text(document.book.as_str())
        });
        let offers =
            documents().map(|document| heap(document.offers.capacity() * size_of::<Offer>()));
        let slots = self.books.values().map(|slots| numbers(slots.capacity()));
        let stores = self.stores.iter().map(|store| {
            numbers(store.slots.capacity())
                + shared_text(store.id.as_str())
                + size_of::<StoreColumn>()
        });
        let tagged = self.tagged.iter();
        let tagged = tagged.map(|slots| numbers(slots.capacity()) + size_of::<Vec<u32>>());
        let a_slot = 2 * size_of::<u64>() + 2 * size_of::<Priced>() + 2 * size_of::<u32>();
        vec![
            (
                "documents, with their ids",
                own.sum::<usize>() + self.documents.capacity() * size_of::<Option<Document>>(),
            ),
            ("offers", offers.sum()),
            (
                "documents by their ids",
                slots.sum::<usize>() + table::<BookId, Vec<u32>>(self.books.capacity()),
            ),
            (
                "documents by store",
                stores.sum::<usize>() + table::<StoreId, u32>(self.store_numbers.capacity()),
            ),
            ("documents by tag", tagged.sum()),
            (
                "what is sorted and filtered by",
                self.there.memory() + self.ties.capacity() * a_slot,
            ),
            ("titles", self.titles.memory()),
            ("authors", self.authors.memory()),
            ("tags", self.tags.memory()),
            ("publishers", self.publishers.memory()),
        ]
    }
}
