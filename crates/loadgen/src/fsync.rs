//! What the disk needs to make something durable: the least that a server can take which answers
//! only then.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use crate::error::Error;
use crate::record::Latencies;

/// How often it is measured.
const WRITES: u32 = 500;
/// How much is written each time: a page of a database.
const WRITE_BYTES: usize = 4_096;

/// Appends pages to a file in `folder` and makes each durable before the next; returns how long
/// each took. The file is removed.
///
/// # Errors
/// Where the file can't be written.
pub fn measure(folder: &Path) -> Result<Latencies, Error> {
    let path = folder.join(format!("loadgen-fsync-{}", std::process::id()));
    let measured = append(&path);
    let removed = fs::remove_file(&path);
    measured
        .and_then(|latencies| removed.map(|()| latencies))
        .map_err(|source| Error::File {
            path,
            what: "written",
            source,
        })
}

fn append(path: &Path) -> io::Result<Latencies> {
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path)?;
    let mut latencies = Latencies::default();
    let page = [0x5a; WRITE_BYTES];
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_write_is_measured_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let latencies = measure(folder.path()).unwrap();
        assert_eq!(latencies.count(), u64::from(WRITES));
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        assert!(measure(&folder.path().join("missing")).is_err());
    }
}
