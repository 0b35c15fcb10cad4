//! How a run goes, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outcome::Class;

/// Counts since the start, warm-up included.
#[derive(Debug, Default)]
pub struct Live {
    accepted: AtomicU64,
    journeys: AtomicU64,
    shed: AtomicU64,
    other: AtomicU64,
}

/// The counts of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: u64,
    pub journeys: u64,
    pub shed: u64,
    pub other: u64,
}

impl Live {
    pub fn request(&self, class: Class) {
        let counter = match class {
            Class::Accepted => &self.accepted,
            Class::Shed => &self.shed,
            Class::Unsupported | Class::Refused | Class::Failed => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn journey(&self) {
        self.journeys.fetch_add(1, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.load(Ordering::Relaxed),
            journeys: self.journeys.load(Ordering::Relaxed),
            shed: self.shed.load(Ordering::Relaxed),
            other: self.other.load(Ordering::Relaxed),
        }
    }
}
