//! Ids: text chosen by clients, and order ids chosen by us.

use std::fmt;
use std::sync::Arc;

use crate::time::Timestamp;

/// The longest id a client may choose, in characters (not bytes).
pub const ID_MAX_CHARACTERS: usize = 255;

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text has no characters.
    #[error("must not be empty")]
    Empty,
    /// The text is longer than [`ID_MAX_CHARACTERS`].
    #[error("must have at most {ID_MAX_CHARACTERS} characters")]
    TooLong,
    /// The text holds a control character.
    #[error("must not hold control characters")]
    ControlCharacter,
}

fn check(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    // A character has at least one byte, so short texts need no counting.
    if text.len() > ID_MAX_CHARACTERS && text.chars().count() > ID_MAX_CHARACTERS {
        return Err(InvalidId::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidId::ControlCharacter);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text of 1 to [`ID_MAX_CHARACTERS`] characters without control characters.
            ///
            /// # Errors
            /// [`InvalidId`] says which of these the text breaks.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The id as its owner wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_id!(
    /// Names an account.
    UserId
);
text_id!(
    /// Names a seller's store, across the whole marketplace.
    StoreId
);
text_id!(
    /// Names a book within one store.
    BookId
);
text_id!(
    /// Names the device or program from which somebody logs in.
    TerminalName
);

/// Names an order: a UUIDv7, so that later orders sort behind earlier ones and nobody can guess one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(uuid::Uuid);

impl OrderId {
    /// Makes the id of an order that is placed at `placed_at`. Of the random bits 74 are used.
    #[must_use]
    pub fn new(placed_at: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(placed_at.millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Reads an id as the wire writes it (hyphenated). `None`: no order has such an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = uuid::Uuid::try_parse(text).ok()?;
        (text.len() == 36 && uuid.get_version_num() == 7).then_some(Self(uuid))
    }

    /// When the order was placed: the time in the id itself, so the two can't disagree.
    #[must_use]
    pub fn placed_at(self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        Timestamp::from_millis(i64::try_from(millis).expect("48 bits fit"))
    }

    /// The 16 bytes of the id, in sorting order.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The id with these 16 bytes, as an engine kept them.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_1_to_255_characters_none_of_them_a_control_character() {
        for text in ["a", " ", "0", "书", "\u{1F600}", "' or 1=1 --", "a\u{308}"] {
            assert_eq!(UserId::new(text).unwrap().as_str(), text);
        }
        for character in ["x", "书", "\u{1F600}"] {
            assert!(StoreId::new(character.repeat(255)).is_ok());
            assert_eq!(StoreId::new(character.repeat(256)), Err(InvalidId::TooLong));
        }
        assert_eq!(BookId::new(""), Err(InvalidId::Empty));
        for character in [
            '\0', '\n', '\r', '\t', '\u{1B}', '\u{7F}', '\u{85}', '\u{9F}',
        ] {
            let text = format!("a{character}b");
            assert_eq!(TerminalName::new(text), Err(InvalidId::ControlCharacter));
        }
    }

    #[test]
    fn an_order_id_is_read_only_as_the_wire_writes_it() {
        let id = OrderId::new(Timestamp::from_millis(1_704_067_200_000), [0xAB; 10]);
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(OrderId::parse(&text), Some(id));
        let version_4 = format!("{}4{}", &text[..14], &text[15..]);
        let unhyphenated = text.replace('-', "");
        let braced = format!("{{{text}}}");
        let urn = format!("urn:uuid:{text}");
        let spaced = format!(" {text}");
        for wrong in [
            &version_4,
            &unhyphenated,
            &braced,
            &urn,
            &spaced,
            "",
            "1",
            &text[1..],
        ] {
            assert_eq!(OrderId::parse(wrong), None, "`{wrong}`");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_kept_or_refused_as_it_is(text: String) {
            let is_right = (1..=255).contains(&text.chars().count())
                && !text.chars().any(char::is_control);
            let id = UserId::new(text.as_str());
            prop_assert_eq!(id.is_ok(), is_right);
            if let Ok(id) = id {
                prop_assert_eq!(id.as_str(), text);
            }
        }

        #[test]
        fn an_order_id_keeps_its_time(millis in 0_i64..1 << 48, random: [u8; 10]) {
            let id = OrderId::new(Timestamp::from_millis(millis), random);
            prop_assert_eq!(id.placed_at().millis(), millis);
            prop_assert_eq!(OrderId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(OrderId::from_bytes(id.to_bytes()), id);
        }

        #[test]
        fn later_orders_sort_behind(
            first in 0_i64..1 << 47,
            later in 1_i64..1_000,
            low: [u8; 10],
            high: [u8; 10],
        ) {
            let id = |millis, random| OrderId::new(Timestamp::from_millis(millis), random);
            let (first, second) = (id(first, high), id(first + later, low));
            prop_assert!(first < second);
            prop_assert!(first.to_bytes() < second.to_bytes());
            prop_assert!(first.to_string() < second.to_string());
        }

        #[test]
        fn other_random_bits_make_another_order_id(left: [u8; 10], right: [u8; 10]) {
            // Six bits of these are the version and the variant.
            let used = |mut random: [u8; 10]| {
                random[0] &= 0x0F;
                random[2] &= 0x3F;
                random
            };
            let id = |random| OrderId::new(Timestamp::from_millis(1), random);
            prop_assert_eq!(id(left) == id(right), used(left) == used(right));
        }
    }
}
