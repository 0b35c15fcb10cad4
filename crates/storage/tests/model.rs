//! The reference engine passes the suite that every engine passes.

use std::sync::Arc;

use domain::Clock;
use storage::conformance::{Fixture, Opening};
use storage::model::{ModelDisk, ModelStorage};

#[derive(Default)]
struct InMemory(ModelDisk);

impl Fixture for InMemory {
    fn open(&self, clock: Arc<dyn Clock>) -> Opening<'_> {
        Box::pin(async { Arc::new(ModelStorage::open(self.0.clone(), clock)) as _ })
    }
}

storage::conformance_suite!(InMemory::default());

/// A case that the macro does not name would never run.
#[test]
fn the_suite_runs_every_case() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance");
    let suite = std::fs::read_to_string(format!("{directory}/mod.rs")).unwrap();
    let mut nouns = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let noun = path.file_stem().unwrap().to_str().unwrap();
        let source = std::fs::read_to_string(&path).unwrap();
        let cases = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "));
        let cases: Vec<&str> = cases
            .filter_map(|line| line.strip_suffix("(shop: &Shop) {"))
            .collect();
        if cases.is_empty() {
            continue;
        }
        nouns += 1;
        let start = suite.find(&format!("            {noun} {{\n"));
        let named = suite[start.expect("the macro has this noun")..]
            .split('}')
            .next()
            .unwrap();
        let named = named
            .lines()
            .skip(1)
            .filter_map(|line| line.trim().strip_suffix(','));
        assert_eq!(named.collect::<Vec<_>>(), cases, "the cases of `{noun}`");
    }
    assert_eq!(nouns, 14);
}
