//! The typesetter, the tools that look into a PDF, and campaigns that ask for one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jiff::ZonedDateTime;
use postduif::typesetting::{Files, Order, Settings, Typesetter};

use crate::support::servers::left_out;
use crate::support::town::Campaign;

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
    let program = program()?;
    for tool in ["pdftotext", "pdfinfo", "pdffonts", "qpdf"] {
        let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_err() {
            assert!(left_out(), "{tool} is not here: `make test` installs poppler-utils and qpdf");
            return None;
        }
    }
    Some(program)
}

/// A typesetter with these templates.
pub(crate) fn typesetter(
    program: &Path,
    templates: &[(&str, &str)],
    limit: std::time::Duration,
) -> Typesetter {
    let settings = Settings { program: Some(program.to_owned()), folders: Vec::new(), limit, processes: 2 };
    let templates =
        templates.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    Typesetter::new(settings, &Files { templates, fonts: Vec::new() })
}

/// A letter of the 29th of October 2025.
pub(crate) fn order<'a>(template: &'a str, data: &'a [u8], dated: &'a ZonedDateTime) -> Order<'a> {
    Order { template, ident: "a letter", dated, data }
}

pub(crate) fn election_day() -> ZonedDateTime {
    "2025-10-29T00:00:00+01:00[Europe/Amsterdam]".parse().unwrap()
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

/// The shipped campaign in a folder of its own, with the PDF switched on as the note in its letter says.
pub(crate) fn shipped() -> Campaign {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let campaign = Campaign::new();
    let mut files = vec!["config.toml".to_owned(), "recipients.csv".to_owned()];
    for entry in std::fs::read_dir(root.join("templates")).unwrap() {
        files.push(format!("templates/{}", entry.unwrap().file_name().to_string_lossy()));
    }
    for file in files {
        campaign.write(&file, std::fs::read(root.join(&file)).unwrap());
    }
    let letter = campaign.read("templates/letter.md");
    assert_eq!(letter.matches("\n# pdf = ").count(), 1, "one line to switch on");
    campaign.write("templates/letter.md", letter.replace("\n# pdf = ", "\npdf = "));
    campaign.configure("per-minute = 60", "unlimited = true");
    campaign
}

/// Three recipients and a letter that asks for a PDF by this template.
pub(crate) fn small(template: &str) -> Campaign {
    let campaign = Campaign::new();
    campaign.write("templates/letter.md", LETTER).write("templates/brief.typ", template);
    campaign
}

/// A letter that asks for a PDF.
pub(crate) const LETTER: &str = "+++
subject = \"A letter to {{partij}}\"
pdf = \"brief.typ\"
pdf-name = \"Letter to {{partij}}\"
+++
Dear {{naam}},

This is for **{{partij}}**.
";

/// A template that shows all that it is given.
pub(crate) const PLAIN: &str = r#"#let data = json("data.json")
#set document(title: data.subject)
#set text(lang: "nl")
#let inline(pieces) = pieces.map(p => if "inline" in p { inline(p.inline) } else if "text" in p { p.text } else { " " }).join()
#for block in data.body { par(inline(block.inline)) }
#for (key, value) in data.recipient.fields { par(key + ": " + value) }
"#;
