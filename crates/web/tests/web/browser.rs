//! A browser without scripts: keeps cookies, follows redirects, and sends the forms it was shown.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;
use web::ClientAddress;

pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
    pub address: IpAddr,
    /// The form token of the last page.
    pub token: String,
}

/// What a browser was shown, after the redirects.
#[derive(Debug)]
pub struct Shown {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// Where the last redirect led.
    pub path: String,
}

impl Browser {
    pub fn new(router: &Router) -> Self {
        Self {
            router: router.clone(),
            cookies: BTreeMap::new(),
            language: "en",
            address: "192.0.2.1".parse().unwrap(),
            token: String::new(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Shown {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.follow(path.to_owned(), request).await
    }

    /// Sends a form with the token of the page that was shown last.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let token = self.token.clone();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.send_raw(path, &all, &[("sec-fetch-site", "same-origin")])
            .await
    }

    /// Sends just these fields, with just these headers.
    pub async fn send_raw(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&'static str, &str)],
    ) -> Shown {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "shop.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.finish())).unwrap();
        self.follow(path.to_owned(), request).await
    }

    /// Sends a form that may have a file, as [`Self::send`].
    pub async fn upload(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        file: Option<&[u8]>,
    ) -> Shown {
        let files: Vec<&[u8]> = file.into_iter().collect();
        self.upload_all(path, fields, &files).await
    }

    /// Sends a form with any number of files.
    pub async fn upload_all(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[&[u8]],
    ) -> Shown {
        let mut body = Vec::new();
        let token = self.token.clone();
        for (name, value) in [("form_token", token.as_str())].iter().chain(fields) {
            let head = format!("--x-y\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend(head.bytes().chain(value.bytes()).chain(*b"\r\n"));
        }
        // Where no file was chosen, browsers send an empty one without a name.
        let (name, files) = match files {
            [] => ("", &[&b""[..]][..]),
            files => ("picture.png", files),
        };
        for file in files {
            let head = format!(
                "--x-y\r\nContent-Disposition: form-data; name=\"pictures\"; \
                 filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend(head.bytes());
            body.extend(*file);
            body.extend(b"\r\n");
        }
        body.extend(b"--x-y--\r\n");
        self.upload_raw(path, &body, "x-y").await
    }

    /// Sends just this body.
    pub async fn upload_raw(&mut self, path: &str, body: &[u8], boundary: &str) -> Shown {
        let request = Request::post(path)
            .header(
                "content-type",
                format!("multipart/form-data; boundary={boundary}"),
            )
            .header("host", "shop.example")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.to_vec()))
            .unwrap();
        self.follow(path.to_owned(), request).await
    }

    async fn follow(&mut self, mut path: String, mut request: Request<Body>) -> Shown {
        for _ in 0..5 {
            let shown = self.ask(path, request).await;
            if shown.status != 303 {
                return shown;
            }
            path = shown.headers["location"].to_str().unwrap().to_owned();
            request = Request::get(&path).body(Body::empty()).unwrap();
        }
        panic!("redirected too often");
    }

    /// One request and its answer.
    pub async fn ask(&mut self, path: String, mut request: Request<Body>) -> Shown {
        let cookies = self
            .cookies
            .iter()
            .filter(|(name, _)| *name != "addresses" || path.starts_with("/checkout"));
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = request.headers_mut();
        headers
            .entry("accept")
            .or_insert("text/html".parse().unwrap());
        headers.insert("accept-language", self.language.parse().unwrap());
        if !cookies.is_empty() {
            headers.insert("cookie", cookies.join("; ").parse().unwrap());
        }
        request.extensions_mut().insert(ClientAddress(self.address));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            self.take(cookie.to_str().unwrap());
        }
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        if let Some(token) = value_of(&body, "form_token") {
            self.token = token;
        }
        Shown {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            path,
        }
    }

    fn take(&mut self, cookie: &str) {
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        let (name, rest) = cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        if cookie.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub async fn sign_in(&mut self, user: &str, password: &str) {
        self.get("/sign-in").await;
        let shown = self
            .send("/sign-in", &[("user", user), ("password", password)])
            .await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert!(self.cookies.contains_key("session"), "{}", shown.body);
    }
}

/// The value of the first input of that name.
pub fn value_of(body: &str, name: &str) -> Option<String> {
    values_of(body, name).into_iter().next()
}

/// The values of all inputs of that name.
pub fn values_of(body: &str, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let parts = body.split(&start).skip(1);
    parts
        .map(|part| part.split('"').next().unwrap().replace("&#37;", "%"))
        .collect()
}

impl Shown {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(
            self.body.contains(words),
            "`{words}` is not in {}",
            self.body
        );
    }

    #[track_caller]
    pub fn says_not(&self, words: &str) {
        assert!(!self.body.contains(words), "`{words}` is in {}", self.body);
    }
}
