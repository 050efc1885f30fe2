//! The typesetter, if it is built, and the tools that look into what it makes.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(clippy::unwrap_used, reason = "a test whose tools cannot be run has failed")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::servers::left_out;

/// Where cargo builds the typesetter, if it is there.
///
/// Without it a test is left out, unless `WITH_TYPESETTER` says that it must be there.
#[expect(clippy::disallowed_methods, reason = "the switch for the whole test run is an environment variable")]
pub(crate) fn program() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_postduif")).with_file_name("letter-pdf");
    if program.exists() {
        return Some(program);
    }
    assert!(
        std::env::var_os("WITH_TYPESETTER").is_none(),
        "letter-pdf is to be tested and is not there: run `cargo build -p letter-pdf`"
    );
    let current = std::thread::current();
    let name = current.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "left out: {name} (needs `cargo build -p letter-pdf`)");
    None
}

/// The typesetter, and poppler's and qpdf's tools.
pub(crate) fn program_and_tools() -> Option<PathBuf> {
    program().filter(|_| tools())
}

/// Says whether poppler's and qpdf's tools are here; they must be, unless servers are to be left out.
pub(crate) fn tools() -> bool {
    for tool in ["pdftotext", "pdftoppm", "pdfinfo", "pdffonts", "qpdf"] {
        let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_err() {
            assert!(left_out(), "{tool} is not here: `make test` installs poppler-utils and qpdf");
            return false;
        }
    }
    true
}

/// Runs a tool over a PDF; it must be content.
pub(crate) fn tool(name: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pdf).unwrap();
    let mut command = Command::new(name);
    command.args(arguments).arg(file.path());
    if name == "pdftotext" {
        command.arg("-");
    }
    let Output { status, stdout, stderr } = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// What a person reads, without what tells lines, items and headings apart: two renderings of a text agree in it.
pub(crate) fn letters_only(text: &str) -> String {
    let marks = ['-', '\u{ad}', '\u{2010}', '\u{2022}', '\u{200b}', '=', '>'];
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !marks.contains(c)).collect()
}

/// Writes a program that is a script. Another process does it: a file that we had open for writing may be so still in a child that
/// another test starts.
pub(crate) fn script(file: &Path, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}
