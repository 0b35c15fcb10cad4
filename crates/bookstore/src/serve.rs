//! `bookstore serve`: puts everything together, runs until told to stop, takes it apart in order.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::search::Search;
use anyhow::{Context, anyhow, bail};
use app::{App, Settings};
use storage::Storage;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};
use web::Setup;

use crate::Verdict;
use crate::cli::ServeArguments;
use crate::clock::SystemClock;
use crate::data;
use crate::demo;
use crate::operator::Door;
use crate::output::say;
use crate::search::Folder;
use crate::settings::{self, Engine};
use crate::signals::StopSignals;

/// How long the jobs may take to end; a round of theirs is one transaction.
const JOBS_END_MAX: Duration = Duration::from_secs(5);

/// What the server opens besides connections: the data, its log, and the like.
const OTHER_FILES_MAX: u64 = 64;

/// Runs the server until it is told to stop.
pub async fn run(arguments: &ServeArguments) -> anyhow::Result<Verdict> {
    let mut signals = StopSignals::listen()?;
    raise_open_files_limit();
    let listener = listen(arguments.listen).await?;
    let address = listener.local_addr().context("the address can't be read")?;
    let clock = Arc::new(SystemClock);
    let storage = data::open(&arguments.data, clock.clone()).await?;
    let folder = Folder::hold(&arguments.data.data)?;
    let search = folder.start(storage.clone())?;
    let app = App::new(storage.clone(), clock, to_settings(arguments)).await?;
    let app = Arc::new(app.with_search(search.clone()));
    let setup = Setup {
        is_behind_proxy: arguments.behind_proxy,
        demo: match arguments.demo {
            true => demo::prepare(&app).await?,
            false => None,
        },
    };
    let mut running = Running::start(listener, app, storage, search, setup);
    // Into a MongoDB deployment a command writes by itself, whoever else does.
    if arguments.data.storage == Engine::Sqlite {
        running.open_door(&arguments.data.data);
    }
    say(&screen(arguments, address));
    info!(%address, "listening");

    tokio::select! {
        () = signals.next() => {}
        ended = &mut running.server => {
            ended.context("the web server broke off")?;
            bail!("the web server stopped by itself");
        }
        Some(ended) = running.jobs.join_next() => {
            // Without the sweep, unpaid orders would keep their stock: better to be restarted.
            ended.context("a background job broke off")?;
            bail!("a background job stopped by itself");
        }
    }
    info!("stopping: what is in flight is finished");
    tokio::select! {
        ended = running.stop() => ended?,
        () = signals.next() => {
            warn!("told to stop twice: stopping at once");
            // What was answered is durable: nothing needs to be taken apart.
            std::process::exit(1);
        }
    }
    info!("stopped");
    Ok(Verdict::Done)
}

/// What runs while the server does.
struct Running {
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    jobs: JoinSet<()>,
    storage: Arc<dyn Storage>,
    search: Arc<Search>,
}

impl Running {
    fn start(
        listener: TcpListener,
        app: Arc<App>,
        storage: Arc<dyn Storage>,
        search: Arc<Search>,
        setup: Setup,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut jobs = JoinSet::new();
        let (sweeping, forgetting, looking) = (app.clone(), app.clone(), app.clone());
        let (first, second, third) = (stopped.clone(), stopped.clone(), stopped.clone());
        jobs.spawn(async move { sweeping.sweep_until(first).await });
        jobs.spawn(async move { forgetting.forget_until(second).await });
        jobs.spawn(async move { looking.look_at_most_bought_until(third).await });
        let server = tokio::spawn(web::serve(
            listener,
            web::router(app, setup),
            until(stopped),
        ));
        Self {
            stop,
            server,
            jobs,
            storage,
            search,
        }
    }

    /// Opens the operator's door. Without it, on a file system that has no sockets say, the shop
    /// works all the same.
    fn open_door(&mut self, folder: &Path) {
        match Door::open(folder) {
            Ok(door) => {
                let (storage, stopped) = (self.storage.clone(), self.stop.subscribe());
                self.jobs.spawn(door.answer_until(storage, stopped));
            }
            Err(error) => warn!(
                %error,
                "the operator's door can't be opened: `bookstore user` will not reach this server"
            ),
        }
    }

    /// Accepts nothing more, finishes what is in flight, ends the jobs, closes the data.
    async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.server.await.context("the web server broke off")?;
        let ended = async { while self.jobs.join_next().await.is_some() {} };
        if tokio::time::timeout(JOBS_END_MAX, ended).await.is_err() {
            warn!("the jobs did not end in time");
        }
        let stopped = self.search.stop();
        if tokio::time::timeout(JOBS_END_MAX, stopped).await.is_err() {
            warn!("search did not end in time; its index goes on from its last commit");
        }
        self.storage
            .close()
            .await
            .context("the data was not closed well")
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left to say stop: the process is ending.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => anyhow!(
                "the address `{address}` is in use by another process\n\
             hint: stop that one, or take another with `--listen` (port 0 takes any that is free)"
            ),
            ErrorKind::PermissionDenied => anyhow!(
                "no permission to listen on `{address}`\n\
             hint: ports below 1024 are the system's; take another with `--listen`"
            ),
            ErrorKind::AddrNotAvailable => anyhow!(
                "this machine has no address `{}`\n\
             hint: `0.0.0.0` listens on all that it has",
                address.ip()
            ),
            _ => anyhow!(error).context(format!("can't listen on `{address}`")),
        })
}

/// Each connection is an open file, and many systems start programs with 1,024 of them.
fn raise_open_files_limit() {
    let wanted = u64::try_from(web::CONNECTIONS_MAX).expect("fits") + OTHER_FILES_MAX;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => info!(allowed, "fewer connections than there might be"),
        Ok(_) => {}
        Err(error) => warn!(%error, "the limit of open files can't be raised"),
    }
}

fn to_settings(arguments: &ServeArguments) -> Settings {
    Settings {
        payment_timeout: arguments.payment_timeout,
        receipt_timeout: arguments.receipt_timeout,
        cancel_until: arguments.cancel_until,
        is_self_funding: arguments.self_funding,
    }
}

/// The one screen. Its line `listening on URL` is for programs too and stays as it is.
fn screen(arguments: &ServeArguments, address: SocketAddr) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let folder = &arguments.data.data;
    let data: PathBuf = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let url = format!("http://{}", reachable(address));
    let funding = if arguments.self_funding {
        "on: users add funds themselves (off: --self-funding false)"
    } else {
        "off: `bookstore user fund ID AMOUNT` adds funds"
    };
    let (payment, receipt) = (
        settings::say(arguments.payment_timeout),
        settings::say(arguments.receipt_timeout),
    );
    format!(
        "bookstore {version}\n\
         listening on http://{address}\n\
         \n\
         data          {}\n\
         self-funding  {funding}\n\
         payment       an unpaid order is cancelled after {payment}\n\
         receipt       a sent order counts as received after {receipt}\n\
         \n\
         shop          {url}/\n\
         try           curl -s {url}/auth/register -H 'Content-Type: application/json' \\\n\
        \x20               -d '{{\"user_id\": \"alice\", \"password\": \"secret\"}}'\n\
         settings      bookstore --help\n\
         stop          Ctrl-C\n",
        data.display()
    )
}

/// The address under which this machine reaches itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    match address {
        SocketAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], address.port())),
        SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, address.port())),
    }
}
