//! A replica set of real mongods: on loopback, with data of its own, gone with its guard.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::process::Guarded;

/// How long members may take to start, and a set to be whole: generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL_EVERY: Duration = Duration::from_millis(50);
/// How long one member may take to answer; one that is stopped never does.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Far below the default of 10 s, so that the tests are short.
const ELECTION_TIMEOUT_MS: i32 = 2_000;
const HEARTBEAT_MS: i32 = 500;
const SET_NAME: &str = "rs0";

/// Ports are looked for here, below those that systems give to outgoing connections: the port of a
/// member that is down must still be free when it comes back.
const PORT_FIRST: u16 = 12_000;
const PORTS: u16 = 18_000;

struct Member {
    port: u16,
    folder: PathBuf,
    /// `None` while it is down.
    process: Option<Guarded>,
}

/// Members that were started together, by their numbers from 0.
pub struct ReplicaSet {
    // Dropped first, so that nobody writes to the folder any more.
    members: Vec<Member>,
    _folder: TempDir,
    mongod: PathBuf,
    runtime: Runtime,
}

impl ReplicaSet {
    /// Starts a set and waits until it works. `None`, loudly: there is no mongod.
    pub fn start(count: u16) -> Option<Self> {
        let mongod = find_mongod()?;
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let members = (0..count)
            .map(|number| Member {
                port: free_port(),
                folder: folder.path().join(number.to_string()),
                process: None,
            })
            .collect();
        let mut set = Self {
            members,
            _folder: folder,
            mongod,
            runtime,
        };
        for number in 0..set.members.len() {
            std::fs::create_dir(&set.members[number].folder).unwrap();
            set.start_member(number);
        }
        set.initiate();
        set.wait_until_whole();
        Some(set)
    }

    /// What a `bookstore` is told to find a database of this set.
    pub fn url(&self, database: &str) -> String {
        let hosts: Vec<String> = self.members.iter().map(Member::host).collect();
        let hosts = hosts.join(",");
        format!("mongodb://{hosts}/{database}?replicaSet={SET_NAME}")
    }

    /// Which member is the primary; waits for one.
    pub fn primary(&self) -> usize {
        let mut primary = None;
        wait_for("the set has a primary", || {
            primary = (0..self.members.len()).find(|&number| self.is(number, "isWritablePrimary"));
            primary.is_some()
        });
        primary.unwrap()
    }

    /// One of those that are not.
    pub fn secondary(&self) -> usize {
        let mut secondary = None;
        wait_for("the set has a secondary", || {
            secondary = (0..self.members.len()).find(|&number| self.is(number, "secondary"));
            secondary.is_some()
        });
        secondary.unwrap()
    }

    /// Waits until all members are up, one of them the primary and the others its secondaries.
    pub fn wait_until_whole(&self) {
        wait_for("the set is whole", || {
            let count = |role| {
                (0..self.members.len())
                    .filter(|&number| self.is(number, role))
                    .count()
            };
            count("isWritablePrimary") == 1 && count("secondary") == self.members.len() - 1
        });
    }

    /// Kills a member at once, as a crash of its machine does.
    pub fn kill(&mut self, number: usize) {
        // The guard kills, and waits for the end.
        self.members[number].process = None;
    }

    /// Stops a member as an operator does.
    pub fn stop(&mut self, number: usize) {
        let mut process = self.members[number].process.take().unwrap();
        process.signal("TERM");
        process.wait();
    }

