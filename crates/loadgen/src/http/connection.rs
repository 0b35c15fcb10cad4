//! One connection and what is asked over it.

use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Target;
use super::alarm::Alarm;
use super::chunked::Chunked;
use super::head::{self, Framing, Head, Malformed};

/// The longest body that is read.
pub const BODY_MAX_BYTES: usize = 256 << 20;
/// How much is asked of the socket at once.
const READ_BYTES: usize = 16 << 10;
/// A buffer that grew beyond this is given back after the answer.
const BUFFER_KEPT_MAX_BYTES: usize = 256 << 10;
/// A connection whose last request is longer ago is looked at before it is used: the server may
/// have closed it, and a request sent into that would be of unknown fate.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing was sent, so certainly nothing happened.
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    /// It broke off. Whether the server did it is unknown.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    /// The same.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The same.
    #[error("what came is no HTTP answer")]
    Malformed,
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// An answer: its status and its body.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A connection to one server, opened when it is first needed.
pub struct Connection {
    target: Arc<Target>,
    timeout: Duration,
    stream: Option<TcpStream>,
    /// When the last request was sent.
    used: Instant,
    /// Not there while it is in use.
    alarm: Option<Alarm>,
    request: Vec<u8>,
    input: Vec<u8>,
    decoded: Vec<u8>,
}

impl Connection {
    /// A connection on which each answer may take `timeout`.
    pub fn new(target: Arc<Target>, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            stream: None,
            used: Instant::now(),
            alarm: None,
            request: Vec::with_capacity(1 << 10),
            input: Vec::with_capacity(READ_BYTES),
            decoded: Vec::new(),
        }
    }

    /// Posts `body`, which is JSON, and waits for the answer. `token` may be empty.
    ///
    /// # Errors
    /// Where no whole answer came; the connection is opened anew for the next one.
    pub async fn post(
        &mut self,
        path: &str,
        token: &str,
        body: &[u8],
    ) -> Result<Answer<'_>, Failure> {
        self.write_request(path, token, body);
        let head = match self.exchange_in_time().await {
            Ok(head) => head,
            Err(failure) => {
                self.stream = None;
                return Err(failure);
            }
        };
        if !head.keeps {
            self.stream = None;
        }
        let body = match head.framing {
            Framing::Length(length) => &self.input[head.length..head.length + length],
            Framing::UntilClose => &self.input[head.length..],
            Framing::Chunked => &self.decoded,
        };
        Ok(Answer {
            status: head.status,
            body,
        })
    }

    fn write_request(&mut self, path: &str, token: &str, body: &[u8]) {
        let Self {
            request, target, ..
        } = self;
        request.clear();
        for part in ["POST ", path, " HTTP/1.1\r\nHost: ", &target.host, "\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
        request.extend_from_slice(b"Content-Type: application/json\r\n");
        if !token.is_empty() {
            for part in ["token: ", token, "\r\n"] {
                request.extend_from_slice(part.as_bytes());
            }
        }
        write!(request, "Content-Length: {}\r\n\r\n", body.len()).expect("a Vec takes all");
        request.extend_from_slice(body);
    }

    /// Sends the request and reads the answer, or gives up.
    async fn exchange_in_time(&mut self) -> Result<Head, Failure> {
        let now = Instant::now();
        if now - self.used > TRUSTED_FOR && self.is_closed() {
            self.stream = None;
        }
        self.used = now;
        let timeout = self.timeout;
        let mut alarm = self.alarm.take().unwrap_or_else(Alarm::new);
        alarm.set(now + timeout);
        let answered = {
            let mut exchange = pin!(self.exchange());
            poll_fn(|context| match exchange.as_mut().poll(context) {
                Poll::Ready(answered) => Poll::Ready(answered),
                Poll::Pending => alarm
                    .poll_ring(context)
                    .map(|()| Err(Failure::TimedOut(timeout))),
            })
            .await
        };
        self.alarm = Some(alarm);
        answered
    }

    async fn exchange(&mut self) -> Result<Head, Failure> {
        self.forget_buffers();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await.map_err(Failure::Connect)?,
        };
        let written = stream.write_all(&self.request).await;
        written.map_err(Failure::Broken)?;
        let head = self.read_head(&mut stream).await?;
        self.read_body(&mut stream, head).await?;
        self.stream = Some(stream);
        Ok(head)
    }

    fn forget_buffers(&mut self) {
        for buffer in [&mut self.input, &mut self.decoded] {
            buffer.clear();
            if buffer.capacity() > BUFFER_KEPT_MAX_BYTES {
                buffer.shrink_to(READ_BYTES);
            }
        }
    }

    fn is_closed(&self) -> bool {
        let Some(stream) = &self.stream else {
            return true;
        };
        // Between two requests there is nothing to read but the end.
        let nothing_yet = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        !matches!(stream.try_read(&mut [0]), Err(error) if nothing_yet(&error))
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.target.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read_head(&mut self, stream: &mut TcpStream) -> Result<Head, Failure> {
        loop {
            self.read_more(stream).await?;
            if let Some(head) = head::parse(&self.input)? {
                return Ok(head);
            }
        }
    }

    async fn read_body(&mut self, stream: &mut TcpStream, head: Head) -> Result<(), Failure> {
        match head.framing {
            Framing::Length(length) if length > BODY_MAX_BYTES => Err(Failure::Malformed),
            Framing::Length(length) => {
                while self.input.len() < head.length + length {
                    self.read_more(stream).await?;
                }
                Ok(())
            }
            Framing::Chunked => {
                let mut chunked = Chunked::default();
                loop {
                    let input = &self.input[head.length..];
                    if chunked.decode(input, &mut self.decoded, BODY_MAX_BYTES)? {
                        return Ok(());
                    }
                    self.read_more(stream).await?;
                }
            }
            Framing::UntilClose => self.read_to_end(stream).await,
        }
    }

    async fn read_more(&mut self, stream: &mut TcpStream) -> Result<(), Failure> {
        self.input.reserve(READ_BYTES);
        match stream.read_buf(&mut self.input).await {
            Ok(0) => Err(Failure::Broken(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Broken(error)),
        }
    }

    async fn read_to_end(&mut self, stream: &mut TcpStream) -> Result<(), Failure> {
        while self.input.len() <= BODY_MAX_BYTES {
            self.input.reserve(READ_BYTES);
            let read = stream.read_buf(&mut self.input).await;
            if read.map_err(Failure::Broken)? == 0 {
                return Ok(());
            }
        }
        Err(Failure::Malformed)
    }
}
