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

/// The names by which the headings of a document are linked to, as the common sites of repositories make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = without_code(text);
    let heading = |line: &str| {
        let said = line.trim_start_matches('#').trim().to_lowercase();
        let kept = said.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    prose.lines().filter(|line| line.starts_with('#')).map(heading).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut lost = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            if !there.exists()
                || (!heading.is_empty() && !anchors(&fs::read_to_string(there).unwrap()).contains(heading))
            {
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

/// The guide's pages: in Dutch, and in English.
const GUIDE: [(&str, &str); 3] = [
    ("nl/campagne.md", "en/campaign.md"),
    ("nl/account.md", "en/account.md"),
    ("nl/beheer.md", "en/operations.md"),
];

fn guide(page: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide").join(page)).unwrap()
}

/// The text without fenced code, and what stood in it.
fn without_code(text: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code, mut fenced) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push(line);
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    (prose, code)
}

/// The pieces of the text between two marks.
fn between<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.split(mark).skip(1).step_by(2).collect()
}

/// The commands that a page shows: verb, options and words, without what is each language's own.
fn commands(text: &str) -> Vec<String> {
    let (prose, fenced) = without_code(text);
    let shown =
        between(&prose, "`").into_iter().chain(fenced.into_iter().filter_map(|line| line.strip_prefix("$ ")));
    let mut commands: Vec<String> = shown
        .filter_map(|typed| typed.trim().strip_prefix("postduif "))
        .map(|typed| {
            // What is in quotes is each language's own.
            let typed: String = typed.split('"').step_by(2).collect();
            let mut words = typed.split_whitespace().peekable();
            if words.next_if_eq(&"-C").is_some() {
                words.next();
            }
            let verb = words.next().unwrap_or_default();
            let says = ["mark", "settle", "suppress"].contains(&verb);
            let is_word = |word: &str| says && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let rest: Vec<&str> = words.filter(|word| word.starts_with("--") || is_word(word)).collect();
            format!("{verb} {}", rest.join(" "))
        })
        .collect();
    commands.sort();
    commands
}

fn headings(text: &str) -> Vec<usize> {
    let (prose, _) = without_code(text);
    let level = |line: &str| line.chars().take_while(|sign| *sign == '#').count();
    prose.lines().map(level).filter(|level| *level > 0).collect()
}

fn pictures(text: &str) -> Vec<(&str, &str)> {
    text.split("![").skip(1).map(|rest| rest.split_once("](").unwrap()).collect()
}

#[test]
fn the_guide_says_the_same_in_both_languages() {
    for (dutch, english) in GUIDE {
        let (nl, en) = (guide(dutch), guide(english));
        assert!(headings(&nl).len() > 5, "{dutch}");
        assert_eq!(headings(&nl), headings(&en), "{dutch}: other headings than {english}");
        assert!(commands(&nl).len() > 2, "{dutch}");
        assert_eq!(commands(&nl), commands(&en), "{dutch}: other commands than {english}");
        let names = |text: &str| -> Vec<String> {
            pictures(text)
                .iter()
                .map(|(_, rest)| rest.split(')').next().unwrap().replace("pictures/nl/", "pictures/en/"))
                .collect()
        };
        assert_eq!(names(&nl), names(&en), "{dutch}: other pictures than {english}");
    }
    let door = guide("README.md");
    for page in GUIDE.iter().flat_map(|(dutch, english)| [dutch, english]) {
        assert!(door.contains(&format!("]({page})")), "docs/guide/README.md does not lead to {page}");
    }
}

#[test]
fn every_picture_is_there_and_says_what_it_shows() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let (prose, _) = without_code(&text);
        for (said, rest) in pictures(&prose) {
            seen += 1;
            let target = rest.split(')').next().unwrap();
            if said.split_whitespace().count() < 3 {
                wrong.push(format!("{}: {target}: `{said}` does not say what is seen", document.display()));
            }
            let bytes = fs::read(document.with_file_name(target)).unwrap_or_default();
            if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
                wrong.push(format!("{}: {target} is no picture", document.display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} pictures");
    assert_eq!(wrong, Vec::<String>::new());
}

/// The literals of a piece of Rust, in their order.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(at) = rest.find('"') {
        let (mut literal, mut escaped, mut end) = (String::new(), false, rest.len());
        for (nth, sign) in rest[at + 1..].char_indices() {
            match sign {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    end = at + 1 + nth + 1;
                    break;
                }
                _ => {
                    literal.push(sign);
                    escaped = false;
                }
            }
        }
        found.push(literal);
        rest = &rest[end..];
    }
    found
}

/// Every text of the page, English and Dutch: those of the table, and the pairs `("queued", "in de wachtrij")` below it.
fn texts_of_the_page() -> Vec<(String, String)> {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard/texts.rs")).unwrap();
    let (_, source) = source.split_once("\ntexts! {\n").unwrap();
    let (table, below) = source.split_once("\n}\n").unwrap();
    let (below, _) = below.split_once("#[cfg(test)]").unwrap();
    let table: String =
        table.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let table = literals(&table);
    assert_eq!(table.len() % 2, 0, "a text stands alone");
    let mut texts: Vec<_> = table.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    for (at, _) in below.match_indices("(\"") {
        let pair = literals(below[at..].split(')').next().unwrap());
        if let [english, dutch] = &pair[..] {
            texts.push((english.clone(), dutch.clone()));
        }
    }
    assert!(texts.len() > 200, "only {} texts", texts.len());
    texts
}

#[test]
fn what_is_bold_in_the_guide_stands_on_the_page() {
    let texts = texts_of_the_page();
    let mut wrong = Vec::new();
    for (dutch, english) in GUIDE {
        for page in [dutch, english] {
            let known: BTreeSet<&str> = texts
                .iter()
                .map(
                    |(english, dutch)| {
                        if page.starts_with("nl/") { dutch.as_str() } else { english.as_str() }
                    },
                )
                .collect();
            let text = guide(page);
            let (prose, _) = without_code(&text);
            // Code may show two stars, too.
            let prose: String = prose.split('`').step_by(2).collect();
            for said in between(&prose, "**") {
                let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                if !known.contains(said.as_str()) {
                    wrong.push(format!("{page}: {said}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
