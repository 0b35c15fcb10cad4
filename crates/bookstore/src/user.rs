//! `bookstore user`: what an operator does about one user.

use std::sync::Arc;

use anyhow::{Context, bail};
use domain::account::AddFundsRefusal;
use domain::money::BALANCE_MAX;
use domain::{AddFunds, Fen, Refused, Request, UserId};
use storage::Storage;

use crate::Verdict;
use crate::cli::FundArguments;
use crate::clock::SystemClock;
use crate::data;
use crate::operator;
use crate::output::{note, say};

/// What funding came to, in words.
pub enum Funded {
    /// It was done: what the user has now.
    Done(String),
    /// The shop's rules say no.
    Refused(String),
}

/// Puts money into an account, or takes it out, and says what it has then. Where a server works on
/// the data, it is asked to.
pub async fn fund(arguments: &FundArguments) -> anyhow::Result<Verdict> {
    let FundArguments { id, amount, data } = arguments;
    let funded = match data::open_existing(data, Arc::new(SystemClock)).await {
        Ok(storage) => {
            let funded = add_funds(&*storage, id, *amount).await;
            storage
                .close()
                .await
                .context("the data was not closed well")?;
            funded?
        }
        Err(error) if data::is_in_use(&error) => operator::fund(&data.data, id, *amount)
            .await?
            .ok_or(error)?,
        Err(error) => return Err(error),
    };
    Ok(match funded {
        Funded::Done(words) => {
            say(&words);
            Verdict::Done
        }
        Funded::Refused(words) => {
            note(&format!("refused: {words}"));
            Verdict::FoundProblem
        }
    })
}

/// Puts money into an account, or takes it out.
pub async fn add_funds(
    storage: &dyn Storage,
    user: &UserId,
    amount: Fen,
) -> anyhow::Result<Funded> {
    let operation = AddFunds {
        user: user.clone(),
        amount,
    };
    match storage::run(storage, Request::unproved(operation)).await? {
        Ok(_) => {}
        Err(Refused::Rule(refusal)) => return Ok(Funded::Refused(sentence(refusal))),
        Err(refused) => bail!("`{user}` was not funded: {refused:?}"),
    }
    let Some(account) = storage.find_account(user).await? else {
        bail!("`{user}` was funded, and is gone");
    };
    let (balance, held) = (yuan(account.balance), yuan(account.held));
    Ok(Funded::Done(format!(
        "`{user}` has {balance}, of which {held} are held"
    )))
}

fn sentence(refusal: AddFundsRefusal) -> String {
    match refusal {
        AddFundsRefusal::NoUser(user) => format!("there is no open account `{user}`"),
        AddFundsRefusal::InsufficientFunds { user, spendable } => {
            format!("`{user}` may spend no more than {}", yuan(spendable))
        }
        AddFundsRefusal::BalanceLimit => {
            format!("the balance would pass its limit of {}", yuan(BALANCE_MAX))
        }
    }
}

/// An amount in fen, with the same in yuan.
fn yuan(amount: Fen) -> String {
    let fen = amount.get();
    let sign = if fen < 0 { "-" } else { "" };
    let (whole, rest) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    format!("{fen} fen ({sign}{whole}.{rest:02} yuan)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_a_hundred_fen() {
        assert_eq!(yuan(Fen::new(12_305)), "12305 fen (123.05 yuan)");
        assert_eq!(yuan(Fen::new(-5)), "-5 fen (-0.05 yuan)");
    }
}
