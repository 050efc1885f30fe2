//! Holds the walls of the house: who may use whom, what the pure rooms never touch, where foreign names may stand,
//! and that `ARCHITECTURE.md` draws the same state machine as the code.
//!
//! To change a wall, change a row of the tables below, the table in `src/lib.rs`, and say why in `ARCHITECTURE.md`.
#![expect(clippy::unwrap_used, reason = "a source file that cannot be read fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use postduif::delivery::state::TABLE;

/// Modules of the crate's root, and the modules each may name. What is not listed may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("mail", &[]),
    ("clock", &[]),
    ("exit", &[]),
    ("campaign", &["mail"]),
    ("delivery", &["mail", "campaign"]),
    ("ledger", &["mail", "campaign", "delivery"]),
    ("account", &[]),
    ("transport", &["mail", "delivery", "clock", "account"]),
    ("inbox", &["mail", "campaign", "delivery", "clock", "account"]),
    ("typesetting", &["mail", "campaign"]),
    ("town", &["mail", "clock", "campaign", "delivery", "transport"]),
    (
        "engine",
        &["mail", "clock", "campaign", "delivery", "ledger", "account", "transport", "inbox", "typesetting"],
    ),
    ("dashboard", &["mail", "campaign", "delivery", "ledger", "clock"]),
    (
        "config",
        &[
            "mail",
            "clock",
            "campaign",
            "delivery",
            "ledger",
            "account",
            "transport",
            "inbox",
            "typesetting",
            "town",
            "engine",
            "dashboard",
        ],
    ),
    ("report", &["mail", "campaign", "exit", "cli"]),
    ("cli", &[]),
    (
        "command",
        &[
            "mail",
            "clock",
            "campaign",
            "delivery",
            "ledger",
            "account",
            "transport",
            "inbox",
            "typesetting",
            "town",
            "engine",
            "dashboard",
            "config",
            "report",
            "exit",
            "cli",
        ],
    ),
];

/// The rooms that only compute.
const PURE: &[&str] = &["mail", "campaign", "delivery", "inbox"];

/// Their parts that reach out all the same.
const REACHING_OUT: &[&str] = &["inbox/mailbox"];

/// What those never name: paths of the standard library and of crates.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "time", "SystemTime"],
    &["std", "time", "Instant"],
];

/// Foreign crates, and the files (or folders, with a slash at the end) below `src/` that may name them.
const FOREIGN: &[(&str, &[&str])] = &[
    ("lettre", &["mail/mime.rs"]),
    ("email_address", &["mail/address.rs"]),
    ("idna", &["mail/address.rs"]),
    (
        "tokio_rustls",
        &[
            "account/",
            "transport/rehearsal.rs",
            "transport/rehearsal/",
            "dashboard/certificate.rs",
            "dashboard/connections.rs",
        ],
    ),
    ("rustls", &["account/", "dashboard/certificate.rs"]),
    ("rustls_platform_verifier", &["account/"]),
    ("mime_guess", &["mail/media_type.rs"]),
    ("mail_parser", &["mail/parsed.rs"]),
    ("governor", &["engine/pace.rs"]),
    ("handlebars", &["campaign/script.rs"]),
    ("pulldown_cmark", &["campaign/markdown.rs", "campaign/blocks.rs", "campaign/document/markdown.rs"]),
    ("html5ever", &["campaign/html.rs", "campaign/preflight/markup.rs"]),
    ("simplecss", &["campaign/css.rs"]),
    ("quick_xml", &["campaign/document/xml.rs", "campaign/workbook/"]),
    ("zip", &["campaign/document/archive.rs", "campaign/workbook/", "command/proof.rs"]),
    ("calamine", &["campaign/workbook/"]),
    (
        "encoding_rs",
        &[
            "campaign/encoding.rs",
            "campaign/table.rs",
            "campaign/roster.rs",
            "campaign/detect.rs",
            "campaign/corrected.rs",
            "config/load.rs",
        ],
    ),
    ("csv", &["command/status_csv.rs", "command/sent_list.rs", "dashboard/answers.rs"]),
    ("rust_xlsxwriter", &["dashboard/answers.rs"]),
    ("clap", &["cli.rs", "main.rs", "run.rs", "command/manual.rs"]),
    ("clap_complete", &["cli.rs", "command/manual.rs"]),
    ("clap_mangen", &["command/manual.rs"]),
    ("indicatif", &["command/bar.rs"]),
    ("rusqlite", &["ledger/"]),
    ("axum", &["dashboard/"]),
    ("askama", &["dashboard/"]),
    ("prometheus", &["dashboard/metrics.rs"]),
    ("regex", &["inbox/rules.rs"]),
    (
        "toml",
        &[
            "config/",
            "campaign/front_matter.rs",
            "campaign/preflight/mail_programs.rs",
            "delivery/judgement.rs",
            "inbox/rules.rs",
        ],
    ),
];

