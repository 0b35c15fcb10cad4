//! Fields of bodies: from JSON to values that can't be wrong.
//!
//! Every error here begins with *must*, so that the field's name can stand before it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use app::Password;
use app::passwords::PASSWORD_MAX_BYTES;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::book::{InvalidPicture, PICTURE_MAX_BYTES};
use domain::{
    BookId, Count, Fen, OrderId, OrderStatus, OutOfRange, Picture, Price, Stock, StoreId,
    TerminalName, Tracking, UserId,
};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What can be read from a JSON string.
pub trait FromText: Sized {
    /// Reads it, or says what it must be.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// What can be read from a JSON integer.
pub trait FromInteger: Sized {
    /// Reads it, or says what it must be.
    fn from_integer(number: i64) -> Result<Self, OutOfRange>;
}

/// A field that is a string on the wire.
pub struct Text<T>(pub T);

/// A field that is an integer on the wire.
pub struct Number<T>(pub T);

/// A field that is an object on the wire. A derived structure alone would take an array too.
pub struct Object<T>(pub T);

/// A field that is an array of at most `MAX` entries on the wire.
pub struct Limited<T, const MAX: usize>(pub Vec<T>);

/// A field that is an array on the wire, its length limited by the body's.
pub type Array<T> = Limited<T, { usize::MAX }>;

/// How many copies are wanted: an integer, or the same as a decimal string.
pub struct WantedCount(pub Count);

/// A field of a change: absent, or there. `null` is no absence here, but whatever `T` makes of it.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(PhantomData<T>);

        impl<T: FromText> Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                T::from_text(text).map(Text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// The number, where 64 bits hold it with their sign.
fn signed<E: Error>(number: u64) -> Result<i64, E> {
    i64::try_from(number).map_err(|_| E::custom(format_args!("must be at most {}", i64::MAX)))
}

impl<'de, T: FromInteger> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor<T>(PhantomData<T>);

        impl<T: FromInteger> Visitor<'_> for NumberVisitor<T> {
            type Value = Number<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                T::from_integer(number).map(Number).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_i64(signed(number)?)
            }
        }

        deserializer.deserialize_i64(NumberVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Limited<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitedVisitor<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for LimitedVisitor<T, MAX> {
            type Value = Limited<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut taken = Vec::new();
                while let Some(entry) = entries.next_element()? {
                    if taken.len() == MAX {
                        let words = format_args!("must have at most {MAX} entries");
                        return Err(A::Error::custom(words));
                    }
                    taken.push(entry);
                }
                Ok(Limited(taken))
            }
        }

        deserializer.deserialize_seq(LimitedVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for WantedCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl Visitor<'_> for CountVisitor {
            type Value = WantedCount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a decimal string")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Count::new(number).map(WantedCount).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_i64(signed(number)?)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| is_decimal);
                let words = "must be a decimal string of an integer within 64 bits";
                self.visit_i64(number.ok_or_else(|| E::custom(words))?)
            }
        }

        deserializer.deserialize_any(CountVisitor)
    }
}

macro_rules! from_text {
    ($($id:ident),*) => {
        $(impl FromText for $id {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::new(text).map_err(|why| why.to_string())
            }
        })*
    };
}

from_text!(UserId, StoreId, BookId, TerminalName, Tracking);

impl FromText for Password {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::new(text).ok_or_else(|| format!("must have 1 to {PASSWORD_MAX_BYTES} bytes"))
    }
}

impl FromText for OrderStatus {
    fn from_text(text: &str) -> Result<Self, String> {
        let words = "must be `placed`, `paid`, `sent`, `received` or `cancelled`";
        Self::parse(text).ok_or_else(|| words.to_owned())
    }
}

impl FromText for OrderId {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "must be the id of an order".to_owned())
    }
}

/// What a client says is an order's id.
pub enum OrderName {
    /// One that an order may have.
    Possible(OrderId),
    /// One that no order has: a text within the limits of ids.
    Impossible(Box<str>),
}

impl FromText for OrderName {
    fn from_text(text: &str) -> Result<Self, String> {
        match OrderId::parse(text) {
            Some(id) => Ok(Self::Possible(id)),
            None => BookId::from_text(text).map(|_| Self::Impossible(text.into())),
        }
    }
}

/// The alphabet with `+` and `/`, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl FromText for Arc<Picture> {
    fn from_text(text: &str) -> Result<Self, String> {
        // Four characters are three bytes.
        if text.len() > PICTURE_MAX_BYTES.div_ceil(3) * 4 {
            return Err(InvalidPicture::TooLarge.to_string());
        }
        let bytes = BASE64.decode(text).map_err(|_| "must be base64")?;
        let picture = Picture::new(bytes).map_err(|why| why.to_string())?;
        Ok(Self::new(picture))
    }
}

impl FromInteger for i64 {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        Ok(number)
    }
}

impl FromInteger for Price {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        Self::new(number)
    }
}

impl FromInteger for Stock {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        Self::new(number)
    }
}

/// The amount of a deposit or withdrawal.
pub struct AddValue(pub Fen);

impl FromInteger for AddValue {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        domain::money::add_value(number).map(Self)
    }
}

/// How many copies more, or fewer.
pub struct StockChange(pub i64);

impl FromInteger for StockChange {
    fn from_integer(number: i64) -> Result<Self, OutOfRange> {
        domain::money::stock_change(number).map(Self)
    }
}
