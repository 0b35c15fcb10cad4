//! The machines of a shop: a replica set, and two `bookstore` processes over it.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::members::ReplicaSet;
use crate::support::process::Run;
use crate::support::{Client, Server, run};

/// How many `bookstore` processes there are.
pub const PROCESSES: usize = 2;
const DATABASE: &str = "bookstore";

/// Where each process can be reached now; `None` while it is down.
pub type Addresses = Mutex<[Option<SocketAddr>; PROCESSES]>;

/// A replica set and the processes over it.
pub struct Machines {
    // Dropped before the set, so that they end without complaints.
    processes: [Option<Server>; PROCESSES],
    pub set: ReplicaSet,
    folder: TempDir,
    arguments: Vec<&'static str>,
    _alone: MutexGuard<'static, ()>,
}

impl Machines {
    /// Starts a set of `members` and the processes, each with these arguments too. `None`: there
    /// is no mongod. Only one such set runs at a time, for each wants the machine for itself.
    pub fn start(members: u16, arguments: &[&'static str]) -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut machines = Self {
            processes: [None, None],
            set: ReplicaSet::start(members)?,
            folder: tempfile::tempdir().unwrap(),
            arguments: arguments.to_vec(),
            _alone: alone,
        };
        for process in 0..PROCESSES {
            machines.start_process(process);
        }
        Some(machines)
    }

    /// Starts a process that is down.
    pub fn start_process(&mut self, process: usize) {
        let folder = self.folder.path().join(process.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let (url, data) = (self.set.url(DATABASE), folder.join("data"));
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--storage", &url];
        arguments.extend(["--data", data.to_str().unwrap()]);
        arguments.extend(&self.arguments);
        self.processes[process] = Some(Server::start_as(&folder, &arguments, &[]));
    }

    /// Runs a command over the database and a process's folder.
    pub fn run_beside(&self, process: usize, command: &[&str]) -> Run {
        let data = self.folder.path().join(process.to_string()).join("data");
        let url = self.set.url(DATABASE);
        let place = ["--storage", &url, "--data", data.to_str().unwrap()];
        run(&[command, &place].concat(), &[])
    }

    /// Kills a process at once.
    pub fn kill_process(&mut self, process: usize) {
        self.processes[process].take().unwrap().crash();
    }

    /// See [`ReplicaSet::leave_open`].
    pub fn leave_open(&self, account: &str) {
        self.set
            .leave_open(DATABASE, ["accounts", account, "balance"]);
    }

    pub fn address(&self, process: usize) -> SocketAddr {
        self.processes[process].as_ref().unwrap().address
    }

    /// A new connection to a process.
    pub fn client(&self, process: usize) -> Client {
        self.processes[process].as_ref().unwrap().client()
    }

    /// Audits the shop beside the working processes.
    pub fn audit(&self) {
        let Run {
            code,
            stdout,
            stderr,
        } = run(&["audit", "--storage", &self.set.url(DATABASE)], &[]);
        assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    }
}
