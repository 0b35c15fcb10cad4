//! What can be typed: commands and their settings, with defaults and limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use domain::{CancelUntil, Fen, Stock, StoreId, UserId};

use crate::data::Location;
use crate::settings::{self, Engine};

const AFTER_HELP: &str = "\
Each setting of the server is also an environment variable, named beside it.
Durations: 3s, 20s, 30m, 12h, 14d. Money: whole fen (1/100 yuan).
Exit codes: 0 done, 1 ran and found a problem, 2 could not run.";

// A paragraph is one line here, and broken where the terminal ends.
const IMPORT_AFTER_HELP: &str = "\
The file has a table `book` with at least the columns id, title and price (in fen); known too are \
author, publisher, original_title, translator, pub_year, pages, currency_unit, binding, isbn, \
author_intro, book_intro, content, tags (one a line) and picture (JPEG, PNG, WebP or GIF).

A row that can't be listed is reported with its id and the reason, and skipped. What the store \
lists already stays as it is, so running it again adds only what is missing. The server must not \
be running on the same data.

BOOKSTORE_OWNER_PASSWORD is the password for an owner who has no account yet; without it you are \
asked.

Exit codes: 0 every book is in the store, 1 rows were skipped or it was interrupted, 2 could not \
run.";

const MIGRATE_AFTER_HELP: &str = "\
Everything moves: accounts with their passwords and money, stores, books, orders, the ledger, and \
what keeps tokens and idempotency keys good. Both ends are then added up, compared and audited. \
The shop that moves is only read and stays as it is.

Nobody else may use either place meanwhile: stop the server first. Interrupted, by Ctrl-C or by \
a power failure, run it again: it goes on where it stopped, and until it is done no server starts \
on what is there.

Exit codes: 0 the shop is there and right, 1 something differs or is wrong, or it was \
interrupted, 2 could not run.";

const REINDEX_AFTER_HELP: &str = "\
The index is kept in the folder `search` of the data folder, and can always be made again from \
what is stored: the server does so by itself where it is missing or damaged. This command is for \
whoever doubts it.

Stop the server first. With MongoDB each process has an index in its own data folder: stop the one \
whose folder `--data` names; the others go on.

Exit codes: 0 done, 1 interrupted, 2 could not run.";

/// A marketplace server: sellers open stores, buyers order books
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
#[command(max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server; this is what happens without a command too
    #[command(after_help = AFTER_HELP)]
    Serve(ServeArguments),
    /// List all books of a SQLite book file in one store
    Import(ImportArguments),
    /// Move a whole shop to another place, or to another storage engine
    #[command(after_help = MIGRATE_AFTER_HELP)]
    Migrate(MigrateArguments),
    /// Check everything stored against itself: money, stock, orders
    #[command(after_help = "\
Changes nothing, and may run beside a working server.
Exit codes: 0 nothing is wrong, 1 something is, 2 could not run.")]
    Audit(AuditArguments),
    /// Build the index of search anew
    #[command(after_help = REINDEX_AFTER_HELP)]
    Reindex(ReindexArguments),
    /// Do something about one user
    #[command(subcommand)]
    User(UserCommand),
}

/// Where the data is: the same for every command.
#[derive(Debug, Clone, Args)]
pub struct DataArguments {
    /// The folder that keeps the data; made where it is missing
    #[arg(
        long,
        env = "BOOKSTORE_DATA",
        value_name = "DIR",
        default_value = "./data"
    )]
    pub data: PathBuf,
    /// The storage engine: `sqlite:` keeps one file in the data folder, `mongodb://…` names a MongoDB
    #[arg(
        long,
        env = "BOOKSTORE_STORAGE",
        value_name = "URL",
        default_value = "sqlite:"
    )]
    #[arg(value_parser = settings::engine)]
    pub storage: Engine,
}

