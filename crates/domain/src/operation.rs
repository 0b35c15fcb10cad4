//! What an operation is: a plain value and one pure function over a working set.
//!
//! Around each operation stands a [`Request`]: who asks (a [`Proof`] that is checked once more in
//! the transaction) and, where the client sent an idempotency key, which answer to [`Keep`].

use std::sync::Arc;

use crate::account::Proof;
use crate::idempotency::{KEPT_FOR, Keep};
use crate::time::Timestamp;
use crate::working_set::{Change, Key, Lacks, WorkingSet};

/// Why a rule did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt<R> {
    /// It needs rows that are not loaded: load them and ask again.
    Lacks(Vec<Key>),
    /// The rules of the shop say no. Nothing changes.
    Refused(R),
}

impl<R> From<Lacks> for Halt<R> {
    fn from(lacks: Lacks) -> Self {
        Self::Lacks(lacks.0)
    }
}

/// What a rule decided: its answer, and what is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<D> {
    /// The answer.
    pub done: D,
    /// What is to be written, all of it or nothing.
    pub changes: Vec<Change>,
}

impl Decided<()> {
    /// Done, with these changes and no other answer.
    #[must_use]
    pub fn with(changes: Vec<Change>) -> Self {
        Self { done: (), changes }
    }
}

/// A change of the shop as a plain value, with its rule.
pub trait Operation {
    /// The answer where it is done.
    type Done;
    /// The ways in which the rules may say no.
    type Refusal;

    /// Names the rows that the rule needs as far as they can be told beforehand, so that an engine
    /// can load those of a whole batch at once. A row missing here costs time, not correctness.
    fn name_rows(&self, keys: &mut Vec<Key>);

    /// The rule: decides, refuses, or says which rows it lacks. Reads `rows` and nothing else.
    ///
    /// # Errors
    /// [`Halt`], as it says.
    fn decide(
        &self,
        rows: &WorkingSet,
        now: Timestamp,
    ) -> Result<Decided<Self::Done>, Halt<Self::Refusal>>;

    /// Whether all that it asks of listings is that they are as they were and have copies enough,
    /// and all that it does to them is to take some of each that it asks for. Engines may let such
    /// operations decide on listings as they last saw them, where saving makes sure of it.
    fn only_takes_copies(&self) -> bool {
        false
    }

    /// Whether the operation must have a batch of its own, because it reads what an engine
    /// computes over many rows ([`Key::Obligations`]).
    fn is_exclusive(&self) -> bool {
        false
    }
}

/// An operation with what stands around it.
#[derive(Debug, Clone)]
pub struct Request<O> {
    /// Who asks, as it was proved outside the transaction; `None` where nobody needs to be.
    pub proof: Option<Proof>,
    /// The answer to keep, where the client sent an idempotency key.
    pub keep: Option<Keep>,
    /// What is asked.
    pub operation: O,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<D> {
    /// It was done now.
    Done(D),
    /// It was done before, under the same idempotency key: this was the answer.
    Kept(Arc<[u8]>),
}

/// Why a [`Request`] was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused<R> {
    /// What was proved about the caller no longer holds: password changed, logged out, or closed.
    StaleProof,
    /// The idempotency key was used for another body.
    KeyReused,
    /// The operation's own rule says no.
    Rule(R),
}

/// What deciding a [`Request`] comes to.
pub type Verdict<O> =
    Result<Decided<Answer<<O as Operation>::Done>>, Halt<Refused<<O as Operation>::Refusal>>>;

impl<O: Operation> Request<O> {
    /// A request by somebody whose proof is checked again in the transaction.
    #[must_use]
    pub fn proved(proof: Proof, operation: O) -> Self {
        Self {
            proof: Some(proof),
            keep: None,
            operation,
        }
    }

    /// A request that needs nobody's proof.
    #[must_use]
    pub fn unproved(operation: O) -> Self {
        Self {
            proof: None,
            keep: None,
            operation,
        }
    }

    /// Names the rows that deciding needs, as far as they can be told beforehand.
    pub fn name_rows(&self, keys: &mut Vec<Key>) {
        if let Some(proof) = &self.proof {
            proof.name_rows(keys);
        }
        if let Some(keep) = &self.keep {
            keys.push(Key::Kept(keep.key.clone()));
        }
        self.operation.name_rows(keys);
    }

