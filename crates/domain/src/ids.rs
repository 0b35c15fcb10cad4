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
