//! Measures search over a made-up catalogue: how fast it is built, how big it is, how long it takes
//! to start, and how long each kind of search takes. Never a test: it judges nothing.
//!
//! `cargo run --release -p search --example benchmark -- [TEXTS [LISTINGS [FOLDER]]]`

#![expect(clippy::print_stdout, reason = "it is there to tell what it measured")]

mod catalogue;
mod measure;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use catalogue::{Catalogue, Made};
use domain::{Price, StoreId};
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
    runtime.block_on(run(catalogue, folder))
}

async fn run(catalogue: Arc<Catalogue>, folder: PathBuf) -> anyhow::Result<()> {
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
    // The searches compute; no runtime thread is theirs.
    let search = tokio::task::spawn_blocking(move || measure_searches(search)).await??;
    println!("memory after the searches: {}", memory_megabytes()?);
    measure_visibility(&catalogue, &search).await?;
    search.stop().await;
    Ok(())
}

/// Searches of a kind: their keywords, and how they differ from plain ones.
type Kind<'a> = (&'a str, Vec<String>, Box<dyn Fn(&mut Query) + 'a>);

fn kinds() -> anyhow::Result<Vec<Kind<'static>>> {
    let chinese = |ranks: &[u32]| {
        ranks
            .iter()
            .map(|rank| catalogue::chinese(*rank))
            .collect::<Vec<_>>()
    };
    let common = || chinese(&[0, 1, 2, 3]);
    let pairs = vec![
        format!("{} {}", catalogue::chinese(0), catalogue::chinese(5)),
        format!("{} {}", catalogue::chinese(2), catalogue::chinese(40)),
        format!("{} {}", catalogue::chinese(300), catalogue::chinese(3)),
    ];
    let phrases = vec![
        format!("{}{}", catalogue::chinese(0), catalogue::chinese(1)),
        format!("{}{}", catalogue::chinese(3), catalogue::chinese(10)),
        format!(
            "{}{}{}",
            catalogue::chinese(1),
            catalogue::chinese(4),
            catalogue::chinese(2)
        ),
    ];
    let characters = common()
        .iter()
        .map(|word| word.chars().take(1).collect())
        .collect();
    let english = [0, 7, 60, 700].map(catalogue::english).to_vec();
    let store = |name: &'static str| -> anyhow::Result<_> {
        let store = StoreId::new(name)?;
        Ok(move |query: &mut Query| query.filter.store = Some(store.clone()))
    };
    let (low, high) = (Price::new(2_000)?, Price::new(5_000)?);
    let page = Page::new(50, 10)?;
    let plain = || Box::new(|_: &mut Query| ());
    Ok(vec![
        ("a word of most documents", common(), plain()),
        (
            "a rare word",
            chinese(&[15_000, 20_000, 25_000, 29_000]),
            plain(),
        ),
        ("two words", pairs, plain()),
        ("a phrase", phrases, plain()),
        ("one character", characters, plain()),
        ("an English word", english, plain()),
        (
            "two letters",
            vec!["ba".into(), "to".into(), "er".into()],
            plain(),
        ),
        ("in the biggest store", common(), Box::new(store("s0")?)),
        ("in a small store", common(), Box::new(store("s9999")?)),
        (
            "page 50",
            common(),
            Box::new(move |query| query.page = page),
        ),
        (
            "by price",
            common(),
            Box::new(|query| query.sort = Sort::Price),
        ),
        (
            "of a range of prices, in stock",
            common(),
            Box::new(move |query| {
                query.filter.min_price = Some(low);
                query.filter.max_price = Some(high);
                query.filter.in_stock = true;
            }),
        ),
        (
            "with facets",
            common(),
            Box::new(|query| query.facets = true),
        ),
        ("no keyword", vec![String::new()], plain()),
        (
            "no keyword, with facets",
            vec![String::new()],
            Box::new(|query| query.facets = true),
        ),
        (
            "nothing found, relaxed",
            vec!["龘龘龘龘龘".into(), "qqqxqqq".into()],
            plain(),
        ),
    ])
}

fn measure_searches(search: Search) -> anyhow::Result<Search> {
    println!("\n{}", measure::HEAD);
    for (name, keywords, change) in kinds()? {
        let queries = keywords.iter().map(|keyword| {
            let mut query = Query::new(keyword);
            change(&mut query);
            query
        });
        let queries: Vec<Query> = queries.collect();
        let total = search.search(&queries[0])?.total;
        let times = report(EACH, |time| {
            search.search(&queries[time % queries.len()]).map(drop)
        })?;
        println!("{}", row(name, Some(total), &times));
    }
    let prefixes: Vec<String> = [0, 3, 50, 900, 10_000]
        .into_iter()
        .flat_map(|rank| {
            let word = catalogue::chinese(rank);
            [word.chars().take(1).collect(), word]
        })
        .chain(["b".into(), "ba".into()])
        .collect();
    let times = report(EACH, |time| {
        search
            .suggest(&prefixes[time % prefixes.len()], 10)
            .map(drop)
    })?;
    println!("{}\n", row("completion", None, &times));
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
