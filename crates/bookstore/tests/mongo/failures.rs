//! Members and processes fail in mid-load. Each time nothing that was acknowledged is lost, nothing
//! is done twice, no request hangs, and work goes on within the time that is promised.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::check;
use crate::load::{Buyer, Caller, Shop};
use crate::machines::{Machines, PROCESSES};
use crate::members::{is_set, wait_for};

/// Members of the replica set.
const MEMBERS: usize = 3;
const BUYERS: usize = 8;
/// How many orders each process places before a failure, and again after it was mended.
const ORDERS_MIN: u64 = 20;
/// Work goes on within this after a kill. It is the promise itself, and no guess.
const AFTER_KILL_MAX: Duration = Duration::from_secs(15);
/// The same after a member stops in its tracks.
const AFTER_STOP_MAX: Duration = Duration::from_secs(30);
const FROZEN_FOR: Duration = Duration::from_secs(20);
/// How often the long form goes through all failures.
const LONG_ROUNDS: usize = 3;
const POLL_EVERY: Duration = Duration::from_millis(10);

/// A kind of failure.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The primary is killed, and started again once work goes on without it.
    PrimaryKilled,
    /// The primary does nothing for a while, its connections open.
    PrimaryFrozen,
    /// A secondary is stopped and started as an operator does.
    SecondaryStopped,
    /// All members are killed and started.
    AllKilled,
    /// A `bookstore` is killed; its clients go to the other one.
    ProcessKilled(usize),
}

impl Failure {
    /// How soon work must go on.
    fn recovery_max(self) -> Duration {
        match self {
            Self::PrimaryFrozen => AFTER_STOP_MAX,
            _ => AFTER_KILL_MAX,
        }
    }

    /// How long it lasts; `None`: until work goes on.
    fn lasts(self) -> Option<Duration> {
        matches!(self, Self::PrimaryFrozen).then_some(FROZEN_FOR)
    }

    /// The processes that are to go on.
    fn survivors(self) -> Vec<usize> {
        (0..PROCESSES)
            .filter(|&process| !matches!(self, Self::ProcessKilled(killed) if killed == process))
            .collect()
    }

    /// Brings it about. Returns what has to be mended: the number of a member.
    fn strike(self, machines: &mut Machines, shop: &Shop) -> usize {
        match self {
            Self::PrimaryKilled => {
                let primary = machines.set.primary();
                machines.set.kill(primary);
                primary
            }
            Self::PrimaryFrozen => {
                let primary = machines.set.primary();
                machines.set.freeze(primary);
                primary
            }
            Self::SecondaryStopped => {
                let secondary = machines.set.secondary();
                machines.set.stop(secondary);
                secondary
            }
            Self::AllKilled => {
                (0..MEMBERS).for_each(|member| machines.set.kill(member));
                (0..MEMBERS).for_each(|member| machines.set.start_member(member));
                0
            }
            Self::ProcessKilled(process) => {
                // First no longer known, so that its end is no surprise to anybody.
                shop.addresses.lock().unwrap()[process] = None;
                machines.kill_process(process);
                process
            }
        }
    }

    /// Undoes it.
    fn mend(self, struck: usize, machines: &mut Machines, shop: &Shop) {
        match self {
            Self::PrimaryKilled | Self::SecondaryStopped => machines.set.start_member(struck),
            Self::PrimaryFrozen => machines.set.thaw(struck),
            Self::AllKilled => {}
            Self::ProcessKilled(process) => {
                machines.start_process(process);
                shop.addresses.lock().unwrap()[process] = Some(machines.address(process));
            }
        }
        machines.set.wait_until_whole();
    }
}

/// A shop under load.
struct Scene {
    machines: Machines,
    shop: Shop,
    buyers: Vec<Buyer>,
}

impl Scene {
    /// `None`: there is no mongod.
    fn open() -> Option<Self> {
        let machines = Machines::start(u16::try_from(MEMBERS).unwrap(), &[])?;
        let shop = Shop::open(&machines);
        let buyers = (0..BUYERS)
            .map(|number| {
                let mut caller = Caller::new(&shop, number % PROCESSES);
                Buyer::join(&mut caller, format!("buyer-{number}"))
            })
            .collect();
        Some(Self {
            machines,
            shop,
            buyers,
        })
    }

