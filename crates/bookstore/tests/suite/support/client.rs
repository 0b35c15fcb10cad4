//! HTTP/1.1 over one kept connection: as much of it as the contract needs, and blocking.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer: its status and its JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_for(address, TIMEOUT)
    }

    /// Connects, and waits no longer than `timeout` for anything.
    pub fn connect_for(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Asks, and panics where no answer comes.
    #[track_caller]
    pub fn post(&mut self, path: &str, token: &str, body: &Value) -> Answer {
        self.try_post(path, token, body)
            .expect("the server answers")
    }

    /// Asks; an error where no whole answer comes.
    pub fn try_post(&mut self, path: &str, token: &str, body: &Value) -> io::Result<Answer> {
        self.try_post_with(path, token, "", body)
    }

    /// The same with more lines in the head, each ending in `\r\n`.
    pub fn try_post_with(
        &mut self,
        path: &str,
        token: &str,
        more: &str,
        body: &Value,
    ) -> io::Result<Answer> {
        let body = body.to_string();
        let mut request = head(path, token, body.len(), more);
        request.push_str(&body);
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.read_answer()
    }

    /// Sends the head of a request and waits until the server asks for its body, so that it is
    /// certainly in flight. Returns the body, to be sent by [`Self::send`].
    pub fn begin_post(&mut self, path: &str, body: &Value) -> String {
        let body = body.to_string();
        let head = head(path, "", body.len(), "Expect: 100-continue\r\n");
        self.send(&head);
        let (status, _) = self.read_head().unwrap();
        assert_eq!(status, 100);
        body
    }

    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    pub fn read_answer(&mut self) -> io::Result<Answer> {
        let (status, length) = self.read_head()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let body = serde_json::from_slice(&body)?;
        Ok(Answer { status, body })
    }

    /// The status and the body's length.
    fn read_head(&mut self) -> io::Result<(u16, usize)> {
        let status = self.read_line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut length = 0;
        loop {
            let line = self.read_line()?.to_ascii_lowercase();
            if line.is_empty() {
                return Ok((status, length));
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value
                    .trim()
                    .parse()
                    .map_err(|_| io::ErrorKind::InvalidData)?;
            }
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Registers a user whose password is his name, and logs him in. Returns his token.
    pub fn join(&mut self, user: &str) -> String {
        let body = json!({"user_id": user, "password": user});
        self.post("/auth/register", "", &body).ok();
        self.login(user, user)
    }

    pub fn login(&mut self, user: &str, password: &str) -> String {
        let body = json!({"user_id": user, "password": password, "terminal": "test"});
        let answer = self.post("/auth/login", "", &body).ok();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Puts money into the account of a user whose password is his name.
    pub fn fund(&mut self, user: &str, fen: i64) -> Answer {
        let body = json!({"user_id": user, "password": user, "add_value": fen});
        self.post("/buyer/add_funds", "", &body)
    }

    /// Opens a store that lists these books at 100 fen, with that stock each.
    pub fn open_store(&mut self, user: &str, token: &str, store: &str, books: &[&str], stock: i64) {
        let body = json!({"user_id": user, "store_id": store});
        self.post("/seller/create_store", token, &body).ok();
        for book in books {
            let info = json!({"id": book, "title": format!("title of {book}"), "price": 100});
            let body = json!({
                "user_id": user, "store_id": store, "book_info": info, "stock_level": stock,
            });
            self.post("/seller/add_book", token, &body).ok();
        }
    }

    /// A page of a buyer's history, newest first, at most 1,000 orders.
    pub fn history(&mut self, user: &str, token: &str, before: Option<&str>) -> Vec<Value> {
        let mut body = json!({"user_id": user, "per_page": 1_000});
        if let Some(before) = before {
            body["before"] = before.into();
        }
        let answer = self.post("/buyer/check_hist_order", token, &body).ok();
        answer["orders"].as_array().unwrap().clone()
    }

    pub fn balance(&mut self, user: &str, token: &str) -> i64 {
        let answer = self
            .post("/buyer/account", token, &json!({"user_id": user}))
            .ok();
        answer["balance"].as_i64().unwrap()
    }
}

fn head(path: &str, token: &str, length: usize, more: &str) -> String {
    let token = if token.is_empty() {
        String::new()
    } else {
        format!("token: {token}\r\n")
    };
    format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{token}{more}\r\n"
    )
}
