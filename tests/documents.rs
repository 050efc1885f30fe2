//! What the documents say is so: their commands run, their links lead somewhere, their tables are the program's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a document that cannot be read has failed"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use postduif::delivery::state::State;
use support::town::Campaign;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(REPOSITORY).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The commands that a document shows in its console blocks, in order.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) => inside = language == "console",
            None if inside => found.extend(line.strip_prefix("$ ").map(str::to_owned)),
            None => {}
        }
    }
    found
}

/// Splits a command line at its blanks, but not within quotation marks.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate().flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    parts.collect()
}

/// Copies the shipped campaign; without its pace, which is for people.
fn ship(campaign: &Campaign, folder: &str) {
    for name in ["config.toml", "recipients.csv", "templates/letter.md", "templates/foot.md"] {
        campaign.write(&format!("{folder}{name}"), document(name));
    }
    without_pace(campaign, &format!("{folder}config.toml"));
}

fn without_pace(campaign: &Campaign, name: &str) {
    let text = campaign.read(name);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let pace = lines.iter().position(|line| line.trim() == "[pace]").expect("a pace");
    for line in lines[pace + 1..].iter_mut().take_while(|line| line.starts_with("per-")) {
        *line = format!("# {line}");
    }
    lines.insert(pace + 1, "unlimited = true".to_owned());
    campaign.write(name, lines.join("\n") + "\n");
}

/// Runs what a document shows, one after another, as its reader would.
fn follow(name: &str) -> usize {
    let campaign = Campaign::new();
    ship(&campaign, "");
    let mut followed = 0;
    for line in commands(&document(name)) {
        let mut arguments = match words(&line) {
            all if all[0] == "postduif" => all[1..].to_vec(),
            all if all[..2] == ["cargo", "run"] => {
                all.into_iter().skip_while(|word| word != "--").skip(1).collect()
            }
            all if ["cargo", "make"].contains(&all[0].as_str()) => continue,
            other => panic!("{name}: who knows how to run {other:?}?"),
        };
        let asks =
            arguments.iter().any(|word| word == "send") && !arguments.iter().any(|word| word == "--yes");
        if asks {
            // The reader types the number of letters.
            arguments.push("--yes".to_owned());
        }
        let run = campaign.run(&arguments);
        assert_eq!(run.code, Some(0), "{name}: `{line}`\n{}\n{}", run.out, run.err);
        assert!(!run.err.contains("error"), "{name}: `{line}`\n{}", run.err);
        if arguments[0] == "init" {
            without_pace(&campaign, &format!("{}/config.toml", arguments[1]));
        }
        followed += 1;
    }
    followed
}

#[test]
fn the_commands_of_the_readme_run_in_their_order() {
    assert!(follow("README.md") >= 5);
}

#[test]
fn the_commands_of_the_guide_run_in_their_order() {
    assert!(follow("docs/guide/README.md") >= 8);
}

/// Commands within sentences and tables: each is one that the program knows.
#[test]
fn every_command_that_a_document_mentions_exists() {
    let campaign = Campaign::new();
    let mut seen = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for code in text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("postduif ")) {
            let mut words =
                code.split_whitespace().filter(|word| !["-C", "DIR", "my-campaign", "…"].contains(word));
            let Some(command) =
                words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
            else {
                continue;
            };
            let second = words.clone().next().filter(|word| command == "suppress" && !word.starts_with("--"));
            let run = campaign.run([command].into_iter().chain(second).chain(["--help"]));
            assert_eq!(run.code, Some(0), "{}: `postduif {code}`\n{}", path.display(), run.err);
            for option in words.filter(|word| word.starts_with("--")) {
                assert!(run.out.contains(option), "{}: `postduif {code}` has no {option}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(REPOSITORY)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.')
                    && !["target", "logs", "templates", "preview"].contains(&name.as_str())
                {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

#[test]
fn every_link_within_the_repository_leads_to_a_file() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        // Links are not looked for in code.
        let prose = text.split("```").step_by(2).collect::<String>();
        let prose = prose.split('`').step_by(2).collect::<String>();
        for rest in prose.split("](").skip(1) {
            let link = rest.split(')').next().unwrap();
            let file = link.split(['#', ' ']).next().unwrap();
            // The page with measurements is written by whoever measures.
            if file.is_empty()
                || file.ends_with("benchmarks.md")
                || link.contains("://")
                || link.starts_with("mailto:")
            {
                continue;
            }
            if !path.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {link}", path.strip_prefix(REPOSITORY).unwrap().display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// The guide explains every word that a summary can hold, and no other.
#[test]
fn the_guide_explains_every_state() {
    let guide = document("docs/guide/README.md");
    let table = guide.split("| state | meaning |").nth(1).expect("the table of states");
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let told: Vec<&str> = rows.iter().filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    for state in State::ALL {
        assert!(
            told.contains(&state.name().replace('-', " ").as_str()),
            "the guide does not explain `{}`",
            state.name()
        );
    }
    assert_eq!(told.len(), State::ALL.len(), "{told:?}");
}

/// What the shipped campaign promises in its notes is so.
#[test]
fn the_shipped_settings_are_sound_also_where_they_are_notes() {
    let campaign = Campaign::new();
    ship(&campaign, "");
    campaign.run(["check"]).success().said("no problems; 27 letters would go out");
    // Every setting that is a note can be put to use: its key is one that the program knows.
    for name in ["config.toml", "assets/starter/config.toml"] {
        let reference = document("docs/reference/config.md");
        for line in document(name).lines() {
            let Some((key, _)) = line.strip_prefix("# ").and_then(|line| line.split_once(" = ")) else {
                continue;
            };
            let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            assert!(!is_key || reference.contains(&format!("`{key}`")), "{name}: no key `{key}`");
        }
    }
}
