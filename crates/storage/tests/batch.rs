//! The batch loop with an engine that fails in each way in which one can.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use domain::account::{AddFunds, Register};
use domain::{Account, Fen, Key, PasswordHash, Request, Timestamp, UserId, WorkingSet};
use storage::batch::part_batches;
use storage::{
    BATCH_MAX_OPERATIONS, ErrorKind, Job, Outcome, Pending, StorageError, Transact, run_batch,
};
use tokio::sync::oneshot::{self, Receiver};

const NOW: Timestamp = Timestamp::from_millis(1_704_067_200_000);

/// Accounts only; each commit fails with the next kind of `failures`, where that has one.
#[derive(Default)]
struct Faulty {
    accounts: HashMap<UserId, Account>,
    staged: Vec<(UserId, Option<Account>)>,
    failures: VecDeque<Option<ErrorKind>>,
    /// Accounts as it remembers them, until it is told that this won't do.
    remembered: HashMap<UserId, Account>,
    /// What was called, in order.
    calls: Vec<&'static str>,
}

impl Transact for Faulty {
    async fn begin(&mut self) -> Result<(), StorageError> {
        self.calls.push("begin");
        Ok(())
    }

    async fn load(&mut self, keys: &[Key], rows: &mut WorkingSet) -> Result<(), StorageError> {
        self.calls.push("load");
        for key in keys {
            let Key::Account(user) = key else {
                panic!("no rule here wants {key:?}")
            };
            assert!(!rows.is_loaded(key), "each row is loaded once");
            let found = self
                .remembered
                .get(user)
                .or_else(|| self.accounts.get(user));
            rows.accounts.load(user.clone(), found.cloned(), 0);
        }
        Ok(())
    }

    fn must_read_anew(&mut self, jobs: &[Box<dyn Job>]) -> bool {
        let is_guess = !self.remembered.is_empty();
        let must = is_guess && jobs.iter().any(|job| job.changes_nothing());
        if must {
            self.calls.push("anew");
            self.remembered.clear();
        }
        must
    }

    async fn save(&mut self, rows: &mut WorkingSet) -> Result<(), StorageError> {
        self.calls.push("save");
        let changed = rows.accounts.changed();
        self.staged = changed
            .map(|(key, row)| (key.clone(), row.current().cloned()))
            .collect();
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StorageError> {
        self.calls.push("commit");
        if let Some(Some(kind)) = self.failures.pop_front() {
            return Err(StorageError::new(kind, "committing"));
        }
        for (user, row) in self.staged.drain(..) {
            match row {
                Some(row) => drop(self.accounts.insert(user, row)),
                None => drop(self.accounts.remove(&user)),
            }
        }
        Ok(())
    }

    async fn rollback(&mut self) {
        self.calls.push("rollback");
        self.staged.clear();
    }

    fn retain(&mut self, rows: &mut WorkingSet) {
        rows.retain_hot(100, 100);
    }
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("it is a short name")
}

type Answer<T, R> = Result<Result<T, R>, StorageError>;
type Answered<O> = Receiver<Result<Outcome<O>, StorageError>>;

fn register(name: &str) -> (Box<dyn Job>, Answered<Register>) {
    let operation = Register {
        user: user(name),
        password_hash: PasswordHash::new("hash"),
    };
    let (reply, answer) = oneshot::channel();
    (
        Box::new(Pending::new(Request::unproved(operation), reply)),
        answer,
    )
}

fn add_funds(name: &str, fen: i64) -> (Box<dyn Job>, Answered<AddFunds>) {
    let operation = AddFunds {
        user: user(name),
        amount: Fen::new(fen),
    };
    let (reply, answer) = oneshot::channel();
    (
        Box::new(Pending::new(Request::unproved(operation), reply)),
        answer,
    )
}

/// What an answer came to: done, refused, or a failure of that kind.
fn outcome<T, R>(mut answer: Receiver<Answer<T, R>>) -> Result<bool, ErrorKind> {
    let answer = answer.try_recv().expect("every job is answered");
    answer
        .map(|outcome| outcome.is_ok())
        .map_err(|failure| failure.kind())
}

#[test]
fn a_batch_is_one_transaction() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    let (first, first_answer) = register("anna");
    let (again, again_answer) = register("anna");
    let (funds, funds_answer) = add_funds("anna", 5);
    at_once(run_batch(
        &mut engine,
        &mut rows,
        vec![first, again, funds],
        NOW,
    ));
    assert_eq!(engine.calls, ["begin", "load", "save", "commit"]);
    assert_eq!(outcome(first_answer), Ok(true));
    assert_eq!(outcome(again_answer), Ok(false));
    assert_eq!(outcome(funds_answer), Ok(true));
    assert_eq!(engine.accounts[&user("anna")].balance, Fen::new(5));
}

#[test]
fn a_batch_without_changes_is_not_committed() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    let (funds, answer) = add_funds("nobody", 5);
    at_once(run_batch(&mut engine, &mut rows, vec![funds], NOW));
    assert_eq!(engine.calls, ["begin", "load", "rollback"]);
    assert_eq!(outcome(answer), Ok(false));
}