#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, env = "BOOKSTORE_LISTEN", value_name = "ADDRESS")]
    #[arg(default_value = "127.0.0.1:5000", value_parser = settings::address)]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub data: DataArguments,
    /// How long an order may stay unpaid before it is cancelled; 1s to 10y
    #[arg(long, env = "BOOKSTORE_PAYMENT_TIMEOUT", value_name = "DURATION")]
    #[arg(default_value = "30m", value_parser = settings::timeout)]
    pub payment_timeout: Duration,
    /// After how long a sent order counts as received; 1s to 10y
    #[arg(long, env = "BOOKSTORE_RECEIPT_TIMEOUT", value_name = "DURATION")]
    #[arg(default_value = "14d", value_parser = settings::timeout)]
    pub receipt_timeout: Duration,
    /// Until when a buyer may cancel: until his order is `received`, or only until it is `sent`
    #[arg(long, env = "BOOKSTORE_CANCEL_UNTIL", value_name = "received|sent")]
    #[arg(default_value = "received", value_parser = settings::cancel_until)]
    pub cancel_until: CancelUntil,
    /// Whether users may add funds to their own accounts; where not, `bookstore user fund` does it
    #[arg(long, env = "BOOKSTORE_SELF_FUNDING", value_name = "true|false")]
    #[arg(default_value = "true", action = ArgAction::Set, value_parser = settings::switch)]
    pub self_funding: bool,
    /// Whether all requests come through a proxy of yours that speaks TLS: then its
    /// `X-Forwarded-For` and `X-Forwarded-Proto` are believed, from whomever they come
    #[arg(long, env = "BOOKSTORE_BEHIND_PROXY", value_name = "true|false")]
    #[arg(default_value = "false", action = ArgAction::Set, value_parser = settings::switch)]
    pub behind_proxy: bool,
    /// Fill the shop with a demonstration first, if it is empty: books, stores, people, orders
    #[arg(long)]
    pub demo: bool,
    /// What to log to stderr: a level (error, warn, info, debug, trace), or levels by part
    #[arg(long, env = "BOOKSTORE_LOG", value_name = "FILTER")]
    #[arg(default_value = "info", value_parser = settings::log_filter)]
    pub log: String,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT_AFTER_HELP)]
pub struct ImportArguments {
    /// The book file, read only
    pub file: PathBuf,
    /// The store that is to list the books; opened where it is missing
    #[arg(long, value_name = "ID", value_parser = settings::store_id)]
    pub store: StoreId,
    /// The seller who owns the store; registered where he is missing
    #[arg(long, value_name = "ID", value_parser = settings::user_id)]
    pub owner: UserId,
    /// How many copies of each book there are
    #[arg(long, value_name = "COPIES", default_value = "100", value_parser = settings::stock)]
    pub stock: Stock,
    #[command(flatten)]
    pub data: DataArguments,
}

#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// Where the shop is: `sqlite:FOLDER` or just the folder, or `mongodb://…`
    #[arg(long, value_name = "URL", value_parser = settings::location)]
    pub from: Location,
    /// Where it is to be: the same, but empty
    #[arg(long, value_name = "URL", value_parser = settings::location)]
    pub to: Location,
}

#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    pub data: DataArguments,
}

#[derive(Debug, Args)]
pub struct ReindexArguments {
    #[command(flatten)]
    pub data: DataArguments,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Put money into a user's account, or take it out
    #[command(after_help = "\
The amount is in fen (1/100 yuan): 10000 adds 100 yuan, -10000 takes 100 yuan out.
Where the server is running on the same data, it is the server that does it.
Exit codes: 0 done, 1 refused (no such user, not enough to take out), 2 could not run.")]
    Fund(FundArguments),
}

#[derive(Debug, Args)]
pub struct FundArguments {
    /// Whose account
    #[arg(value_parser = settings::user_id)]
    pub id: UserId,
    /// How many fen; negative to take them out
    #[arg(allow_negative_numbers = true, value_parser = settings::amount)]
    pub amount: Fen,
    #[command(flatten)]
    pub data: DataArguments,
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
