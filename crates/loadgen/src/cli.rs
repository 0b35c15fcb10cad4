//! What can be typed.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::http::Target;
use crate::journey::Mix;
use crate::race::Race;
use crate::settings;
use crate::shop::Shape;

const AFTER_HELP: &str = "\
Durations: 500ms, 20s, 5m. Money: whole fen (1/100 yuan).
Exit codes: 0 done, 1 ran and found a broken promise, 2 could not run.";

/// Puts load on a bookstore server and checks from the outside what it promised
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the shop: sellers, stores, books, buyers, funds; what is there already stays
    Setup(SetupArguments),
    /// Put load on a server and measure
    #[command(after_help = AFTER_HELP)]
    Run(RunArguments),
    /// Measure two servers in turns within one run
    Compare(CompareArguments),
    /// Race clients for what only some of them can have, and count everything
    #[command(after_help = AFTER_HELP)]
    Race(RaceArguments),
    /// Be a server that only parses and answers: the machine's ceiling
    Noop(NoopArguments),
}

/// How large the shop is: the same for every command that uses it.
#[derive(Debug, Clone, Args)]
pub struct ShopArguments {
    /// Which shop: its ids and prices follow from this number
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub shop_seed: u64,
    #[arg(long, value_name = "COUNT", default_value = "4")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sellers: u32,
    /// Stores of each seller
    #[arg(long, value_name = "COUNT", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub stores: u32,
    /// Books in each store
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub books: u32,
    #[arg(long, value_name = "COUNT", default_value = "64")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub buyers: u32,
    /// Different books in an order, on average
    #[arg(long, value_name = "COUNT", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=500))]
    pub books_per_order: u32,
}

impl ShopArguments {
    pub fn shape(&self) -> Shape {
        Shape {
            seed: self.shop_seed,
            sellers: self.sellers,
            stores_per_seller: self.stores,
            books_per_store: self.books,
            buyers: self.buyers,
            books_per_order: self.books_per_order,
        }
    }
}

#[derive(Debug, Args)]
pub struct SetupArguments {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    pub target: Target,
    #[command(flatten)]
    pub shop: ShopArguments,
    /// Copies of each book
    #[arg(long, value_name = "COPIES", default_value = "100000000")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub stock: u32,
    /// What each buyer has at least, in fen
    #[arg(long, value_name = "FEN", default_value = "1000000000000")]
    #[arg(value_parser = clap::value_parser!(i64).range(0..=10_000_000_000_000))]
    pub funds: i64,
    #[arg(long, value_name = "COUNT", default_value = "16")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub connections: u32,
}

#[derive(Debug, Clone, Args)]
pub struct LoadArguments {
    /// What the clients do
    #[arg(long, value_enum, default_value_t = Mix::OrderPay)]
    pub mix: Mix,
    #[arg(long, value_name = "COUNT", default_value = "64")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Threads of this program; half of the processors unless given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: Option<u32>,
    /// Journeys a second, whatever the server does (an open loop); without it each connection
    /// begins its next journey when its last one is over (a closed loop)
    #[arg(long, value_name = "PER_SECOND", value_parser = settings::rate)]
    pub rate: Option<f64>,
    /// How long to run before anything counts
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = settings::duration)]
    pub warm_up: Duration,
    /// How long to measure
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = settings::duration)]
    pub duration: Duration,
    /// Whose journeys and baskets are drawn from
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub seed: u64,
    /// How long an answer may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = settings::duration)]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The server; given several times, connections are dealt out among them
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    pub target: Vec<Target>,
    #[command(flatten)]
    pub load: LoadArguments,
    #[command(flatten)]
    pub shop: ShopArguments,
    /// Don't check afterwards whether all that was acknowledged is there, and nothing twice
    #[arg(long)]
    pub no_check: bool,
    /// The server's payment timeout: from then on an unpaid order may be cancelled
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = settings::duration)]
    pub payment_timeout: Duration,
    /// Measure first what making a page durable takes in this folder, for comparison
    #[arg(long, value_name = "DIR")]
    pub fsync: Option<PathBuf>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page with plots too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct NoopArguments {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5001")]
    pub listen: SocketAddr,
    /// Threads that answer; as many as there are processors unless given
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: Option<u32>,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub enum Rival {
    Server(Target),
    /// `noop` in a process that is started and ended for it.
    Noop,
}

impl FromStr for Rival {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "noop" => Ok(Self::Noop),
            url => url.parse().map(Self::Server),
        }
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(target) => target.fmt(to),
            Self::Noop => to.write_str("noop"),
        }
    }
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// One server, whose shop is set up; or `noop`
    #[arg(long, value_name = "URL")]
    pub a: Rival,
    /// The other one; or `noop`
    #[arg(long, value_name = "URL")]
    pub b: Rival,
    /// How often both are measured
    #[arg(long, value_name = "COUNT", default_value = "3")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    #[command(flatten)]
    pub load: LoadArguments,
    #[command(flatten)]
    pub shop: ShopArguments,
    /// Write the comparison as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RaceArguments {
    /// The server; given several times, clients are dealt out among them
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    pub target: Vec<Target>,
    /// Only these races
    #[arg(long, value_enum, value_delimiter = ',', value_name = "RACE")]
    pub only: Vec<Race>,
    /// How many clients race
    #[arg(long, value_name = "COUNT", default_value = "32")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub clients: u32,
    /// How often each race is run
    #[arg(long, value_name = "COUNT", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// What all ids begin with; new for each run unless given
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write the verdicts as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