    /// Checks the proof, then looks for a kept answer, then asks the operation's rule.
    ///
    /// # Errors
    /// [`Halt`], as it says.
    pub fn decide(&self, rows: &WorkingSet, now: Timestamp) -> Verdict<O> {
        if let Some(proof) = &self.proof
            && !proof.still_holds(rows)?
        {
            return Err(Halt::Refused(Refused::StaleProof));
        }
        if let Some(keep) = &self.keep
            && let Some(kept) = rows.kept(&keep.key)?
            && now.since(kept.kept_at) < KEPT_FOR
        {
            if kept.fingerprint != keep.fingerprint {
                return Err(Halt::Refused(Refused::KeyReused));
            }
            return Ok(Decided {
                done: Answer::Kept(kept.answer.clone()),
                changes: Vec::new(),
            });
        }
        match self.operation.decide(rows, now) {
            Ok(decided) => Ok(self.keep_answer(decided, now)),
            Err(Halt::Lacks(keys)) => Err(Halt::Lacks(keys)),
            Err(Halt::Refused(refusal)) => Err(Halt::Refused(Refused::Rule(refusal))),
        }
    }

    /// Only answers that changed something are kept, in the transaction of the change.
    fn keep_answer(&self, decided: Decided<O::Done>, now: Timestamp) -> Decided<Answer<O::Done>> {
        let Decided { done, mut changes } = decided;
        if let Some(keep) = &self.keep
            && !changes.is_empty()
        {
            changes.push(Change::Kept(keep.key.clone(), keep.to_kept(now)));
        }
        Decided {
            done: Answer::Done(done),
            changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::{AddFunds, AddFundsRefusal};
    use crate::idempotency::{IdempotencyKey, KeepKey};
    use crate::money::Fen;
    use crate::testing::{BUYER, Market, START, user};

    fn keep(body: u8) -> Keep {
        let key = IdempotencyKey::new("key").unwrap();
        let key = KeepKey {
            user: user(BUYER),
            endpoint: "add_funds".into(),
            key,
        };
        Keep {
            key,
            fingerprint: [body; 32],
            answer: vec![body].into(),
        }
    }

    /// A deposit under a key, run to its end.
    fn deposit(
        market: &mut Market,
        fen: i64,
        body: u8,
        now: Timestamp,
    ) -> Result<Answer<()>, Halt<Refused<AddFundsRefusal>>> {
        market.rows.kept.load(keep(body).key, None, 0);
        let operation = AddFunds {
            user: user(BUYER),
            amount: Fen::new(fen),
        };
        let request = Request {
            keep: Some(keep(body)),
            ..Request::unproved(operation)
        };
        let decided = request.decide(&market.rows, now)?;
        market.rows.apply(decided.changes);
        Ok(decided.done)
    }

    #[test]
    fn an_answer_that_changed_something_is_kept_for_a_day() {
        let mut market = Market::with_book();
        let kept = Ok(Answer::Kept(vec![1].into()));
        let last = START.plus(KEPT_FOR - Duration::from_millis(1));
        assert_eq!(deposit(&mut market, 5, 1, START), Ok(Answer::Done(())));
        assert_eq!(deposit(&mut market, 5, 1, last), kept);
        let reused = Err(Halt::Refused(Refused::KeyReused));
        assert_eq!(deposit(&mut market, 5, 2, last), reused);
        assert_eq!(market.money(BUYER), (1_005, 0));
        assert_eq!(
            deposit(&mut market, 5, 2, START.plus(KEPT_FOR)),
            Ok(Answer::Done(()))
        );
        assert_eq!(market.money(BUYER), (1_010, 0));
    }

    #[test]
    fn an_answer_without_a_change_and_a_refusal_are_not_kept() {
        let mut market = Market::with_book();
        assert_eq!(deposit(&mut market, 0, 1, START), Ok(Answer::Done(())));
        let refused = deposit(&mut market, -1_001, 2, START);
        assert!(matches!(refused, Err(Halt::Refused(Refused::Rule(_)))));
        assert_eq!(deposit(&mut market, 5, 3, START), Ok(Answer::Done(())));
    }

    #[test]
    fn a_clock_set_back_ends_no_keeping() {
        let mut market = Market::with_book();
        assert_eq!(deposit(&mut market, 5, 1, START), Ok(Answer::Done(())));
        let earlier = START.minus(10 * KEPT_FOR);
        assert_eq!(
            deposit(&mut market, 5, 1, earlier),
            Ok(Answer::Kept(vec![1].into()))
        );
    }
}
