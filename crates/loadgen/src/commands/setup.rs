//! `loadgen setup`

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Verdict, block_on};
use crate::cli::SetupArguments;
use crate::error::Error;
use crate::output::{grouped, say};
use crate::people::Crew;
use crate::progress::Progress;
use crate::setup::{self, Endowment, Made};
use crate::shop::Shop;

pub fn run(arguments: &SetupArguments) -> Result<Verdict, Error> {
    let crew = Crew {
        target: Arc::new(arguments.target.clone()),
        connections: arguments.connections,
    };
    let shop = Shop::new(arguments.shop.shape());
    let endowment = Endowment {
        stock: arguments.stock,
        funds_fen: arguments.funds,
    };
    let made = Arc::new(Made::default());
    let progress = Progress::begin({
        let made = made.clone();
        move || sentence(&made)
    });
    let done = block_on(setup::run(&crew, &shop, endowment, &made));
    drop(progress);
    done?;
    say(&sentence(&made));
    Ok(Verdict::Done)
}

fn sentence(made: &Made) -> String {
    let count = |counter: &AtomicU32| grouped(u64::from(counter.load(Ordering::Relaxed)));
    format!(
        "new: {} users, {} stores, {} books; {} buyers funded",
        count(&made.users),
        count(&made.stores),
        count(&made.books),
        count(&made.funded),
    )
}
