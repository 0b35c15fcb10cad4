//! A lean HTTP/1.1 client: one request at a time over one kept connection, which is opened again
//! where the server closed it.

mod alarm;
mod chunked;
mod connection;
mod head;
mod target;

pub use connection::{Answer, Connection, Failure};
pub use target::Target;
