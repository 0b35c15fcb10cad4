//! The server on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::test_app::TestApp;

struct Server {
    app: TestApp,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let app = TestApp::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = app.router.clone();
        let task = tokio::spawn(web::serve(listener, router, async {
            stopped.await.unwrap();
        }));
        Self {
            app,
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> Connection {
        Connection(TcpStream::connect(self.address).await.unwrap())
    }
}

struct Connection(TcpStream);

impl Connection {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads an answer to the end of its body, and returns its status.
    async fn status(&mut self) -> u16 {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let mut lines = head.lines();
                let status = lines
                    .next()
                    .unwrap()
                    .split(' ')
                    .nth(1)
                    .unwrap()
                    .parse()
                    .unwrap();
                let length = lines.find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return status;
                }
            }
            let read = self.0.read_buf(&mut bytes);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            assert_ne!(read.unwrap().unwrap(), 0, "closed after {bytes:?}");
        }
    }

    /// Waits for the other side to close.
    async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(10), self.0.read_to_end(&mut rest));
        end.await.unwrap().unwrap();
        assert_eq!(rest, b"");
    }
}

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\r\n")
}

fn register(user: &str) -> String {
    let body = format!(r#"{{"user_id":"{user}","password":"p"}}"#);
    let headers = format!("content-length: {}\r\n", body.len());
    format!("{}{body}", head("/auth/register", &headers))
}

#[tokio::test]
async fn requests_follow_each_other_on_a_connection() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection.send(register("u")).await;
    assert_eq!(connection.status().await, 200);
    connection.send(register("u")).await;
    assert_eq!(connection.status().await, 512);
}

#[tokio::test]
async fn a_client_still_sending_a_body_too_large_gets_the_answer() {
    let server = Server::start().await;
    let piece = " ".repeat(0x10000);
    let mut connection = server.connect().await;
    connection
        .send(head("/auth/register", "content-length: 8388608\r\n"))
        .await;
    for _ in 0..128 {
        connection.send(&piece).await;
    }
    assert_eq!(connection.status().await, 413);
    connection.send(register("u")).await;
    assert_eq!(connection.status().await, 200);

    let mut connection = server.connect().await;
    connection
        .send(head("/auth/register", "transfer-encoding: chunked\r\n"))
        .await;
    for _ in 0..128 {
        connection.send(format!("10000\r\n{piece}\r\n")).await;
    }
    assert_eq!(connection.status().await, 413);
}

#[tokio::test]
async fn a_body_of_any_size_is_refused_unread() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    connection
        .send(head("/auth/register", "content-length: 1000000000000\r\n"))
        .await;
    assert_eq!(connection.status().await, 413);
    connection.expect_end().await;
}

#[tokio::test]
async fn a_body_is_not_asked_for_where_it_is_refused() {
    let server = Server::start().await;
    let expect = "content-length: 1000\r\nexpect: 100-continue\r\n";
    let mut connection = server.connect().await;
    connection.send(head("/seller/add_book", expect)).await;
    assert_eq!(connection.status().await, 401);
    let mut connection = server.connect().await;
    connection.send(head("/auth/register", expect)).await;
    assert_eq!(connection.status().await, 100);
}

#[tokio::test]
async fn what_is_in_flight_finishes_and_nothing_new_begins() {
    let server = Server::start().await;
    let mut busy = server.connect().await;
    let request = register("u");
    let (first, second) = request.split_at(request.len() - 5);
    busy.send(first).await;
    let mut idle = server.connect().await;
    idle.send(register("v")).await;
    assert_eq!(idle.status().await, 200);
    // Both are with the server now: `busy` was taken up before `idle`, and sent its head.
    server.stop.send(()).unwrap();
    idle.expect_end().await;
    assert!(TcpStream::connect(server.address).await.is_err());
    busy.send(second).await;
    assert_eq!(busy.status().await, 200);
    busy.expect_end().await;
    server.task.await.unwrap();
    drop(server.app);
}