#[test]
fn nobody_is_refused_by_what_is_only_remembered() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    let (first, _first_answer) = register("anna");
    at_once(run_batch(&mut engine, &mut rows, vec![first], NOW));
    let poor = engine.accounts[&user("anna")].clone();
    let (funds, _funds_answer) = add_funds("anna", 5);
    at_once(run_batch(&mut engine, &mut rows, vec![funds], NOW));
    rows.clear();
    engine.calls.clear();
    engine.remembered.insert(user("anna"), poor);
    let (more, more_answer) = add_funds("anna", 2);
    let (less, less_answer) = add_funds("anna", -7);
    at_once(run_batch(&mut engine, &mut rows, vec![more, less], NOW));
    assert_eq!(
        engine.calls,
        ["begin", "load", "anew", "load", "save", "commit"]
    );
    assert_eq!(outcome(more_answer), Ok(true));
    assert_eq!(outcome(less_answer), Ok(true));
    assert_eq!(engine.accounts[&user("anna")].balance, Fen::new(0));
}

#[test]
fn rows_kept_from_the_batch_before_are_not_loaded_again() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    let (first, _first_answer) = register("anna");
    at_once(run_batch(&mut engine, &mut rows, vec![first], NOW));
    engine.calls.clear();
    let (funds, answer) = add_funds("anna", 5);
    at_once(run_batch(&mut engine, &mut rows, vec![funds], NOW));
    assert_eq!(engine.calls, ["begin", "save", "commit"]);
    assert_eq!(outcome(answer), Ok(true));
    assert_eq!(engine.accounts[&user("anna")].balance, Fen::new(5));
}

#[test]
fn after_a_failed_batch_each_operation_runs_alone() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    // The batch fails, then the first alone, and the second is stored.
    engine.failures = [Some(ErrorKind::Internal), Some(ErrorKind::Refused), None].into();
    let (first, first_answer) = register("anna");
    let (second, second_answer) = register("bert");
    let (orphan, orphan_answer) = add_funds("anna", 5);
    at_once(run_batch(
        &mut engine,
        &mut rows,
        vec![first, second, orphan],
        NOW,
    ));
    assert_eq!(outcome(first_answer), Err(ErrorKind::Refused));
    assert_eq!(outcome(second_answer), Ok(true));
    assert_eq!(
        outcome(orphan_answer),
        Ok(false),
        "its account was not stored after all"
    );
    assert_eq!(engine.accounts.keys().collect::<Vec<_>>(), [&user("bert")]);
}

#[test]
fn a_batch_of_one_is_not_run_again() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    engine.failures = [Some(ErrorKind::Conflict), None].into();
    let (first, answer) = register("anna");
    at_once(run_batch(&mut engine, &mut rows, vec![first], NOW));
    assert_eq!(outcome(answer), Err(ErrorKind::Conflict));
    assert_eq!(
        engine.calls,
        ["begin", "load", "save", "commit", "rollback"]
    );
    assert!(!rows.has_changes(), "nothing is left of it");
}

#[test]
fn a_batch_whose_outcome_is_unknown_is_not_run_again() {
    let (mut engine, mut rows) = (Faulty::default(), WorkingSet::default());
    engine.failures = [Some(ErrorKind::OutcomeUnknown), None].into();
    let (first, first_answer) = register("anna");
    let (second, second_answer) = register("bert");
    at_once(run_batch(&mut engine, &mut rows, vec![first, second], NOW));
    assert_eq!(outcome(first_answer), Err(ErrorKind::OutcomeUnknown));
    assert_eq!(outcome(second_answer), Err(ErrorKind::OutcomeUnknown));
    assert_eq!(
        engine.calls.iter().filter(|call| **call == "begin").count(),
        1
    );
}

#[test]
fn exclusive_operations_stand_alone_and_batches_are_bounded() {
    struct Bare(bool);
    impl Job for Bare {
        fn name_rows(&self, _keys: &mut Vec<Key>) {}
        fn decide(&mut self, _rows: &mut WorkingSet, _now: Timestamp) -> Result<(), Vec<Key>> {
            Ok(())
        }
        fn is_exclusive(&self) -> bool {
            self.0
        }
        fn answer(self: Box<Self>, _stored: Result<(), StorageError>) {}
    }
    let lengths = |exclusive: &[bool]| {
        let jobs = exclusive
            .iter()
            .map(|is_exclusive| Box::new(Bare(*is_exclusive)) as _);
        part_batches(jobs.collect())
            .iter()
            .map(Vec::len)
            .collect::<Vec<_>>()
    };
    assert_eq!(lengths(&[]), [] as [usize; 0]);
    assert_eq!(
        lengths(&[false, false, true, true, false, false]),
        [2, 1, 1, 2]
    );
    assert_eq!(lengths(&[true, false]), [1, 1]);
    let many = vec![false; BATCH_MAX_OPERATIONS + 1];
    assert_eq!(lengths(&many), [BATCH_MAX_OPERATIONS, 1]);
}
