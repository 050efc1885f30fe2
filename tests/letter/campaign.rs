//! A small campaign for the tests of the letter.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use postduif::campaign::definition::{Definition, LetterSource, Sender};
use postduif::campaign::letter::{Input, Letter, Merged};
use postduif::campaign::problem::{Problem, Problems};
use postduif::campaign::stationery::Stationery;
use postduif::mail::address::Mailbox;

pub(crate) const COLUMNS: [&str; 8] =
    ["partij", "afkorting", "e_mail", "naam", "zetels", "datum", "plaatsen", "site"];

pub(crate) fn today() -> Date {
    date(2025, 9, 8)
}

pub(crate) fn definition(language: &str) -> Definition {
    Definition {
        name: "Oproep 2025".to_owned(),
        language: language.to_owned(),
        timezone: "Europe/Amsterdam".to_owned(),
        sender: Sender {
            from: Mailbox::parse("Ada Jansen <ada@stichting.example>").unwrap(),
            reply_to: Some(Mailbox::parse("post@stichting.example").unwrap()),
            verp: false,
            fields: BTreeMap::from([
                ("postal_address".to_owned(), "Dorpsstraat 1, Ons Dorp".to_owned()),
                ("phone".to_owned(), "020 000 00 00".to_owned()),
            ]),
        },
        steps: Vec::new(),
        attachments: BTreeMap::new(),
        stationery: Stationery::default(),
    }
}

pub(crate) fn source(text: &str, partials: &[(&str, &str)]) -> LetterSource {
    LetterSource {
        name: "letter".to_owned(),
        text: text.to_owned(),
        partials: partials.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    }
}

/// Compiles a letter with this body and the subject "Oproep".
pub(crate) fn compile(body: &str, partials: &[(&str, &str)]) -> Result<Letter, Vec<String>> {
    compile_whole(&format!("+++\nsubject = \"Oproep\"\n+++\n{body}"), partials)
}

pub(crate) fn compile_whole(text: &str, partials: &[(&str, &str)]) -> Result<Letter, Vec<String>> {
    let mut problems = Problems::default();
    let columns: Vec<String> = COLUMNS.iter().map(|&column| column.to_owned()).collect();
    let letter = Letter::compile(&source(text, partials), &definition("nl"), &columns, &mut problems);
    let said: Vec<String> = problems.sorted().into_iter().map(Problem::to_string).collect();
    assert_eq!(letter.is_none(), problems.errors() > 0, "{said:?}");
    letter.ok_or(said)
}

pub(crate) fn row(values: &[(&str, &str)]) -> Vec<(String, String)> {
    COLUMNS
        .iter()
        .map(|&column| {
            let value = values.iter().find(|(name, _)| *name == column).map_or("", |(_, value)| value);
            (column.to_owned(), value.to_owned())
        })
        .collect()
}

pub(crate) fn merge(letter: &Letter, values: &[(&str, &str)]) -> Result<Merged, Vec<String>> {
    letter
        .merge(&Input { fields: &row(values), today: today(), follows: None })
        .map_err(|findings| findings.iter().map(Problem::to_string).collect())
}

/// Merges a body and returns the text part.
pub(crate) fn text(body: &str, values: &[(&str, &str)]) -> String {
    merge(&compile(body, &[]).unwrap(), values).unwrap().text
}

/// Merges a body and returns the HTML within the wrapper.
pub(crate) fn html(body: &str, values: &[(&str, &str)]) -> String {
    let whole = merge(&compile(body, &[]).unwrap(), values).unwrap().html;
    let (_, from) = whole.split_once("text-align:left\">\n").unwrap();
    from.split_once("</div>").unwrap().0.to_owned()
}
