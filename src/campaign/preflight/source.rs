//! What the author wrote: left-overs, the example's own text, dates and salutations, in all branches at once.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::catalogue::{EXAMPLE_PARAGRAPH, EXAMPLE_TEXT, FREEMAIL_REPLY_TO, LEFT_OVER};
use super::markup::Markup;
use super::{Found, dates, mail_programs, salutation};
use crate::campaign::definition::{Definition, Sender};
use crate::campaign::front_matter::without_lists;
use crate::campaign::problem::{Place, Problem};
use crate::campaign::words::Tongue;
use crate::campaign::{parts, placeholder};
use crate::mail::domain;

/// Looks at the letters and at what they include; `real` where letters would leave the machine.
pub fn look(definition: &Definition, today: Date, real: bool) -> Vec<Problem> {
    let mut files = BTreeMap::new();
    for source in &definition.steps {
        files.insert(&source.name, (source.file(), &source.text));
        let included = source.partials.iter();
        files.extend(included.map(|(name, text)| (name, (source.file_of(name), text))));
    }
    let used = used_files(definition);
    let tongue = Tongue::of(&definition.language);
    let mut problems = Vec::new();
    for (_, (file, text)) in files.into_iter().filter(|(name, _)| used.contains(name)) {
        let is_page = file.ends_with(".html");
        let listless = without_lists(text);
        let left_over = match is_page {
            true => placeholder::leftovers_in_page(&listless, tongue),
            false => placeholder::leftovers(&listless, tongue),
        };
        if is_page {
            for (line, found) in mail_programs::look(&Markup::read(text)) {
                problems.push(found.at(Place::line(&file, line), real));
            }
        }
        for left in left_over.into_iter().filter(|left| reaches_a_reader(text, left.line)) {
            let found = Found::new(&LEFT_OVER, format!("`{}` is still to be filled in", left.text));
            problems.push(found.at(Place::column(&file, left.line, left.column), real));
        }
        let mut found = Vec::new();
        dates::look(&placeholder::without_tags(text, '#'), today, tongue, &mut found);
        for (range, found) in found {
            problems.push(found.at(place(&file, text, range.start), real));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if !line.contains("{{") && salutation::is_one(line) {
                let mut found = Vec::new();
                salutation::look(line, &mut found);
                problems.extend(found.into_iter().map(|found| found.at(Place::line(&file, number), real)));
            }
        }
    }
    if real {
        problems.extend(example(definition));
    }
    problems
}

/// Returns whether a line, from 1, is of the letter itself, or of what its front matter shows to a reader.
fn reaches_a_reader(text: &str, line: u64) -> bool {
    let mut lines = (1..).zip(text.lines());
    if lines.next().is_none_or(|(_, first)| first.trim_end() != "+++") {
        return true;
    }
    let front = lines.take_while(|(_, line)| line.trim_end() != "+++");
    for (number, written) in front {
        if number == line {
            let remark = written.trim_start().starts_with('#');
            return !remark && !["accept", "finding", "reason"].iter().any(|word| written.contains(word));
        }
    }
    true
}

/// Looks for text that came with the program.
fn example(definition: &Definition) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in &definition.steps {
        let file = source.file();
        if placeholder::is_shipped_letter(&source.text) {
            let found = Found::new(&EXAMPLE_TEXT, "this is the letter that came with the program");
            let found = found.hint("write your own before you send to real addresses");
            problems.push(found.at(Place::file(file), true));
            continue;
        }
        let kept = placeholder::shipped_paragraphs(&source.text);
        if let Some((line, begins)) = kept.first() {
            let said = match kept.len() {
                1 => format!("the paragraph `{begins}` is the example's"),
                more => format!("{more} paragraphs are the example's, the first of them `{begins}`"),
            };
            problems.push(Found::new(&EXAMPLE_PARAGRAPH, said).at(Place::line(file, *line), true));
        }
    }
    problems
}

/// Looks at who writes; the places are those of `config.toml`, which a value is looked up in.
pub fn look_at_sender(
    name: &str,
    sender: &Sender,
    real: bool,
    place: impl Fn(&str) -> Place,
) -> Vec<Problem> {
    let own = [("campaign.name", Some(name)), ("sender.name", sender.from.name.as_deref())];
    let own = own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let free = sender
        .fields
        .iter()
        .map(|(key, value)| (format!("sender.{}", key.replace('_', "-")), value.as_str()));
    let mut problems = Vec::new();
    for (key, value) in own.chain(free) {
        for left in placeholder::leftovers(value, None) {
            let said = format!("`{key}`: `{}` is still to be filled in", left.text);
            problems.push(Found::new(&LEFT_OVER, said).at(place(value), real));
        }
        if real && key != "campaign.name" && placeholder::is_shipped_setting(value) {
            let said = format!("`{key}`: `{}` is the example's", super::shown(value));
            problems.push(Found::new(&EXAMPLE_TEXT, said).hint("write your own").at(place(value), real));
        }
    }
    if let Some(reply_to) = &sender.reply_to
        && reply_to.address.domain() != sender.from.address.domain()
        && domain::gives_mailboxes(reply_to.address.domain())
    {
        let address = reply_to.address.to_string();
        let said =
            format!("answers go to {address}, and the letters come from {}", sender.from.address.domain());
        problems.push(
            Found::new(&FREEMAIL_REPLY_TO, said)
                .hint("spam filters hold that for fraud; use an address of your own domain")
                .at(place(&address), real),
        );
    }
    problems
}

