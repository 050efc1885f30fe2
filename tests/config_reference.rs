//! The committed reference and schema are those that the program makes. `UPDATE=1` rewrites them.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use postduif::config::reference::{reference, rehearsal_reference, schema_file};

fn same(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{file} is not what the program makes; run this test with UPDATE=1");
}

#[test]
fn the_reference_is_the_programs_own() {
    same("docs/reference/config.md", &reference());
}

#[test]
fn the_reference_of_a_rehearsal_is_the_programs_own() {
    same("docs/reference/rehearsal.md", &rehearsal_reference());
}

#[test]
fn the_schema_is_the_programs_own() {
    same("docs/reference/config.schema.json", &schema_file());
}

#[test]
fn the_findings_are_the_programs_own() {
    same("docs/reference/findings.md", &postduif::campaign::preflight::catalogue::reference());
}