    /// Starts a member that was killed or stopped, over the data it has.
    pub fn start_member(&mut self, number: usize) {
        let member = &mut self.members[number];
        let port = member.port.to_string();
        let child = Command::new(&self.mongod)
            .args(["--replSet", SET_NAME, "--bind_ip", "127.0.0.1", "--port"])
            .arg(port)
            .arg("--dbpath")
            .arg(&member.folder)
            .arg("--logpath")
            .arg(member.folder.join("mongod.log"))
            .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            // Told to end, a member waits for its clients for 15 s; nobody here needs that.
            .args([
                "--setParameter",
                "shutdownTimeoutMillisForSignaledShutdown=100",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        member.process = Some(Guarded(child));
        wait_for("a member answers", || {
            self.command(number, doc! { "hello": 1 }).is_some()
        });
    }

    /// Stops a member in its tracks, as a machine that hangs: its connections stay open.
    pub fn freeze(&self, number: usize) {
        self.signal(number, "STOP");
    }

    /// Lets a frozen member go on as if no time had passed.
    pub fn thaw(&self, number: usize) {
        self.signal(number, "CONT");
    }

    fn signal(&self, number: usize, name: &str) {
        self.members[number].process.as_ref().unwrap().signal(name);
    }

    fn initiate(&self) {
        let members: Vec<Document> = (0_i32..)
            .zip(&self.members)
            .map(|(id, member)| doc! { "_id": id, "host": member.host() })
            .collect();
        let settings = doc! {
            "electionTimeoutMillis": ELECTION_TIMEOUT_MS,
            "heartbeatIntervalMillis": HEARTBEAT_MS,
        };
        let set = doc! { "_id": SET_NAME, "members": members, "settings": settings };
        wait_for("the set can be initiated", || {
            self.command(0, doc! { "replSetInitiate": &set }).is_some()
        });
    }

    /// Raises a field of a document in a transaction that is neither committed nor aborted, as a
    /// `bookstore` leaves it that is killed right then.
    pub fn leave_open(&self, database: &str, [collection, id, field]: [&str; 3]) {
        self.runtime.block_on(async {
            let mut options = ClientOptions::parse(self.url(database)).await.unwrap();
            options.app_name = Some("bookstore".to_owned());
            let client = Client::with_options(options).unwrap();
            let mut session = client.start_session().await.unwrap();
            session.start_transaction().await.unwrap();
            let collection = client.database(database).collection::<Document>(collection);
            let written = collection
                .update_one(doc! { "_id": id }, doc! { "$inc": { field: 1_i64 } })
                .session(&mut session)
                .await
                .unwrap();
            assert_eq!(written.modified_count, 1, "it holds a document");
            // Dropped, it would be aborted.
            std::mem::forget(session);
        });
    }

    /// How many rows have moved to a database, as it notes; `None` where no migration is under way.
    pub fn rows_moved(&self, database: &str) -> Option<i64> {
        self.runtime.block_on(async {
            let client = Client::with_uri_str(self.url(database)).await.unwrap();
            let meta = client.database(database).collection::<Document>("meta");
            let found = meta.find_one(doc! { "_id": "migration" }).await.unwrap();
            client.shutdown().immediate(true).await;
            found.map(|note| note.get_i64("rows").unwrap())
        })
    }

    /// Whether a member says so of itself.
    fn is(&self, number: usize, role: &str) -> bool {
        let hello = self.command(number, doc! { "hello": 1 });
        hello.is_some_and(|hello| hello.get_bool(role).unwrap_or(false))
    }

    /// Has one member, and no other, run a command. `None`: it does not answer, or says no.
    fn command(&self, number: usize, command: Document) -> Option<Document> {
        let member = &self.members[number];
        member.process.as_ref()?;
        let url = format!("mongodb://{}/?directConnection=true", member.host());
        self.runtime.block_on(async {
            let mut options = ClientOptions::parse(url).await.unwrap();
            options.server_selection_timeout = Some(ANSWER_MAX);
            let client = Client::with_options(options).unwrap();
            let admin = client.database("admin");
            let answer = tokio::time::timeout(ANSWER_MAX, admin.run_command(command)).await;
            client.shutdown().immediate(true).await;
            answer.ok()?.ok()
        })
    }
}

impl Member {
    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Polls until something is so; panics where that takes too long.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        thread::sleep(POLL_EVERY);
    }
}

fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Several test programs at once begin at different places.
    let begin = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap();
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < PORTS, "no port is free");
        let place = (u32::from(begin) * 7 + u32::from(tried)) % u32::from(PORTS);
        let port = PORT_FIRST + u16::try_from(place).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether an environment variable has this value.
pub fn is_set(name: &str, value: &str) -> bool {
    std::env::var_os(name).is_some_and(|found| found == value)
}

fn find_mongod() -> Option<PathBuf> {
    let named = std::env::var_os("BOOKSTORE_TEST_MONGOD").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&path).map(|folder| folder.join("mongod"));
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/mongod");
    let found = named
        .or_else(|| on_path.find(|file| file.is_file()))
        .or_else(|| search(&fetched));
    if found.is_none() {
        assert!(
            !is_set("CI", "true"),
            "there is no mongod; hint: run scripts/fetch-mongod"
        );
        eprintln!(
            "\n*** SKIPPED: there is no mongod, so nothing was tested over MongoDB; \
             hint: run scripts/fetch-mongod, or set BOOKSTORE_TEST_MONGOD ***\n"
        );
    }
    found
}

fn search(folder: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            search(&path)
        } else {
            (entry.file_name() == "mongod").then_some(path)
        }
    })
}
