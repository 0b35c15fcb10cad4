//! Measures search over a made-up catalogue: how fast it is built, how big it is, how long it takes
//! to start, and how long each kind of search takes. Never a test: it judges nothing.
//!
//! `cargo run --release -p search --example benchmark -- [TEXTS [LISTINGS [FOLDER [KIND]]]]`: an index
//! that is in the folder already is kept, and of the searches only those with KIND in their names run.

#![expect(clippy::print_stdout, reason = "it is there to tell what it measured")]

mod catalogue;
mod kinds;
mod made;
mod measure;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use catalogue::Catalogue;
use domain::{Price, StoreId};
use kinds::Asks;
use made::Made;
use measure::{folder_megabytes, memory_megabytes, report, row};
use search::{Page, Query, Search, Settings, Sort};

/// How long each kind of search is measured.
const EACH: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u32| match arguments.next() {
        Some(argument) => argument.parse().context("a number is expected"),
        None => Ok(default),
    };
    let texts = number(200_000)?;
    let listings = number(1_000_000)?;
    let kept = arguments.next().map(PathBuf::from);
    let kind = arguments.next().unwrap_or_default();
    let temporary = tempfile::tempdir()?;
    let folder = kept.unwrap_or_else(|| temporary.path().to_owned());
    let runtime = tokio::runtime::Runtime::new()?;
    let begun = Instant::now();
    let catalogue = Arc::new(Catalogue::new(Made { texts, listings }));
    println!(
        "catalogue: {texts} texts, {listings} listings, {:.1} s to make",
        begun.elapsed().as_secs_f64()
    );
    println!("memory with it: {}", memory_megabytes()?);
    runtime.block_on(run(catalogue, folder, kind))
}

async fn run(catalogue: Arc<Catalogue>, folder: PathBuf, kind: String) -> anyhow::Result<()> {
    let start = || Search::start(catalogue.clone(), Settings::new(folder.clone()));
    let begun = Instant::now();
    let search = start()?;
    search.ready().await;
    let took = begun.elapsed().as_secs_f64();
    let made = catalogue.made();
    println!(
        "first start, building all: {took:.1} s, {:.0} texts/s",
        f64::from(made.texts) / took
    );
    println!("index: {:.0} MB", folder_megabytes(&folder)?);
    search.stop().await;
    drop(search);
    let begun = Instant::now();
    let search = start()?;
    search.ready().await;
    println!("second start: {:.2} s", begun.elapsed().as_secs_f64());
    println!("memory when ready: {}", memory_megabytes()?);
    println!("\n| in memory | MB |\n|---|---|");
    for (part, bytes) in search.memory()? {
        println!("| {part} | {:.1} |", bytes as f64 / 1e6);
    }
    // The searches compute; no runtime thread is theirs.
    let search = tokio::task::spawn_blocking(move || measure_searches(search, &kind)).await??;
    println!("memory after the searches: {}", memory_megabytes()?);
    measure_visibility(&catalogue, &search).await?;
    search.stop().await;
    Ok(())
}

fn to_query(keyword: &str, asks: Asks) -> anyhow::Result<Query> {
    let mut query = Query::new(keyword);
    query.filter.store = asks.store.map(StoreId::new).transpose()?;
    if let Some(page) = asks.page {
        query.page = Page::new(page, 10)?;
    }
    if asks.is_by_price {
        query.sort = Sort::Price;
    }
    if let Some((low, high)) = asks.prices {
        query.filter.min_price = Some(Price::new(low)?);
        query.filter.max_price = Some(Price::new(high)?);
        query.filter.in_stock = true;
    }
    query.facets = asks.facets;
    Ok(query)
}

fn measure_searches(search: Search, only: &str) -> anyhow::Result<Search> {
    println!("\n{}", measure::HEAD);
    let mut firsts = Vec::new();
    for kind in kinds::all() {
        if !kind.name.contains(only) {
            continue;
        }
        let queries = kind.keywords.iter();
        let queries = queries.map(|keyword| to_query(keyword, kind.asks));
        let queries = queries.collect::<anyhow::Result<Vec<Query>>>()?;
        let mut first = Duration::ZERO;
        for query in &queries {
            let begun = Instant::now();
            search.search(query)?;
            first = first.max(begun.elapsed());
        }
        firsts.push((kind.name, first));
        let total = search.search(&queries[0])?.total;
        let times = report(EACH, |time| {
            search.search(&queries[time % queries.len()]).map(drop)
        })?;
        println!("{}", row(kind.name, Some(total), &times));
    }
    let beginnings = kinds::beginnings();
    let times = report(EACH, |time| {
        let beginning = &beginnings[time % beginnings.len()];
        search.suggest(beginning, 10).map(drop)
    })?;
    println!("{}\n", row("completion", None, &times));
    println!("when a keyword is searched for the first time, the longest:");
    for (name, first) in firsts {
        println!("- {name}: {:.2} ms", first.as_secs_f64() * 1_000.0);
    }
    Ok(search)
}

/// How long a new book takes from the feed to a search.
async fn measure_visibility(catalogue: &Catalogue, search: &Search) -> anyhow::Result<()> {
    let mut delays = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let isbn = catalogue.add_one();
        while search.search(&Query::new(&isbn))?.total == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delays.push(begun.elapsed());
    }
    delays.sort();
    println!(
        "added to visible: median {} ms, longest {} ms",
        delays[10].as_millis(),
        delays[19].as_millis()
    );
    Ok(())
}
