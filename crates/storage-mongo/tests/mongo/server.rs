//! A real mongod for these tests: loopback only, a data directory of its own, gone with them.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};

/// How long a server may take to start, and a replica set to find its primary.
const START_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Starts mongod and ends it, with all it stored, once its own input ends: when the handle to it
/// is dropped, and also when the process that holds the handle is killed.
const WATCH: &str = r#"
directory=$1; shift
"$@" >/dev/null 2>&1 &
server=$!
read -r _
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$directory"
"#;

/// A running mongod.
pub struct Server {
    watch: Child,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its input ends here, and it waits for the server to be gone.
        drop(self.watch.stdin.take());
        self.watch.wait().ok();
    }
}

/// How a server is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Without a replica set.
    Standalone,
    /// For a replica set that nobody initiates.
    Uninitiated,
    /// As the one member of the replica set `rs0`.
    Member,
    /// The same with users that have passwords, and with one of them: `root`, `secret`.
    Guarded,
}

impl Server {
    /// Starts a server and waits until it works.
    pub async fn start(mongod: &Path, kind: Kind) -> Self {
        let directory = tempfile::tempdir()
            .expect("a temporary directory can be made")
            .keep();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let mut arguments: Vec<String> = [
            "--bind_ip",
            "127.0.0.1",
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--oplogSize",
            "256",
            "--setParameter",
            "enableTestCommands=1",
            "--setParameter",
            "diagnosticDataCollectionEnabled=false",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(["--port".to_owned(), port.to_string()]);
        arguments.extend(["--dbpath".to_owned(), directory.display().to_string()]);
        if kind != Kind::Standalone {
            arguments.extend(["--replSet".to_owned(), "rs0".to_owned()]);
        }
        if kind == Kind::Guarded {
            let key = directory.join("key");
            write_key(&key);
            arguments.extend(["--keyFile".to_owned(), key.display().to_string()]);
        }
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&directory)
            .arg(mongod)
            .args(&arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let server = Self { watch, port };
        server.wait_for("it answers", |_| true).await;
        if matches!(kind, Kind::Member | Kind::Guarded) {
            server.initiate().await;
        }
        if kind == Kind::Guarded {
            let root = doc! { "createUser": "root", "pwd": "secret", "roles": ["root"] };
            let admin = server.direct().await.database("admin");
            admin
                .run_command(root)
                .await
                .expect("the first user can be made from this machine");
        }
        server
    }

    /// Its URL, with a database.
    pub fn url(&self, database: &str) -> String {
        format!(
            "mongodb://127.0.0.1:{}/{database}?replicaSet=rs0",
            self.port
        )
    }

    /// A client of this server alone.
    pub async fn direct(&self) -> Client {
        let url = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        let mut options = ClientOptions::parse(url)
            .await
            .expect("the URL is well-formed");
        options.server_selection_timeout = Some(Duration::from_millis(500));
        Client::with_options(options).expect("the options are sound")
    }

    async fn initiate(&self) {
        let host = format!("127.0.0.1:{}", self.port);
        let set = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": host }] };
        let admin = self.direct().await.database("admin");
        admin
            .run_command(doc! { "replSetInitiate": set })
            .await
            .expect("it can be initiated");
        let is_primary = |hello: &Document| hello.get_bool("isWritablePrimary").unwrap_or(false);
        self.wait_for("it is the primary", is_primary).await;
    }

    async fn wait_for(&self, what: &str, is_so: impl Fn(&Document) -> bool) {
        let admin = self.direct().await.database("admin");
        let start = Instant::now();
        loop {
            let hello = admin.run_command(doc! { "hello": 1 }).await;
            if hello.is_ok_and(|hello| is_so(&hello)) {
                return;
            }
            assert!(
                start.elapsed() < START_MAX,
                "mongod was started, but not so that {what}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A key that members of a set would share, for its owner alone as mongod wants it.
fn write_key(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).expect("a key can be written");
    file.write_all(b"bookstoretests")
        .expect("a key can be written");
}

#[expect(
    clippy::disallowed_methods,
    reason = "where mongod is comes from the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where mongod is. `None`, loudly: nowhere. In CI that is a failure.
pub fn find_mongod() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let named = variable("BOOKSTORE_TEST_MONGOD").map(PathBuf::from);
        let path = variable("PATH").unwrap_or_default();
        let mut on_path = std::env::split_paths(&path).map(|place| place.join("mongod"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/mongod");
        named
            .or_else(|| on_path.find(|place| place.is_file()))
            .or_else(|| search(&root))
    });
    if found.is_none() {
        assert!(
            variable("CI").as_deref() != Some("true"),
            "no mongod: run scripts/fetch-mongod"
        );
        eprintln!("SKIPPED: no mongod here, so nothing of MongoDB was tested");
        eprintln!("hint: run scripts/fetch-mongod, or set BOOKSTORE_TEST_MONGOD");
    }
    found.clone()
}

fn search(directory: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?;
    let mut places = entries.flatten().map(|entry| entry.path());
    places.find_map(|place| match place.file_name() {
        Some(name) if name == "mongod" && place.is_file() => Some(place),
        _ if place.is_dir() => search(&place),
        _ => None,
    })
}

/// The replica set of one that the cases of this binary share.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let mongod = find_mongod()?;
        // A thread of its own, since whoever asks is in a runtime already.
        let starting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
            runtime.block_on(Server::start(&mongod, Kind::Member))
        });
        Some(starting.join().expect("the server starts"))
    };
    SHARED.get_or_init(start).as_ref()
}

/// A database name that no other case has.
pub fn fresh_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("case{}", MADE.fetch_add(1, Ordering::SeqCst))
}

/// A database of a server, to look at it from beside the engine.
pub async fn database(server: &Server, name: &str) -> Database {
    Client::with_uri_str(server.url(name))
        .await
        .expect("the server answers")
        .database(name)
}
