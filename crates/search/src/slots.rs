//! Sets of small numbers: slots of the columns, or documents of a segment.

/// Numbers, as bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slots(Vec<u64>);

impl Slots {
    /// None yet, with room for the numbers below `slots`.
    pub fn none(slots: usize) -> Self {
        Self(vec![0; slots.div_ceil(64)])
    }

    /// Makes room for the numbers below `slots`.
    pub fn grow(&mut self, slots: usize) {
        let words = slots.div_ceil(64).max(self.0.len());
        self.0.resize(words, 0);
    }

    /// Panics where there is no room for it.
    pub fn insert(&mut self, slot: u32) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub fn remove(&mut self, slot: u32) {
        if let Some(word) = self.0.get_mut(slot as usize / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    pub fn has(&self, slot: u32) -> bool {
        let word = self.0.get(slot as usize / 64);
        word.is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Its bytes.
    pub fn memory(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }

    /// Adds those of another set, for whose numbers there is room.
    pub fn add_all(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word |= other;
        }
    }

    /// Drops those that another set has not.
    pub fn keep_common(&mut self, others: &Self) {
        self.grow(others.0.len() * 64);
        let others = others.0.iter().chain(std::iter::repeat(&0));
        for (word, other) in self.0.iter_mut().zip(others) {
            *word &= other;
        }
    }

    /// Those that another set has not.
    pub fn without(&self, others: &Self) -> Self {
        let others = others.0.iter().chain(std::iter::repeat(&0));
        let words = self.0.iter().zip(others);
        Self(words.map(|(word, other)| word & !other).collect())
    }

    /// Drops those that are not to be kept.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        for (index, word) in (0_u32..).zip(&mut self.0) {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !keep(index * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.0).flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slots(numbers: &BTreeSet<u32>) -> Slots {
        let behind = numbers.last().map_or(0, |last| *last as usize + 1);
        let mut slots = Slots::none(behind);
        numbers.iter().for_each(|number| slots.insert(*number));
        slots
    }

    proptest! {
        #[test]
        fn they_are_sets(
            left in prop::collection::btree_set(0_u32..300, 0..40),
            right in prop::collection::btree_set(0_u32..300, 0..40),
        ) {
            let (one, other) = (slots(&left), slots(&right));
            let listed = |slots: &Slots| slots.iter().collect::<BTreeSet<u32>>();
            prop_assert_eq!(listed(&one), left.clone());
            prop_assert_eq!(one.count() as usize, left.len());
            prop_assert_eq!(one.is_empty(), left.is_empty());
            prop_assert!((0..400).all(|number| one.has(number) == left.contains(&number)));
            prop_assert_eq!(listed(&one.without(&other)), &left - &right);
            let mut both = one.clone();
            both.keep_common(&other);
            prop_assert_eq!(listed(&both), &left & &right);
            let mut any = one.clone();
            any.grow(300);
            any.add_all(&other);
            prop_assert_eq!(listed(&any), &left | &right);
            any.retain(|number| number % 2 == 0);
            prop_assert!(any.iter().all(|number| number % 2 == 0));
            right.iter().for_each(|number| both.remove(*number));
            prop_assert!(both.is_empty());
        }
    }
}
