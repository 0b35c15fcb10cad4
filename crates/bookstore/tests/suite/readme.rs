//! The README's walk through a purchase works as pasted.
//!
//! A block of `sh` that follows the line `<!-- walk: tested -->` is part of the walk. The blocks
//! run one after the other in one shell, against a server of this test in place of the address
//! that the README names.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Server;

const MARKER: &str = "<!-- walk: tested -->";
const ADDRESS: &str = "http://127.0.0.1:5000";

/// The blocks of the walk, one after the other.
fn walk(readme: &str) -> String {
    let mut walk = String::new();
    for part in readme.split(MARKER).skip(1) {
        let block = part.trim_start().strip_prefix("```sh\n");
        let block = block.unwrap_or_else(|| panic!("no block of `sh` follows `{MARKER}`"));
        let (block, _) = block.split_once("\n```").expect("the block ends");
        walk.push_str(block);
        walk.push('\n');
    }
    walk
}

fn is_missing(program: &str) -> bool {
    let probe = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let is_missing = probe.is_err();
    if is_missing {
        eprintln!("\n*** SKIPPED: there is no {program}; the README's walk was not tested ***\n");
    }
    is_missing
}

#[test]
fn the_walk_of_the_readme_ends_with_a_received_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(&path).expect("the repository has a README.md");
    let walk = walk(&readme);
    assert!(
        !walk.is_empty(),
        "the README has no `{MARKER}` before a block of `sh`"
    );
    assert!(
        walk.contains(ADDRESS),
        "the walk does not name `{ADDRESS}`:\n{walk}"
    );
    if is_missing("bash") || is_missing("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let walk = walk.replace(ADDRESS, &format!("http://{}", server.address));
    let run = Command::new("bash")
        .args(["-c", &format!("set -euo pipefail\n{walk}")])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&run.stdout);
    let stderr = String::from_utf8_lossy(&run.stderr);
    let printed = format!("the walk:\n{walk}\nprinted:\n{stdout}\n{stderr}");
    assert!(run.status.success(), "{printed}");
    // The walk ends with a look back.
    let history = stdout
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default();
    assert!(
        history.contains(r#""state":"received""#),
        "no order was received; {printed}"
    );
    server.stop();
}
