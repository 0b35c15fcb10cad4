//! The engine from outside: the promises of the port, and what is this engine's own.

mod crashes;
mod failures;
mod opening;
mod support;

mod conformance {
    use crate::support::Directory;

    storage::conformance_suite!(Directory::new());
}