/// One breach of a wall.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    what: String,
}

/// A piece of source: a word, or a mark, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Cuts source into words and marks; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut i, mut line, mut found) = (0, 1, Vec::new());
    while i < chars.len() {
        let c = at(i);
        let begun = i;
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 1;
            i += 2;
            while i < chars.len() && depth > 0 {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
            }
        } else if let Some(hashes) = raw_string(&chars[i..]) {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let end: Vec<char> = end.chars().collect();
            i = chars[i..].iter().position(|c| *c == '"').map_or(chars.len(), |quote| i + quote + 1);
            while i < chars.len() && !chars[i..].starts_with(&end) {
                i += 1;
            }
            i += end.len();
        } else if c == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character; otherwise it is a lifetime, whose name is as good as any word.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else if c.is_alphanumeric() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            found.push(Token { text: chars[begun..i].iter().collect(), line });
        } else {
            if c == ':' && at(i + 1) == ':' {
                found.push(Token { text: "::".to_owned(), line });
                i += 1;
            } else if !c.is_whitespace() {
                found.push(Token { text: c.to_string(), line });
            }
            i += 1;
        }
        line += chars[begun..i.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// Returns the number of `#` if a raw string begins here.
fn raw_string(chars: &[char]) -> Option<usize> {
    let prefix = chars.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let rest = &chars[prefix..];
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    let raw = (1..=2).contains(&prefix) && chars.get(prefix - 1) == Some(&'r');
    (raw && rest.get(hashes) == Some(&'"')).then_some(hashes)
}

/// Leaves out what stands under `#[cfg(test)]`: up to the closing brace, or the semicolon, of that item.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let here = &tokens[i..];
        if here.len() < MARK.len() || !here.iter().zip(MARK).all(|(token, mark)| token.text == mark) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += MARK.len();
        let mut depth = 0_usize;
        while i < tokens.len() {
            match tokens[i].text.as_str() {
                "{" | "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "}" if depth <= 1 => break,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
            i += 1;
        }
        i += 1;
    }
    kept
}

/// Returns every path that the source names, spelled out: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
fn paths(tokens: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let begins =
            is_word(&tokens[i].text) && (i == 0 || tokens[i - 1].text != "." && tokens[i - 1].text != "::");
        i = if begins { path(tokens, i, &[], &mut found) } else { i + 1 };
    }
    found
}

/// Reads a path from `i` on, below `before`; returns where it ends.
fn path(tokens: &[Token], mut i: usize, before: &[String], found: &mut Vec<(Vec<String>, usize)>) -> usize {
    let mut names = before.to_vec();
    let line = tokens[i].line;
    loop {
        names.push(tokens[i].text.clone());
        i += 1;
        if tokens.get(i).is_none_or(|token| token.text != "::") {
            break;
        }
        i += 1;
        match tokens.get(i).map(|token| token.text.as_str()) {
            Some("{") => return group(tokens, i + 1, &names, found),
            Some(word) if is_word(word) => {}
            // A glob, or the arguments of a generic: the path so far is what matters.
            _ => break,
        }
    }
    found.push((names, line));
    i
}

