//! Throwaway: order+pay pairs a second.
#![allow(
    clippy::all,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods
)]
use domain::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use storage::conformance::requests as r;
use storage::{Storage, run};
use storage_mongo::MongoStorage;

struct Wall;
impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_millis() as i64,
        )
    }
}
const SELLERS: usize = 4;
const BOOKS: usize = 50;

async fn proof(s: &dyn Storage, u: &str) -> Proof {
    let a = s.find_account(&r::user(u)).await.unwrap().unwrap();
    Proof {
        user: a.id,
        epoch: a.epoch,
        token: None,
    }
}
async fn token(s: &dyn Storage, u: &str) -> Proof {
    let k = r::terminal(u, "t");
    let x = s.find_session(&k).await.unwrap().unwrap();
    Proof {
        user: x.account.id,
        epoch: x.account.epoch,
        token: Some((k, x.generation)),
    }
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let url = &args[1];
    let tasks: usize = args[2].parse().unwrap();
    let seconds: u64 = args[3].parse().unwrap();
    let lines: usize = args.get(4).map_or(2, |l| l.parse().unwrap());
    let hot: bool = args.get(5).is_some_and(|h| h == "hot");
    let tag = args.get(6).cloned().unwrap_or_else(|| "p".into());
    let instances: usize = args.get(7).map_or(1, |l| l.parse().unwrap());
    let mut all: Vec<Arc<dyn Storage>> = Vec::new();
    for _ in 0..instances {
        all.push(Arc::new(
            MongoStorage::open(url, Arc::new(Wall)).await.unwrap(),
        ));
    }
    let s = all[0].clone();
    for i in 0..SELLERS {
        let u = format!("seller{i}");
        if s.find_account(&r::user(&u)).await.unwrap().is_some() {
            continue;
        }
        run(&*s, r::register(&u)).await.unwrap().unwrap();
        let p = proof(&*s, &u).await;
        run(
            &*s,
            Request::proved(
                p.clone(),
                CreateStore {
                    owner: r::user(&u),
                    store: r::store(&format!("store{i}")),
                },
            ),
        )
        .await
        .unwrap()
        .unwrap();
        for b in 0..BOOKS {
            run(
                &*s,
                Request::proved(
                    p.clone(),
                    r::add_listing(
                        &u,
                        &format!("store{i}"),
                        &format!("book{b}"),
                        10,
                        1_000_000_000,
                    ),
                ),
            )
            .await
            .unwrap()
            .unwrap();
        }
    }
    let buyers = tasks;
    let mut jobs = Vec::new();
    for i in 0..buyers {
        let s = s.clone();
        let u = format!("{tag}-buyer{i}");
        jobs.push(tokio::spawn(async move {
            if s.find_account(&r::user(&u)).await.unwrap().is_none() {
                run(&*s, r::register(&u)).await.unwrap().unwrap();
            }
            let p = proof(&*s, &u).await;
            run(&*s, r::add_funds(p, 10_000_000_000))
                .await
                .unwrap()
                .unwrap();
        }));
    }
    for j in jobs {
        j.await.unwrap();
    }
    let done = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(seconds);
    let start = Instant::now();
    let mut jobs = Vec::new();
    for i in 0..tasks {
        let s = all[i % instances].clone();
        let (done, failed) = (done.clone(), failed.clone());
        let u = format!("{tag}-buyer{i}");
        jobs.push(tokio::spawn(async move {
            let by_token = token(&*s, &u).await;
            let by_password = proof(&*s, &u).await;
            let mut latencies = Vec::new();
            let mut x: u64 = 0x9E3779B97F4A7C15 ^ (i as u64 + 1);
            let mut rnd = move |n: usize| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (x % n as u64) as usize
            };
            while Instant::now() < end {
                let st = if hot && rnd(2) == 0 { 0 } else { rnd(SELLERS) };
                let names: Vec<String> = (0..lines)
                    .map(|k| {
                        if hot && k == 0 && st == 0 {
                            "book0".into()
                        } else {
                            format!("book{}", (rnd(BOOKS / lines) * lines + k))
                        }
                    })
                    .collect();
                let books: Vec<(&str, i64)> = names.iter().map(|n| (n.as_str(), 1)).collect();
                let mut random = [0u8; 10];
                for c in random.iter_mut() {
                    *c = rnd(256) as u8;
                }
                let id = OrderId::new(Wall.now(), random);
                let t = Instant::now();
                let placed = run(
                    &*s,
                    Request::proved(
                        by_token.clone(),
                        r::place(id, &u, &format!("store{st}"), &books),
                    ),
                )
                .await;
                match placed {
                    Ok(Ok(_)) => {}
                    other => {
                        if failed.fetch_add(1, Ordering::Relaxed) < 3 {
                            eprintln!("{other:?}");
                        }
                        continue;
                    }
                }
                latencies.push(t.elapsed());
                let t = Instant::now();
                let paid = run(&*s, r::pay(by_password.clone(), id)).await;
                match paid {
                    Ok(Ok(_)) => {}
                    other => {
                        if failed.fetch_add(1, Ordering::Relaxed) < 3 {
                            eprintln!("{other:?}");
                        }
                        continue;
                    }
                }
                latencies.push(t.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for j in jobs {
        latencies.extend(j.await.unwrap());
    }
    let took = start.elapsed().as_secs_f64();
    latencies.sort();
    let n = done.load(Ordering::Relaxed);
    println!(
        "tasks {tasks} instances {instances} hot {hot} lines {lines}: {:.0} pairs/s, p50 {:?} p99 {:?} max {:?}, failed {}",
        n as f64 / took,
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
        latencies.last().unwrap(),
        failed.load(Ordering::Relaxed)
    );
    let t = Instant::now();
    if args.get(8).is_some() {
        let report = s.audit().await.unwrap();
        println!(
            "audit clean {} in {:?}: {:?}",
            report.is_clean(),
            t.elapsed(),
            report
                .findings
                .iter()
                .map(|f| (f.checked, f.wrong, f.shown.first().cloned()))
                .collect::<Vec<_>>()
        );
    }
    for s in all {
        s.close().await.unwrap();
    }
}
