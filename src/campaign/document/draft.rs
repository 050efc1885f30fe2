//! A document as the first draft of `templates/letter.md`: its subject, its text, and what a person should look at.

use super::{Block, Content, Document, Note, Notes, Run, Sort, tidy, write};
use crate::campaign::headings::normalised;

/// The largest letter that is written; a letter of two pages has some ten kilobytes.
const LARGEST: usize = 190_000;

/// A first draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The whole file, front matter included.
    pub text: String,
    /// The fields of the mail merge that it uses, under the names that the document has for them.
    pub fields: Vec<String>,
    /// What was kept: "3 paragraphs, 1 list".
    pub kept: String,
    /// What was made of the rest.
    pub notes: Vec<Note>,
}

/// Writes a draft; with `foot`, the letter ends with `{{> foot}}`.
///
/// # Errors
/// [`Unreadable::TooLarge`](super::Unreadable::TooLarge) for a text that is no letter any more.
pub fn draft(document: Document, foot: bool) -> Result<Draft, super::Unreadable> {
    let document = tidy::document(document);
    if document.blocks.is_empty() {
        return Err(super::Unreadable::Empty);
    }
    let mut notes = document.notes;
    let (body, looks) = write::markdown(&document.blocks);
    looks.into_iter().for_each(|note| notes.say(note.sort, note.said));
    let fields = fields(&document.blocks, &mut notes);
    let subject = subject(&document.blocks, document.title.as_deref(), &mut notes);
    let mut text = format!("+++\nsubject = {subject}\n+++\n\n{body}\n");
    if foot {
        text.push_str("\n{{> foot}}\n");
        notes.say(Sort::Look, "`{{> foot}}` puts templates/foot.md at the end: who you are, why they get this, how to stop; take out what the letter says already");
    }
    if text.len() > LARGEST {
        return Err(super::Unreadable::TooLarge);
    }
    look_at(&text, &mut notes);
    Ok(Draft { text, fields, kept: kept(&document.blocks), notes: notes.list() })
}

/// Counts what was kept.
fn kept(blocks: &[Block]) -> String {
    fn count(blocks: &[Block], found: &mut [usize; 5]) {
        for block in blocks {
            match block {
                Block::Paragraph(runs) => {
                    found[0] += 1;
                    links(runs, found);
                }
                Block::Heading(_, runs) => {
                    found[1] += 1;
                    links(runs, found);
                }
                Block::List { items, .. } => {
                    found[2] += 1;
                    items.iter().for_each(|item| count(item, found));
                }
                Block::Quote(inner) => {
                    found[3] += 1;
                    count(inner, found);
                }
                Block::Table { .. } | Block::Rule => {}
            }
        }
    }
    fn links(runs: &[Run], found: &mut [usize; 5]) {
        let mut before = None;
        for run in runs {
            let link = run.style.link.as_ref();
            found[4] += usize::from(link.is_some() && link != before);
            before = link;
        }
    }
    let mut found = [0; 5];
    count(blocks, &mut found);
    let words = ["paragraph", "heading", "list", "quotation", "link"];
    let said = found.iter().zip(words).filter(|(count, _)| **count > 0);
    said.map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Visits the text of every paragraph and heading.
fn visit<'b>(blocks: &'b [Block], look: &mut impl FnMut(&'b [Run], bool)) {
    for block in blocks {
        match block {
            Block::Paragraph(runs) => look(runs, false),
            Block::Heading(_, runs) => look(runs, true),
            Block::List { items, .. } => items.iter().for_each(|item| visit(item, look)),
            Block::Quote(inner) => visit(inner, look),
            Block::Table { rows, .. } => rows.iter().flatten().for_each(|cell| visit(cell, look)),
            Block::Rule => {}
        }
    }
}

/// The fields of the mail merge, in the order of their first use.
fn fields(blocks: &[Block], notes: &mut Notes) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let mut today = false;
    visit(blocks, &mut |runs, _| {
        for run in runs {
            match &run.content {
                Content::Field(name) if !fields.contains(name) => fields.push(name.clone()),
                Content::Today => today = true,
                _ => {}
            }
        }
    });
    for name in &fields {
        let shown = crate::mail::headers::clean(name);
        notes.say(Sort::Changed, format!("the merge field «{shown}» became `{}`", write::field(name)));
    }
    if today {
        notes.say(Sort::Changed, "the date of the day became `{{date today}}`");
    }
    fields.retain(|name| write::field(name).starts_with("{{"));
    fields
}

/// Words before a colon that name what a letter is about.
const ABOUT: [&str; 9] =
    ["betreft", "betr.", "onderwerp", "inzake", "subject", "concerns", "re", "betrifft", "objet"];

