//! Reading bodies: within their limit, in time, and within what all bodies together may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{self, ErrorAnswer};

/// The limit of a body, where no other is named.
pub const BODY_MAX_BYTES: usize = 64 << 10;
/// The limit of an order's body.
pub const ORDER_BODY_MAX_BYTES: usize = 1 << 20;
/// The limit of a book's body, with its pictures.
pub const BOOK_BODY_MAX_BYTES: usize = 16 << 20;
/// What all bodies in flight may take together: the two shares below.
pub const BODIES_IN_FLIGHT_MAX_BYTES: usize = 256 << 20;
/// The share of books' bodies. The rest is everybody else's, so that uploads, however many and
/// slow, never keep an order out.
pub const BOOK_BODIES_IN_FLIGHT_MAX_BYTES: usize = 192 << 20;
/// How long a body may take to arrive, once its headers have.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// The bytes that bodies in flight may still take.
pub struct BodyBudget {
    books: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        let others = BODIES_IN_FLIGHT_MAX_BYTES - BOOK_BODIES_IN_FLIGHT_MAX_BYTES;
        Self {
            books: Arc::new(Semaphore::new(BOOK_BODIES_IN_FLIGHT_MAX_BYTES)),
            others: Arc::new(Semaphore::new(others)),
        }
    }
}

impl BodyBudget {
    /// The share that a body with that limit takes from.
    fn share(&self, max_bytes: usize) -> &Arc<Semaphore> {
        if max_bytes >= BOOK_BODY_MAX_BYTES {
            &self.books
        } else {
            &self.others
        }
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug, Default)]
pub struct Reserved(Option<OwnedSemaphorePermit>);

impl Reserved {
    fn take(&mut self, budget: &Arc<Semaphore>, bytes: usize) -> Result<(), ErrorAnswer> {
        let bytes = u32::try_from(bytes).map_err(|_| error::overloaded())?;
        let permit = budget.clone().try_acquire_many_owned(bytes);
        let permit = permit.map_err(|_| error::overloaded())?;
        match &mut self.0 {
            Some(taken) => taken.merge(permit),
            None => self.0 = Some(permit),
        }
        Ok(())
    }
}

/// Reads a whole body. Its bytes count against the budget as they come, since a client may
/// announce many and send few; one whose announced length doesn't fit now is refused unread.
///
/// # Errors
/// 413, 503, 408, or 400 where it breaks off.
pub async fn read(
    body: Body,
    max_bytes: usize,
    budget: &BodyBudget,
) -> Result<(Bytes, Reserved), ErrorAnswer> {
    let budget = budget.share(max_bytes);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        return Err(error::body_too_large(max_bytes));
    }
    if announced > budget.available_permits() {
        return Err(error::overloaded());
    }
    let collected = tokio::time::timeout(BODY_TIME_MAX, collect(body, max_bytes, budget));
    collected
        .await
        .unwrap_or_else(|_| Err(error::body_too_slow()))
}

async fn collect(
    mut body: Body,
    max_bytes: usize,
    budget: &Arc<Semaphore>,
) -> Result<(Bytes, Reserved), ErrorAnswer> {
    let mut reserved = Reserved::default();
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| error::body_cut_short())?;
        // What is no data is trailers, which mean nothing here.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if first.len().max(whole.len()) + piece.len() > max_bytes {
            return Err(error::body_too_large(max_bytes));
        }
        reserved.take(budget, piece.len())?;
        if first.is_empty() && whole.is_empty() {
            first = piece;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&piece);
    }
    let whole = if whole.is_empty() {
        first
    } else {
        whole.into()
    };
    Ok((whole, reserved))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::*;

    fn budget(books: usize, others: usize) -> BodyBudget {
        BodyBudget {
            books: Arc::new(Semaphore::new(books)),
            others: Arc::new(Semaphore::new(others)),
        }
    }

    async fn status(bytes: usize, max_bytes: usize, budget: &BodyBudget) -> StatusCode {
        match read(Body::from(vec![0; bytes]), max_bytes, budget).await {
            Ok(_) => StatusCode::OK,
            Err(error) => error.into_response().status(),
        }
    }

    #[tokio::test]
    async fn bodies_in_flight_share_a_budget() {
        let budget = budget(10, 10);
        let (bytes, first) = read(Body::from("123456"), 100, &budget).await.unwrap();
        assert_eq!(bytes, "123456");
        assert_eq!(status(5, 100, &budget).await, 503);
        assert_eq!(status(4, 100, &budget).await, 200);
        assert_eq!(
            status(10, BOOK_BODY_MAX_BYTES, &budget).await,
            200,
            "a share of its own"
        );
        drop(first);
        assert_eq!(status(10, 100, &budget).await, 200);
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_takes_from_the_budget_as_it_comes() {
        let budget = budget(10, 10);
        let pieces = |number| Body::new(Pieces(number));
        let (bytes, first) = read(pieces(3), 100, &budget).await.unwrap();
        assert_eq!(bytes, "ababab");
        assert_eq!(budget.others.available_permits(), 4);
        assert!(read(pieces(3), 100, &budget).await.is_err());
        assert_eq!(
            budget.others.available_permits(),
            4,
            "what did not fit gives back its pieces"
        );
        drop(first);
        assert_eq!(budget.others.available_permits(), 10);
    }

    /// That many pieces of two bytes, without an announced length.
    struct Pieces(usize);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            let Some(left) = self.0.checked_sub(1) else {
                return std::task::Poll::Ready(None);
            };
            self.0 = left;
            let frame = hyper::body::Frame::data(Bytes::from_static(b"ab"));
            std::task::Poll::Ready(Some(Ok(frame)))
        }
    }
}