fn group(tokens: &[Token], mut i: usize, before: &[String], found: &mut Vec<(Vec<String>, usize)>) -> usize {
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            "}" => return i + 1,
            "as" => i += 2,
            word if is_word(word) => i = path(tokens, i, before, found),
            "*" => {
                found.push((before.to_vec(), tokens[i].line));
                i += 1;
            }
            _ => i += 1,
        }
    }
    i
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Looks for breaches in one file; `file` is its path below `src/`, with slashes.
fn breaches(file: &str, source: &str) -> Vec<Breach> {
    let room = file.split('/').next().unwrap_or(file).trim_end_matches(".rs");
    let own_modules: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).chain(["run"]).collect();
    let mut found = Vec::new();
    for (path, line) in paths(&without_tests(&tokens(source))) {
        let breach = |what: String| Breach { file: format!("src/{file}"), line, what };
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let inside = match names.as_slice() {
            ["crate" | "postduif", module, ..] => Some(*module),
            // From a file in a folder, `super::super::x` is a sibling of the room; from `room.rs`, `super::x` is.
            ["super", "super", module, ..] if depth(file) == 1 => Some(*module),
            ["super", module, ..] if depth(file) == 0 => Some(*module),
            _ => None,
        };
        if let Some(module) = inside.filter(|module| *module != room && own_modules.contains(module)) {
            let allowed = MAY_USE.iter().find(|(name, _)| *name == room);
            if allowed.is_some_and(|(_, list)| !list.contains(&module)) {
                found.push(breach(format!("`{room}` may not use `{module}` ({})", names.join("::"))));
            }
        }
        let computes = PURE.contains(&room) && !REACHING_OUT.iter().any(|part| file.starts_with(part));
        if computes && IMPURE.iter().any(|banned| names.starts_with(banned)) {
            found.push(breach(format!("`{room}` is pure and may not use `{}`", names.join("::"))));
        }
        // A word alone may be a variable called `csv`; a crate is named to reach into it.
        if names.len() > 1
            && let Some((name, places)) = FOREIGN.iter().find(|(name, _)| names.first() == Some(name))
            && !places.iter().any(|place| file == *place || place.ends_with('/') && file.starts_with(place))
        {
            found.push(breach(format!("`{name}` may only be named in {}", places.join(", "))));
        }
    }
    found
}

