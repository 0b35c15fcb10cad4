//! What every page has around it.

use super::assets::{ASSETS, Assets};
use super::language::Language;
use super::visitor::Visitor;
use super::words::Words;

/// The frame of a page.
pub struct Frame {
    pub w: &'static Words,
    pub assets: &'static Assets,
    pub language: Language,
    pub title: String,
    /// The own name of whoever is signed in.
    pub reader: Option<String>,
    pub cart_count: i64,
    pub form_token: String,
    /// The page's path and query, for the way back.
    pub here: String,
    /// What stands in the search box.
    pub query: String,
    pub can_search: bool,
    pub is_demo: bool,
    /// What was just done.
    pub notice: Option<&'static str>,
}

impl Frame {
    pub fn of(visitor: &Visitor, title: String) -> Self {
        let reader = visitor.reader.as_ref();
        Self {
            w: visitor.language.words(),
            assets: &ASSETS,
            language: visitor.language,
            title,
            reader: reader.map(|reader| reader.account.id.to_string()),
            cart_count: visitor.cart.count(),
            form_token: visitor.form_token(),
            here: visitor.here.clone(),
            query: String::new(),
            can_search: visitor.app.can_search(),
            is_demo: visitor.setup.demo.is_some(),
            notice: None,
        }
    }

    /// The frame where nothing is known but the language.
    pub fn bare(language: Language, title: String) -> Self {
        Self {
            w: language.words(),
            assets: &ASSETS,
            language,
            title,
            reader: None,
            cart_count: 0,
            form_token: String::new(),
            here: "/".to_owned(),
            query: String::new(),
            can_search: false,
            is_demo: false,
            notice: None,
        }
    }

    pub fn with_notice(self, notice: Option<&'static str>) -> Self {
        Self { notice, ..self }
    }

    /// The same path for the language switch, as part of a query.
    pub fn back(&self) -> String {
        form_urlencoded::byte_serialize(self.here.as_bytes()).collect()
    }
}
