//! The real binary: started with a clean environment, bounded, and killed when its guard drops.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Client;

/// How long a server may take to listen, or a command to end: generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL_EVERY: Duration = Duration::from_millis(10);

/// The binary with these arguments and no environment but these variables.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookstore"));
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command
}

/// A process that is killed, by its own id, when this is dropped.
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guarded {
    /// Waits for its end; kills it and panics where that takes too long.
    pub fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the process did not end within {PATIENCE:?}"
            );
            thread::sleep(POLL_EVERY);
        }
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.0.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }
}

/// What a command came to.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = command(arguments, variables);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut guarded = Guarded(child);
    let stdout = drain(guarded.0.stdout.take().unwrap());
    let stderr = drain(guarded.0.stderr.take().unwrap());
    let code = guarded.wait().code();
    Run {
        code,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

/// Starts a command and lets it run; what it says nobody reads.
pub fn start(arguments: &[&str]) -> Guarded {
    let mut command = command(arguments, &[]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Guarded(child.unwrap())
}

fn drain(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

/// A running server.
pub struct Server {
    process: Guarded,
    pub address: SocketAddr,
    /// When it said that it listens.
    pub since: Instant,
    log: PathBuf,
    screen: Option<thread::JoinHandle<String>>,
}

impl Server {
    /// Starts a server on a free port over the data in `folder`, and waits until it listens.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let data = folder.join("data");
        let common = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data.to_str().unwrap(),
        ];
        Self::start_as(folder, &[&common, arguments].concat(), &[])
    }

    /// Starts a server with exactly these arguments and variables; `folder` gets its log.
    pub fn start_as(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = folder.join("server.log");
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut command = command(arguments, variables);
        let child = command
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut process = Guarded(child);
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        let screen = thread::spawn(move || {
            let mut screen = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on http://") {
                    // Whoever gave up waiting has no use for it.
                    let _ = sender.send(url.to_owned());
                }
                screen.push_str(&line);
                screen.push('\n');
            }
            screen
        });
        let Ok(url) = lines.recv_timeout(PATIENCE) else {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            panic!("the server does not listen; its log:\n{log}");
        };
        let (address, since) = (url.parse().unwrap(), Instant::now());
        Self {
            process,
            address,
            since,
            log,
            screen: Some(screen),
        }
    }

    /// A new connection to it.
    pub fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Kills it at once, as a crash of the process does.
    pub fn crash(mut self) {
        self.process.0.kill().unwrap();
        self.process.wait();
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits for its end. Returns its exit code and all that it printed to stdout.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().code();
        (code, self.screen.take().unwrap().join().unwrap())
    }

    /// Stops it as an operator does, and checks that it went well.
    pub fn stop(self) -> String {
        self.signal("TERM");
        let (code, screen) = self.wait();
        assert_eq!(code, Some(0));
        screen
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the server's log:\n{log}");
        }
    }
}
