//! The folders of indexes: one, and while it is built anew, two. Their names are numbers; the lowest
//! is the one that was finished first.

use std::path::{Path, PathBuf};

use crate::error::{SearchError, while_on_disk};

const DOING: &str = "looking after the index's folders";

fn numbers(parent: &Path) -> Result<Vec<u64>, SearchError> {
    std::fs::create_dir_all(parent).map_err(while_on_disk(DOING))?;
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(while_on_disk(DOING))? {
        let name = entry.map_err(while_on_disk(DOING))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The folder of the index. Others are of a rebuilding that was cut short, and go.
pub(super) fn current(parent: &Path) -> Result<PathBuf, SearchError> {
    let numbers = numbers(parent)?;
    for other in numbers.iter().skip(1) {
        remove(&parent.join(other.to_string()))?;
    }
    let number = numbers.first().copied().unwrap_or(1);
    Ok(parent.join(number.to_string()))
}

/// A folder for an index that is to take another's place.
pub(super) fn next(parent: &Path, current: &Path) -> Result<PathBuf, SearchError> {
    let name = current.file_name().and_then(|name| name.to_str());
    let current: u64 = name.and_then(|name| name.parse().ok()).unwrap_or(0);
    Ok(parent.join((current + 1).to_string()))
}

/// Removes an index.
pub(super) fn remove(folder: &Path) -> Result<(), SearchError> {
    std::fs::remove_dir_all(folder).map_err(while_on_disk(DOING))
}

/// Makes sure that a damaged index is not opened again: it is a cache, and built anew.
pub(super) fn spoil(folder: &Path) -> Result<(), SearchError> {
    let meta = folder.join("meta.json");
    if meta.exists() {
        std::fs::remove_file(meta).map_err(while_on_disk(DOING))?;
    }
    Ok(())
}