    /// Puts load on the shop, lets something fail in its midst, and checks everything.
    fn suffer(&mut self, failure: Failure) {
        let Self {
            machines,
            shop,
            buyers,
        } = self;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            // Where something is found wrong here, the load must end too.
            let _stopping = SetOnDrop(&stop);
            for (number, buyer) in buyers.iter_mut().enumerate() {
                let (shop, stop) = (&*shop, &stop);
                scope.spawn(move || {
                    let _stopping = SetOnPanic(stop);
                    let home = number % PROCESSES;
                    let is_impatient = number < BUYERS / 2;
                    let mut caller = match is_impatient {
                        true => Caller::impatient(shop, home),
                        false => Caller::new(shop, home),
                    };
                    buyer.shop_until(stop, &mut caller);
                });
            }
            wait_for_orders(shop, &stop);
            endure(failure, machines, shop, &stop);
            wait_for_orders(shop, &stop);
        });
        check(machines, shop, buyers);
        eprintln!("{failure:?}: checked; {}", shop.summary());
    }
}

/// Strikes, waits until work goes on, and mends.
fn endure(failure: Failure, machines: &mut Machines, shop: &Shop, stop: &AtomicBool) {
    let struck = failure.strike(machines, shop);
    let since = Instant::now();
    shop.note_failure(since);
    let recoveries = || -> Option<Vec<Duration>> {
        let survivors = failure.survivors().into_iter();
        survivors.map(|process| shop.recovery(process)).collect()
    };
    let wait_for_work = |max| {
        while recoveries().is_none() && since.elapsed() < max {
            assert!(!stop.load(Ordering::Relaxed), "the load broke off");
            thread::sleep(POLL_EVERY);
        }
    };
    let max = failure.recovery_max();
    match failure.lasts() {
        Some(lasts) => {
            wait_for_work(lasts);
            thread::sleep(lasts.saturating_sub(since.elapsed()));
        }
        None => wait_for_work(max),
    }
    failure.mend(struck, machines, shop);
    wait_for_work(max);
    let took = recoveries();
    eprintln!("{failure:?}: work goes on after {took:.1?}");
    let is_in_time = took.is_some_and(|took| took.iter().all(|&took| took < max));
    assert!(is_in_time, "{failure:?}: no work within {max:?}");
}

/// Waits until each process has placed some more orders.
fn wait_for_orders(shop: &Shop, stop: &AtomicBool) {
    let before = [0, 1].map(|process| shop.placed(process));
    wait_for("every process places orders", || {
        assert!(!stop.load(Ordering::Relaxed), "the load broke off");
        (0..PROCESSES).all(|process| shop.placed(process) >= before[process] + ORDERS_MIN)
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The same, only where its thread panics.
struct SetOnPanic<'a>(&'a AtomicBool);

impl Drop for SetOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn nothing_is_lost_or_done_twice_when_members_and_processes_fail() {
    let Some(mut scene) = Scene::open() else {
        return;
    };
    for failure in [
        Failure::PrimaryKilled,
        Failure::SecondaryStopped,
        Failure::ProcessKilled(1),
    ] {
        scene.suffer(failure);
    }
}

#[test]
fn the_long_form_of_all_failures() {
    if !is_set("BOOKSTORE_TEST_LONG", "1") {
        eprintln!("left out: the long form of the failure tests; it wants BOOKSTORE_TEST_LONG=1");
        return;
    }
    let Some(mut scene) = Scene::open() else {
        return;
    };
    for round in 0..LONG_ROUNDS {
        scene.suffer(Failure::PrimaryFrozen);
        scene.suffer(Failure::ProcessKilled(round % PROCESSES));
        scene.suffer(Failure::PrimaryKilled);
        scene.suffer(Failure::AllKilled);
        scene.suffer(Failure::SecondaryStopped);
        scene.suffer(Failure::ProcessKilled((round + 1) % PROCESSES));
    }
}