/// Finds the subject, as a TOML string; tells where it is from.
fn subject(blocks: &[Block], title: Option<&str>, notes: &mut Notes) -> String {
    let mut named = None;
    let mut headed = None;
    visit(blocks, &mut |runs, heading| {
        for line in runs.split(|run| run.content == Content::Break) {
            let text = plain(line);
            if let Some((word, about)) = text.split_once(':')
                && ABOUT.contains(&word.trim().to_lowercase().as_str())
                && !about.trim().is_empty()
            {
                named.get_or_insert((about.trim().to_owned(), format!("{}:", word.trim())));
            }
        }
        if heading {
            headed.get_or_insert_with(|| plain(runs));
        }
    });
    // Programs put their own into the title of a document.
    let title = title.filter(|title| {
        let title = title.to_lowercase();
        !["microsoft word", "untitled", "naamloos", "document"].iter().any(|own| title.starts_with(own))
            && !title.ends_with(".docx")
    });
    let (text, said) = match (named, title, headed) {
        (Some((about, word)), ..) => (
            about,
            format!("the subject is from the line \"{word} …\", which is still in the letter as well"),
        ),
        (None, Some(title), _) => (escaped(title), "the subject is the document's title".to_owned()),
        (None, None, Some(heading)) => {
            (heading, "the subject is the first heading, which is still in the letter as well".to_owned())
        }
        (None, None, None) => {
            ("[onderwerp]".to_owned(), "no subject was found: write one in place of `[onderwerp]`".to_owned())
        }
    };
    notes.say(Sort::Look, said);
    quoted(&crate::mail::headers::clean(&text))
}

/// Writes a TOML string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A line as the text of a subject: fields in braces, no looks.
fn plain(runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        let piece = match &run.content {
            Content::Text(piece) => escaped(piece),
            Content::Break => " ".to_owned(),
            Content::Field(name) => write::field(name),
            Content::Today => "{{date today}}".to_owned(),
        };
        if text.ends_with(['{', '\\']) && piece.starts_with('{') {
            text.push(' ');
        }
        text.push_str(&piece);
    }
    text
}

/// Two braces in a subject would begin a field; nobody means them.
fn escaped(text: &str) -> String {
    text.replace("{{", "{ {")
}

/// Words that begin a salutation.
const SALUTATIONS: [&str; 14] = [
    "geachte",
    "beste",
    "hooggeachte",
    "edelachtbare",
    "weledele",
    "weledelgestrenge",
    "excellentie",
    "hallo",
    "lieve",
    "l.s.",
    "dear",
    "sehr",
    "liebe",
    "madame",
];

/// Looks through the finished letter for what a person should look at, line by line.
fn look_at(text: &str, notes: &mut Notes) {
    let body = text
        .match_indices("+++\n")
        .nth(1)
        .map_or(0, |(at, mark)| text[..at + mark.len()].matches('\n').count());
    let mut greeted = false;
    let mut merged = 0;
    for (number, line) in (1..).zip(text.lines()).skip(body) {
        let said = line.trim_end_matches(['\\', ' ']);
        let first = said.split([' ', ',']).next().unwrap_or("").to_lowercase();
        let short = said.chars().count() <= 80;
        let greets = SALUTATIONS.contains(&first.as_str())
            && short
            && (said.ends_with([',', '!', ':']) || first == "l.s.");
        if greets && !greeted && !said.contains("{{") {
            greeted = true;
            notes.say(
                Sort::Look,
                format!(
                    "templates/letter.md:{number}: \"{}\" greets everyone alike; a column can stand there, as in `{{{{default aanhef \"{}\"}}}},`",
                    shown(said),
                    if first == "dear" { "Dear Sir or Madam" } else { "Geachte heer, mevrouw" }
                ),
            );
        }
        if merged < 5 {
            for name in chevrons(line) {
                merged += 1;
                notes.say(
                    Sort::Look,
                    format!("templates/letter.md:{number}: «{}» looks like a field of a mail merge; if it is one, write `{}`", shown(name), write::field(name)),
                );
            }
        }
        if line.contains("\\{\\{") && line.contains("}}") {
            notes.say(
                Sort::Look,
                format!("templates/letter.md:{number}: the braces stand in the document as text; to make a field of them, take the `\\` away"),
            );
        }
        if number < body + 25 && date_line(said) {
            notes.say(Sort::Look, format!("templates/letter.md:{number}: \"{}\" has a date; `{{{{date today}}}}` is the day of sending", shown(said)));
        }
    }
    // Braces that stand in the document as text were told above.
    let lines: Vec<&str> = text.lines().collect();
    let told = |line: u64| {
        let index = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
        index.and_then(|index| lines.get(index)).is_some_and(|line| line.contains("\\{\\{"))
    };
    let mut left = crate::campaign::placeholder::leftovers(text, None);
    left.retain(|leftover| !(leftover.text.starts_with('{') && told(leftover.line)));
    if let Some(first) = left.first() {
        let more = match left.len() {
            1 => "is".to_owned(),
            count => format!("and {} more are", count - 1),
        };
        notes.say(
            Sort::Look,
            format!("templates/letter.md:{}: `{}` {more} still to be filled in", first.line, first.text),
        );
    }
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The words between « and » that could name a column.
fn chevrons(line: &str) -> impl Iterator<Item = &str> {
    line.split('«').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('»')?;
        let word = name.trim() == name && !name.is_empty() && name.chars().count() <= 40;
        (word && !normalised(name).is_empty()).then_some(name)
    })
}

/// Returns whether a line is a place and a date, or a date alone: `Amsterdam, 12 mei 2025`.
fn date_line(line: &str) -> bool {
    const MONTHS: [&str; 36] = [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "januar",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ];
    let words: Vec<String> = line
        .to_lowercase()
        .split([' ', ',', '.'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.len() <= 7
        && words.windows(3).any(|three| {
            let year = |word: &str| {
                word.len() == 4 && word.parse::<u16>().is_ok_and(|year| (1990..2100).contains(&year))
            };
            let day = |word: &str| word.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day));
            day(&three[0]) && MONTHS.contains(&three[1].as_str()) && year(&three[2])
        })
}
