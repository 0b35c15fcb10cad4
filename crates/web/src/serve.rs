//! The server: takes connections, hands requests to the router, and ends in good order.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use axum::http::header::EXPECT;
use axum::routing::future::RouteFuture;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use crate::ClientAddress;
use crate::stall::Stalling;

/// How many connections are served at once. More wait to be taken up.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a client may take to send a request's headers, from the end of the one before: so also
/// how long a connection may be idle.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(75);
/// What a connection may buffer, and so the limit of a request's headers.
pub const CONNECTION_BUFFER_MAX_BYTES: usize = 64 << 10;
/// How long requests may go on after the server was told to stop.
pub const FINISH_TIME_MAX: Duration = Duration::from_secs(10);
/// How long to wait where no connection can be taken up, because the machine has no more files.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How much of a body that nobody wants is read and dropped, so that a client which is still
/// sending it gets to the answer.
pub const DISCARD_BODY_MAX_BYTES: u64 = 64 << 20;
/// For how long.
pub const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// Serves `router` until `stop` is ready; then takes no more connections, and lets what is in
/// flight finish, for [`FINISH_TIME_MAX`] at most.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let builder = connection_builder();
    let mut stop = pin!(stop);
    loop {
        let (stream, address, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let service = service_fn(answer(router.clone(), address));
        let connection = builder.serve_connection(TokioIo::new(Stalling::new(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that broke off is no failure of ours, and is told nothing any more.
            drop(connection.await);
            drop(place);
        });
    }
    drop(listener);
    let finish = tokio::time::timeout(FINISH_TIME_MAX, graceful.shutdown());
    if finish.await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

fn connection_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(CONNECTION_BUFFER_MAX_BYTES);
    builder
}

/// The next connection, with its place among the [`CONNECTIONS_MAX`].
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, IpAddr, OwnedSemaphorePermit) {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .expect("places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "answers may be delayed");
                }
                return (stream, SocketAddr::ip(&peer), place);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken up");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Answers a connection's requests.
fn answer(
    router: Router,
    address: IpAddr,
) -> impl Fn(Request<Incoming>) -> RouteFuture<Infallible> {
    move |mut request| {
        request.extensions_mut().insert(ClientAddress(address));
        let is_awaited = request.headers().contains_key(EXPECT);
        let request = request.map(|body| RequestBody::new(body, is_awaited));
        router.clone().call(request)
    }
}

/// A request's body, which is read to its end even where nobody wants it: a connection that is
/// closed with bytes unread may lose the answer on its way.
struct RequestBody {
    /// `None` once there is nothing more to read.
    incoming: Option<Incoming>,
    /// Whether the client waits for our word before it sends the body. No word, no body.
    is_awaited: bool,
}

impl RequestBody {
    fn new(incoming: Incoming, is_awaited: bool) -> Self {
        let incoming = (!incoming.is_end_stream()).then_some(incoming);
        Self {
            incoming,
            is_awaited,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let poll = Pin::new(incoming).poll_frame(context);
        match &poll {
            Poll::Ready(Some(Ok(_))) => self.is_awaited = false,
            Poll::Ready(None | Some(Err(_))) => self.incoming = None,
            Poll::Pending => {}
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let ended = || SizeHint::with_exact(0);
        self.incoming
            .as_ref()
            .map_or_else(ended, HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else {
            return;
        };
        let is_short = incoming.size_hint().lower() <= DISCARD_BODY_MAX_BYTES;
        if is_short && !self.is_awaited && !incoming.is_end_stream() {
            tokio::spawn(tokio::time::timeout(DISCARD_TIME_MAX, discard(incoming)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut left = DISCARD_BODY_MAX_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
