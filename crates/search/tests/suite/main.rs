//! Search as its users see it, following a shop in the reference engine.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod following;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod real_books;
#[cfg(test)]
mod relevance;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod support;
#[cfg(test)]
mod troubled;
#[cfg(test)]
mod windows;
