//! What the operator set about the web, beside what he set about the shop.

/// How the web is set up.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Whether all requests come through a proxy of the operator's, whose `X-Forwarded-For` and
    /// `X-Forwarded-Proto` are to be believed.
    pub is_behind_proxy: bool,
    /// Whom the sign-in page introduces, where the shop is a demonstration.
    pub demo: Option<Demo>,
}

/// The people of a demonstration.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Somebody who buys.
    pub buyer: String,
    /// Somebody who sells.
    pub seller: String,
    /// The password of both.
    pub password: String,
}
