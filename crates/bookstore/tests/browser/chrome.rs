//! Chromium through chromedriver: as much of WebDriver as these tests need, and blocking.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Guarded;

/// How long the browser may take for anything: generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_EVERY: Duration = Duration::from_millis(50);
/// Keys that are no text, as WebDriver writes them.
pub const ARROW_UP: &str = "\u{E013}";
pub const ARROW_DOWN: &str = "\u{E015}";
pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub struct Chrome {
    driver: SocketAddr,
    session: String,
    base: String,
    _profile: TempDir,
    _process: Guarded,
}

/// How pages are looked at.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
}

/// A variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by variables what to do beside testing"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether the programs are there. Says so where not, and fails where they must be.
pub fn is_there() -> bool {
    let is_missing = |program: &str| Command::new(program).arg("--version").output().is_err();
    let missing: Vec<_> = ["chromium", "chromedriver"]
        .into_iter()
        .filter(|program| is_missing(program))
        .collect();
    if missing.is_empty() {
        return true;
    }
    let words = format!("no {}: the shop's pages were not tried", missing.join(", "));
    assert_ne!(variable("CI").as_deref(), Some("true"), "{words}");
    eprintln!("SKIPPED: {words}");
    false
}

impl Chrome {
    /// Starts a browser that reads this language and looks at the server at `address`.
    pub fn start(address: SocketAddr, language: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = Guarded(child.unwrap());
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut lines = stdout.lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| {
                Some(
                    line.split_once("successfully on port ")?
                        .1
                        .trim_end_matches('.')
                        .to_owned(),
                )
            })
            .expect("chromedriver says on which port it listens");
        // What it says later nobody reads, but it must not block on it.
        std::thread::spawn(move || lines.for_each(drop));
        let mut chrome = Self {
            driver: format!("127.0.0.1:{port}").parse().unwrap(),
            session: String::new(),
            base: format!("http://{address}"),
            _profile: profile,
            _process: process,
        };
        chrome.open_session(language);
        chrome
    }

    fn open_session(&mut self, language: &str) {
        let data = self._profile.path().join("data");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", data.display()),
        ];
        let options = json!({
            "args": arguments,
            "prefs": {"intl.accept_languages": language, "credentials_enable_service": false},
        });
        let capabilities = json!({"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        }});
        let body = json!({"capabilities": capabilities});
        let opened = self.ask("POST", "/session", &body);
        self.session = opened["sessionId"].as_str().unwrap().to_owned();
    }

    /// One command of WebDriver; panics where it is refused.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.try_ask(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let answer = self.exchange(method, path, body);
        let answer = answer.map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match value.get("error") {
            Some(_) => Err(value),
            None => Ok(value),
        }
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> io::Result<String> {
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let mut stream = TcpStream::connect_timeout(&self.driver, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.driver,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = String::new();
        reader.take(length).read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn path(&self, command: &str) -> String {
        format!("/session/{}/{command}", self.session)
    }

    /// A command of Chromium's own protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.ask("POST", &self.path("goog/cdp/execute"), &body)
    }

    /// Looks at pages that way from now on.
    pub fn look(&self, view: View) {
        let metrics = json!({
            "width": view.width, "height": view.height, "deviceScaleFactor": 1,
            "mobile": view.width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if view.is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Runs no scripts of pages from now on.
    pub fn without_scripts(&self) {
        let off = json!({"value": true});
        self.devtools("Emulation.setScriptExecutionDisabled", &off);
    }

    pub fn open(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.ask("POST", &self.path("url"), &json!({"url": url}));
    }

    /// The path that is shown, with its query.
    pub fn at(&self) -> String {
        let url = self.ask("GET", &self.path("url"), &Value::Null);
        url.as_str()
            .unwrap()
            .strip_prefix(&self.base)
            .unwrap()
            .to_owned()
    }

    fn try_find(&self, css: &str) -> Option<String> {
        let body = json!({"using": "css selector", "value": css});
        let found = self.try_ask("POST", &self.path("element"), &body).ok()?;
        Some(found[ELEMENT].as_str().unwrap().to_owned())
    }

    /// Whether there is such an element now.
    pub fn has(&self, css: &str) -> bool {
        self.try_find(css).is_some()
    }

    #[track_caller]
    fn find(&self, css: &str) -> String {
        self.wait_until(&format!("no `{css}`"), || self.try_find(css))
    }

    /// Asks again and again until there is an answer.
    #[track_caller]
    fn wait_until<T>(&self, complaint: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            if began.elapsed() > PATIENCE {
                panic!("{complaint} at {}:\n{}", self.at(), self.try_text());
            }
            std::thread::sleep(POLL_EVERY);
        }
    }

    /// One command to an element, which a page that is just being replaced may take away.
    #[track_caller]
    fn tell(&self, css: &str, method: &str, command: &str, body: &Value) -> Value {
        self.wait_until(&format!("`{css}` does not answer to `{command}`"), || {
            let element = self.try_find(css)?;
            let path = self.path(&format!("element/{element}/{command}"));
            match self.try_ask(method, &path, body) {
                Ok(answer) => Some(answer),
                Err(error) => {
                    let passing = ["stale element reference", "no such element"];
                    let is_passing = passing.iter().any(|known| error["error"] == *known);
                    assert!(is_passing, "{command} `{css}` at {}: {error}", self.at());
                    None
                }
            }
        })
    }

    #[track_caller]
    pub fn click(&self, css: &str) {
        self.tell(css, "POST", "click", &json!({}));
    }

    /// Clears a field and types into it.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) {
        self.tell(css, "POST", "clear", &json!({}));
        self.press(css, text);
    }

    /// Types more into a field, or chooses a file in one of files.
    #[track_caller]
    pub fn press(&self, css: &str, keys: &str) {
        self.tell(css, "POST", "value", &json!({"text": keys}));
    }

    #[track_caller]
    pub fn text_of(&self, css: &str) -> String {
        let text = self.tell(css, "GET", "text", &Value::Null);
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page has said this in passing. What it says stays there when it is hidden
    /// again; while it fades in, nothing is seen.
    #[track_caller]
    pub fn wait_for_toast(&self, words: &str) {
        self.wait_until(&format!("`{words}` is not said"), || {
            let said = self.try_find("[data-toast]:not(:empty)")?;
            let path = self.path(&format!("element/{said}/property/textContent"));
            let said = self.try_ask("GET", &path, &Value::Null).ok()?;
            said.as_str()?.contains(words).then_some(())
        });
    }

    /// Opens a page anew until there is such an element: what the index finds follows on what
    /// storage has.
    #[track_caller]
    pub fn open_until(&self, path: &str, css: &str) {
        self.wait_until(&format!("no `{css}`"), || {
            self.open(path);
            self.try_find(css)
        });
    }

    /// Waits until there is such an element.
    #[track_caller]
    pub fn wait_for_element(&self, css: &str) {
        self.find(css);
    }

    /// All that a reader sees.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// Waits until the page says this.
    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        let is_said = || self.try_text().contains(words).then_some(());
        self.wait_until(&format!("`{words}` is not"), is_said);
    }

    /// What is seen, unless the page is just being replaced.
    fn try_text(&self) -> String {
        let Some(element) = self.try_find("body") else {
            return String::new();
        };
        let path = self.path(&format!("element/{element}/text"));
        let text = self.try_ask("GET", &path, &Value::Null);
        text.ok()
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Runs a script that ends by calling its last argument.
    pub fn run(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.ask("POST", &self.path("execute/async"), &body)
    }

    /// What a script finds out, as a text.
    pub fn evaluate(&self, expression: &str) -> String {
        let found = self.run(&format!(
            "arguments[arguments.length - 1]('' + ({expression}));"
        ));
        found.as_str().unwrap().to_owned()
    }

    /// What axe-core finds wrong with the page.
    pub fn check(&self, axe: &str) -> Vec<String> {
        let script = format!(
            "{axe}; const done = arguments[arguments.length - 1];\n\
             const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];\n\
             axe.run(document, {{ runOnly: tags }}).then((found) => done(found.violations.map((it) =>\n\
             it.id + ': ' + it.nodes.map((node) => node.target + ' ' + node.failureSummary).join(' | '))),\n\
             (error) => done(['' + error]));"
        );
        let found = self.run(&script);
        let found = found.as_array().unwrap().iter();
        found
            .map(|found| found.as_str().unwrap().to_owned())
            .collect()
    }

    /// The whole page as a picture, in base64.
    pub fn shoot(&self) -> String {
        let whole = json!({"captureBeyondViewport": true, "format": "png"});
        let size = self.run(
            "arguments[arguments.length - 1]([document.documentElement.clientWidth, \
             document.documentElement.scrollHeight]);",
        );
        let mut parameters = whole;
        parameters["clip"] = json!({
            "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1,
        });
        let shot = self.devtools("Page.captureScreenshot", &parameters);
        shot["data"].as_str().unwrap().to_owned()
    }

    /// Whether something sticks out to the right.
    pub fn is_too_wide(&self) -> bool {
        let wide = self.run(
            "arguments[arguments.length - 1](document.documentElement.scrollWidth > \
             document.documentElement.clientWidth);",
        );
        wide.as_bool().unwrap()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // The browser is the driver's child: asked to, it ends in good order.
        drop(self.try_ask(
            "DELETE",
            &format!("/session/{}", self.session),
            &Value::Null,
        ));
    }
}

/// axe-core, where it was fetched.
pub fn axe() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.cache/axe/axe.min.js");
    if let Ok(axe) = std::fs::read_to_string(path) {
        return Some(axe);
    }
    let words = "no axe-core (scripts/fetch-axe): the pages' accessibility was not checked";
    assert_ne!(variable("CI").as_deref(), Some("true"), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}
