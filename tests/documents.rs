//! The documents: every link leads somewhere, and every command and option that they name exists.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use postduif::cli::Cli;

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned(), root.join("docs"), root.join("letter-pdf")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "only {found:?}");
    found
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut lost = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            if !document.with_file_name(target).exists() {
                lost.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn every_command_and_option_in_the_documents_exists() {
    let cli = Cli::command();
    let verbs: BTreeSet<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    let mut wrong = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for line in text.split(['\n', '`']) {
            let Some((_, typed)) = line.split_once("postduif ") else { continue };
            let mut words = typed.split_whitespace().map(|word| word.trim_matches([',', '.', ';', ':']));
            let Some(mut verb) = words.next() else { continue };
            if verb == "-C" {
                words.next();
                verb = words.next().unwrap_or_default();
            }
            // Prose says "postduif uses"; only code stands at the beginning of a line or between backticks.
            if !line.trim_start().trim_start_matches("$ ").starts_with("postduif ") {
                continue;
            }
            let Some(command) = cli.get_subcommands().find(|command| command.get_name() == verb) else {
                if verb.chars().all(|c| c.is_ascii_lowercase()) && !verb.is_empty() {
                    wrong.push(format!("{}: {line} (the commands are {verbs:?})", document.display()));
                }
                continue;
            };
            for option in words.filter_map(|word| word.strip_prefix("--")) {
                let known = |command: &clap::Command| {
                    command.get_arguments().any(|argument| argument.get_long() == Some(option))
                };
                if !known(command) && !command.get_subcommands().any(known) && !known(&cli) {
                    wrong.push(format!("{}: {line}: --{option}", document.display()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