/// Returns line and column of an octet.
fn place(file: &str, text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Place::column(file, line, u32::try_from(column).unwrap_or(u32::MAX))
}

/// Returns the names of the files that the letters use, directly or through each other.
fn used_files(definition: &Definition) -> Vec<&String> {
    let mut used: Vec<&String> = Vec::new();
    for source in &definition.steps {
        used.extend([&source.name].into_iter().chain(parts::used(source)));
    }
    used
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::campaign::definition::LetterSource;
    use crate::mail::address::Mailbox;

    fn sender() -> Sender {
        Sender {
            from: Mailbox::parse("Ada <ada@ngo.nl>").unwrap(),
            reply_to: None,
            verp: false,
            fields: BTreeMap::new(),
        }
    }

    fn definition(text: &str) -> Definition {
        Definition {
            name: "Oproep".to_owned(),
            language: "nl".to_owned(),
            timezone: "Europe/Amsterdam".to_owned(),
            attachments: BTreeMap::new(),
            sender: sender(),
            stationery: Default::default(),
            steps: vec![LetterSource {
                name: "letter".to_owned(),
                text: text.to_owned(),
                partials: BTreeMap::from([
                    ("foot".to_owned(), "TODO".to_owned()),
                    ("unused".to_owned(), "[naam]".to_owned()),
                ]),
            }],
        }
    }

    fn told(text: &str, real: bool) -> Vec<String> {
        look(&definition(text), date(2025, 9, 1), real).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_author_wrote_is_told_with_line_and_column() {
        let letter = "+++\nsubject = \"Oproep\"\n+++\nGeachte heer de heer Jansen,\n\nWij komen op maandag\n9 september 2025, \
            of op maandag {{datum}} 9 september 2025. [naam]\n\n{{> foot}}\n";
        insta::assert_snapshot!(told(letter, true).join("\n"), @r"
        templates/foot.md:1:1: `TODO` is still to be filled in
        templates/letter.md:7:61: `[naam]` is still to be filled in
        templates/letter.md:6:14: `maandag 9 september 2025` is a Tuesday
        templates/letter.md:4: `Geachte heer de heer Jansen,` has a form of address twice
        ");
        assert!(told(letter, false).iter().all(|told| told.contains("warning: ")));
        let accepts = "+++\nsubject = \"[onderwerp]\"\n# TODO\naccept = [{ finding = \"thin-text\", reason = \"short\" }]\n+++\nGeachte leden,\n";
        assert_eq!(told(accepts, true), ["templates/letter.md:2:12: `[onderwerp]` is still to be filled in"]);
        assert_eq!(
            told("Geachte {{naam}},\n\nGeachte {{#if naam}}{{naam}}{{/if}},\n", true),
            [] as [String; 0]
        );
    }

    #[test]
    fn the_examples_text_is_told_where_it_is_whole_and_where_it_is_not() {
        let shipped = include_str!("../../../templates/letter.md");
        let names = |text: &str, real| -> Vec<&str> {
            look(&definition(text), date(2025, 9, 1), real)
                .into_iter()
                .map(|problem| problem.name)
                .filter(|name| *name != "left-over")
                .collect()
        };
        assert_eq!(names(shipped, true), ["example-text"]);
        assert_eq!(names(shipped, false), [] as [&str; 0]);
        let mine = shipped.replace("Kinderen kiezen niet zelf", "Kinderen kiezen echt niet zelf");
        assert_eq!(names(&mine, true), ["example-paragraph"]);
        assert_eq!(
            names(
                "Geachte leden,\n\nDit is onze eigen brief, en niet die van een ander, met genoeg woorden.\n",
                true
            ),
            [] as [&str; 0]
        );
    }

    #[test]
    fn the_sender_is_no_example_and_gets_answers_at_home() {
        let place = |_: &str| Place::file("config.toml");
        let mut sender = sender();
        sender.fields.insert("organisation".to_owned(), "Alliantie Samen voor Perspectief".to_owned());
        sender.fields.insert("phone".to_owned(), "[telefoon]".to_owned());
        sender.reply_to = Some(Mailbox::parse("ada.ngo@gmail.com").unwrap());
        let names = |sender: &Sender, real| -> Vec<&str> {
            look_at_sender("Oproep", sender, real, place).into_iter().map(|problem| problem.name).collect()
        };
        let shipped = include_str!("../../../config.toml");
        let organisation = shipped.lines().find_map(|line| line.strip_prefix("organisation = \"")).unwrap();
        sender.fields.insert("organisation".to_owned(), organisation.split('"').next().unwrap().to_owned());
        assert_eq!(names(&sender, true), ["example-text", "left-over", "freemail-reply-to"]);
        assert_eq!(names(&sender, false), ["left-over", "freemail-reply-to"]);
        sender.fields.clear();
        sender.from = Mailbox::parse("ada@gmail.com").unwrap();
        assert_eq!(names(&sender, true), [] as [&str; 0], "a free mail host for both is no fraud");
    }
}
