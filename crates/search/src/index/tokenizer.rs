//! The way from a text to its terms, as tantivy wants it.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::analysis::{TermKind, TermRange, WORD_MARK, fold, terms};

/// Folds a text and finds its terms of some kinds.
#[derive(Clone)]
pub(super) struct ShopTokenizer {
    kinds: &'static [TermKind],
    folded: String,
    terms: Vec<TermRange>,
}

impl ShopTokenizer {
    pub fn new(kinds: &'static [TermKind]) -> Self {
        Self {
            kinds,
            folded: String::new(),
            terms: Vec::new(),
        }
    }
}

impl Tokenizer for ShopTokenizer {
    type TokenStream<'a> = ShopTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ShopTokens<'a> {
        self.folded = fold(text);
        terms(&self.folded, &mut self.terms);
        self.terms.retain(|term| self.kinds.contains(&term.kind));
        ShopTokens {
            folded: &self.folded,
            terms: self.terms.iter(),
            token: Token::default(),
        }
    }
}

/// The terms of a text, one by one.
pub(super) struct ShopTokens<'a> {
    folded: &'a str,
    terms: std::slice::Iter<'a, TermRange>,
    token: Token,
}

impl TokenStream for ShopTokens<'_> {
    fn advance(&mut self) -> bool {
        let Some(term) = self.terms.next() else {
            return false;
        };
        let token = &mut self.token;
        token.reset();
        token.position = term.position as usize;
        token.offset_from = term.start as usize;
        token.offset_to = term.end as usize;
        if term.kind == TermKind::Word {
            token.text.push(WORD_MARK);
        }
        token
            .text
            .push_str(&self.folded[token.offset_from..token.offset_to]);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