/// How many folders below `src/` a module stands in; `room/mod.rs` stands where `room.rs` would.
fn depth(file: &str) -> usize {
    file.matches('/').count() - usize::from(file.ends_with("/mod.rs"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn modules_only_look_where_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut all = Vec::new();
    for path in &files {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        // `#[cfg(test)] mod tests;` in a file of its own.
        if file.ends_with("/tests.rs") || file.contains("/tests/") {
            continue;
        }
        all.extend(breaches(&file, &fs::read_to_string(path).unwrap()));
    }
    let told: Vec<String> = all.iter().map(|it| format!("{}:{}: {}", it.file, it.line, it.what)).collect();
    assert!(files.len() > 10, "only {} sources were found", files.len());
    assert!(told.is_empty(), "{} breaches of the walls:\n{}", told.len(), told.join("\n"));
}

/// The lines on which a made-up source breaches.
fn lines(file: &str, source: &str) -> Vec<usize> {
    breaches(file, source).iter().map(|breach| breach.line).collect()
}

#[test]
fn made_up_breaches_are_found_with_their_line() {
    assert_eq!(lines("mail/x.rs", "\nuse crate::ledger::Ledger;"), [2]);
    assert_eq!(lines("transport/smtp.rs", "fn f() {\n  crate::ledger::open();\n}"), [2]);
    assert_eq!(
        lines("transport/smtp.rs", "use crate::{\n  mail::Address,\n  ledger::{self, Record},\n};"),
        [3, 3]
    );
    assert_eq!(lines("engine/deliver.rs", "use crate::config::Config;"), [1]);
    assert_eq!(lines("delivery/x.rs", "use super::super::engine;"), [1]);
    assert_eq!(lines("delivery.rs", "use super::engine;"), [1]);
    assert_eq!(lines("delivery/mod.rs", "use super::engine;"), [1]);
    assert_eq!(lines("mail/x.rs", "use std::{fmt,\n fs::File, time::{Duration, SystemTime}};"), [2, 2]);
    assert_eq!(lines("campaign/x.rs", "let now = std::time::SystemTime::now();"), [1]);
    assert_eq!(lines("campaign/x.rs", "tokio::spawn(async {});"), [1]);
    assert_eq!(lines("ledger/mod.rs", "use lettre::Message;"), [1]);
    assert_eq!(lines("config/load.rs", "let connection = rusqlite::Connection::open(path);"), [1]);
    assert_eq!(lines("mail/x.rs", "let quote = '\"';\nlet other = '\\'';\nuse crate::engine;"), [3]);
    assert_eq!(lines("mail/x.rs", "#[cfg(test)]\nmod tests {\n  fn f() {}\n}\nuse crate::engine;"), [5]);
}

#[test]
fn what_is_lawful_is_left_alone() {
    let lawful = [
        ("mail/x.rs", "use crate::mail::address::Address;\nuse super::envelope::Envelope;"),
        (
            "mail/x.rs",
            "// use crate::engine;\n/* std::fs /* nested */ tokio::x */\nlet s = \"crate::engine\";",
        ),
        ("mail/x.rs", "let s = r#\"std::fs::read \" tokio::x\"#; let t: &'static str = s;"),
        ("mail/x.rs", "#[cfg(test)]\nmod tests {\n  use std::fs;\n  fn f() { tokio::x(); }\n}"),
        ("mail/x.rs", "#[cfg(test)]\nuse std::fs;\nuse std::time::Duration;"),
        ("delivery/x.rs", "use crate::mail::smtp_reply::SmtpReply;\nuse std::time::Duration;"),
        ("engine/deliver.rs", "use crate::{ledger::Ledger, transport::Transport, clock::Clock};"),
        ("command/status_csv.rs", "let writer = csv::WriterBuilder::new();"),
        ("engine/x.rs", "let csv = 1; csv.max(2); row.csv;"),
        ("run.rs", "use crate::config; use crate::command;"),
    ];
    for (file, source) in lawful {
        assert_eq!(breaches(file, source), [], "{source}");
    }
}

/// Returns the rows of the Markdown table below a heading: the cells, without back-ticks.
fn rows(markdown: &str, heading: &str) -> Vec<Vec<String>> {
    let section = markdown.lines().skip_while(|line| line.trim() != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with('#'));
    let table = section.filter(|line| line.starts_with('|')).skip(2);
    table
        .map(|line| {
            line.trim().trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
        })
        .collect()
}

#[test]
fn the_drawing_of_a_delivery_is_the_table_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let markdown = fs::read_to_string(file).unwrap();
    let drawn = rows(&markdown, "## States of a delivery");
    let meant: Vec<Vec<String>> = TABLE
        .iter()
        .map(|(from, event, to)| vec![format!("{from:?}"), (*event).to_owned(), format!("{to:?}")])
        .collect();
    let wanted: String = meant
        .iter()
        .fold(String::new(), |text, row| format!("{text}| `{}` | {} | `{}` |\n", row[0], row[1], row[2]));
    assert_eq!(
        drawn, meant,
        "the section \"States of a delivery\" of ARCHITECTURE.md should have these rows:\n{wanted}"
    );
}
