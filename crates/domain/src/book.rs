//! Books: their texts and pictures, each kept once and named by a hash of what it says.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The limit of all of a book's text together, in bytes of UTF-8.
pub const TEXT_MAX_BYTES: usize = 1 << 20;
/// The limit of a book's tags.
pub const TAGS_MAX: usize = 64;
/// The limit of one tag, in characters.
pub const TAG_MAX_CHARACTERS: usize = 255;
/// The limit of a listing's pictures.
pub const PICTURES_MAX: usize = 20;
/// The limit of one picture, in bytes.
pub const PICTURE_MAX_BYTES: usize = 4 << 20;
/// How much of a title an order's line remembers, in characters; the rest is cut off there.
pub const LINE_TITLE_MAX_CHARACTERS: usize = 200;

macro_rules! content_hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            fn of(hasher: Sha256) -> Self {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&hasher.finalize()[..16]);
                Self(bytes)
            }

            /// The first 16 bytes of the SHA-256.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }

            /// The hash with these bytes, as an engine kept them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

content_hash!(
    /// Names a book's text by what it says.
    TextHash
);
content_hash!(
    /// Names a picture by its bytes.
    PictureHash
);

/// What a book says of itself, without price and pictures. Absent fields were never told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    missing_docs,
    reason = "the contract names the fields, and its names say what they are"
)]
pub struct BookFields {
    pub title: String,
    pub author: Option<String>,
    pub publisher: Option<String>,
    pub original_title: Option<String>,
    pub translator: Option<String>,
    pub pub_year: Option<String>,
    pub pages: Option<i64>,
    pub currency_unit: Option<String>,
    pub binding: Option<String>,
    pub isbn: Option<String>,
    pub author_intro: Option<String>,
    pub book_intro: Option<String>,
    pub content: Option<String>,
    pub tags: Vec<String>,
}

/// Why fields are no book's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// More than [`TEXT_MAX_BYTES`] in all.
    #[error("the book's text must have at most {TEXT_MAX_BYTES} bytes in all")]
    TooLong,
    /// More than [`TAGS_MAX`] tags.
    #[error("`tags` must have at most {TAGS_MAX} tags")]
    TooManyTags,
    /// A tag of more than [`TAG_MAX_CHARACTERS`] characters.
    #[error("each of `tags` must have at most {TAG_MAX_CHARACTERS} characters")]
    TagTooLong,
}

impl BookFields {
    /// The optional texts, in the order of the contract.
    fn optional_texts(&self) -> [&Option<String>; 11] {
        [
            &self.author,
            &self.publisher,
            &self.original_title,
            &self.translator,
            &self.pub_year,
            &self.currency_unit,
            &self.binding,
            &self.isbn,
            &self.author_intro,
            &self.book_intro,
            &self.content,
        ]
    }

    /// How many bytes of UTF-8 all of it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = self
            .optional_texts()
            .into_iter()
            .flatten()
            .chain(&self.tags);
        self.title.len() + texts.map(String::len).sum::<usize>()
    }

    fn check(&self) -> Result<(), InvalidText> {
        if self.tags.len() > TAGS_MAX {
            return Err(InvalidText::TooManyTags);
        }
        if self
            .tags
            .iter()
            .any(|tag| tag.chars().count() > TAG_MAX_CHARACTERS)
        {
            return Err(InvalidText::TagTooLong);
        }
        if self.bytes() > TEXT_MAX_BYTES {
            return Err(InvalidText::TooLong);
        }
        Ok(())
    }

    /// Hashes every field with its length before it, so that no two texts run together alike.
    fn hash(&self) -> TextHash {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        add(&self.title);
        for field in self.optional_texts() {
            match field {
                Some(text) => {
                    add("some");
                    add(text);
                }
                None => add("none"),
            }
        }
        add(&self
            .pages
            .map_or_else(String::new, |pages| pages.to_string()));
        self.tags.iter().for_each(|tag| add(tag));
        TextHash::of(hasher)
    }
}

/// A book's text within its limits, with its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct BookText {
    fields: BookFields,
    hash: TextHash,
}

impl BookText {
    /// Takes fields within the limits.
    ///
    /// # Errors
    /// [`InvalidText`] names the limit that they pass.
    pub fn new(fields: BookFields) -> Result<Self, InvalidText> {
        fields.check()?;
        let hash = fields.hash();
        Ok(Self { fields, hash })
    }

    /// What the book says.
    #[must_use]
    pub fn fields(&self) -> &BookFields {
        &self.fields
    }

    /// What names this text.
    #[must_use]
    pub fn hash(&self) -> TextHash {
        self.hash
    }

    /// The title as an order's line remembers it: at most [`LINE_TITLE_MAX_CHARACTERS`].
    #[must_use]
    pub fn line_title(&self) -> Arc<str> {
        let title = &self.fields.title;
        let cut = title.char_indices().nth(LINE_TITLE_MAX_CHARACTERS);
        title[..cut.map_or(title.len(), |(index, _)| index)].into()
    }
}

impl fmt::Debug for BookText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BookText({}, {:?})", self.hash, self.line_title())
    }
}

/// The kinds of picture a listing may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// image/jpeg
    Jpeg,
    /// image/png
    Png,
    /// image/webp
    Webp,
    /// image/gif
    Gif,
}

impl PictureKind {
    /// Tells a picture's kind by its first bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::Webp),
            _ => None,
        }
    }
}

/// Why bytes are no picture of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPicture {
    /// Not known by its first bytes.
    #[error("must be a JPEG, PNG, WebP or GIF")]
    UnknownKind,
    /// More than [`PICTURE_MAX_BYTES`].
    #[error("must have at most {PICTURE_MAX_BYTES} bytes")]
    TooLarge,
}

/// A picture as it was sent; never decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    bytes: Box<[u8]>,
    kind: PictureKind,
    hash: PictureHash,
}

impl Picture {
    /// Takes a picture of a known kind within the limit.
    ///
    /// # Errors
    /// [`InvalidPicture`] says what is wrong with it.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, InvalidPicture> {
        let bytes = bytes.into();
        if bytes.len() > PICTURE_MAX_BYTES {
            return Err(InvalidPicture::TooLarge);
        }
        let kind = PictureKind::of(&bytes).ok_or(InvalidPicture::UnknownKind)?;
        let hash = PictureHash::of(Sha256::new_with_prefix(&bytes));
        Ok(Self { bytes, kind, hash })
    }

    /// The bytes as they were sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What kind of picture it is.
    #[must_use]
    pub fn kind(&self) -> PictureKind {
        self.kind
    }

    /// What names it.
    #[must_use]
    pub fn hash(&self) -> PictureHash {
        self.hash
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Picture({}, {:?}, {} bytes)",
            self.hash,
            self.kind,
            self.bytes.len()
        )
    }
}

#[cfg(test)]
mod tests;
