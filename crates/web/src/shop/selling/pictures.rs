//! The pictures of a listing: which of them stay, which come first, and which are added.

use std::sync::Arc;

use app::books::Card;
use axum::body::Bytes;
use domain::Picture;
use domain::book::{InvalidPicture, PICTURES_MAX};

use super::super::forms::{Field, Fields};
use super::super::trouble::Trouble;
use super::super::visitor::Visitor;
use super::super::words::Words;
use crate::pictures;

/// What the form says where the first of the pictures added is to be the cover.
const NEW_FIRST: &str = "new";

/// A picture that a listing shows, and what its seller chose for it.
pub struct Shown {
    pub hash: String,
    pub path: String,
    pub is_first: bool,
    pub is_dropped: bool,
}

/// What a seller wants of the pictures that are there; none are of a book that is not listed yet.
#[derive(Default)]
pub struct Choice {
    pub shown: Vec<Shown>,
    pub is_new_first: bool,
}

impl Choice {
    /// The pictures as they are.
    pub fn of_card(card: &Card) -> Self {
        Self::of(card, &Fields::default())
    }

    /// The pictures with what was chosen: `first` names the cover, `drop` what goes.
    pub fn of(card: &Card, fields: &Fields) -> Self {
        let first = fields.get("first");
        let hashes = card.listing.details.pictures.iter().enumerate();
        let shown = hashes.map(|(place, hash)| {
            let path = pictures::path(*hash);
            let hash = hash.to_string();
            let is_first = match first {
                "" => place == 0,
                first => first == hash,
            };
            Shown {
                is_first,
                is_dropped: fields.all("drop").any(|dropped| dropped == hash),
                hash,
                path,
            }
        });
        Self {
            shown: shown.collect(),
            is_new_first: first == NEW_FIRST,
        }
    }

    /// How many stay.
    fn kept(&self) -> usize {
        self.shown.iter().filter(|shown| !shown.is_dropped).count()
    }

    /// Reads the pictures to be added; `None` where an error stands beside the field now.
    pub fn read(&self, files: &[Bytes], field: &mut Field, w: &Words) -> Option<Vec<Arc<Picture>>> {
        if self.kept() + files.len() > PICTURES_MAX {
            field.error = Some(w.too_many_pictures);
            return None;
        }
        let read = files
            .iter()
            .map(|file| Picture::new(&file[..]).map(Arc::new));
        match read.collect() {
            Ok(pictures) => Some(pictures),
            Err(error) => {
                field.error = Some(match error {
                    InvalidPicture::UnknownKind => w.not_a_picture,
                    InvalidPicture::TooLarge => w.picture_too_large,
                });
                None
            }
        }
    }

    /// All pictures in their order; `None` where they stay as they are.
    pub async fn arrange(
        &self,
        visitor: &Visitor,
        card: &Card,
        added: Vec<Arc<Picture>>,
    ) -> Result<Option<Vec<Arc<Picture>>>, Trouble> {
        let places = self.places();
        let is_same = places.iter().copied().eq(0..self.shown.len());
        if is_same && added.is_empty() {
            return Ok(None);
        }
        let mut kept = Vec::with_capacity(PICTURES_MAX);
        for place in places {
            let hash = card.listing.details.pictures[place];
            kept.extend(visitor.app.picture(hash).await?);
        }
        let (first, then) = if self.is_new_first {
            (added, kept)
        } else {
            (kept, added)
        };
        Ok(Some(first.into_iter().chain(then).collect()))
    }

    /// Which pictures stay, the cover first.
    fn places(&self) -> Vec<usize> {
        let kept = (0..self.shown.len()).filter(|place| !self.shown[*place].is_dropped);
        let mut places: Vec<usize> = kept.collect();
        places.sort_by_key(|place| !self.shown[*place].is_first);
        places
    }
}
