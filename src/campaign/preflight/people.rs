//! One person under two spellings, and many of one organisation who get the same text: two passes over the roster.
//!
//! As in [`crate::campaign::twice`], the first pass keeps hashes, here of four octets; what occurs often enough is suspected, and
//! the second pass keeps the texts of the suspects alone. Two texts with one hash do no harm.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use super::catalogue::{SHARED_TEXT, TWO_SPELLINGS};
use crate::campaign::problem::{Problem, RowPlace};
use crate::campaign::recipient::Recipient;
use crate::campaign::twice::push;

/// So many suspects are kept in the second pass; with more of them there are other worries.
const KEPT: usize = 10_000;

/// Names with one of these words are no person's.
const ROLES: [&str; 18] = [
    "commissie",
    "bestuur",
    "fractie",
    "secretariaat",
    "afdeling",
    "bureau",
    "team",
    "partij",
    "redactie",
    "kantoor",
    "committee",
    "board",
    "office",
    "party",
    "vorstand",
    "ausschuss",
    "comité",
    "griffie",
];

/// Titles that stand before a name.
const TITLES: [&str; 14] =
    ["dhr", "mw", "mevr", "mevrouw", "heer", "de", "drs", "dr", "ir", "mr", "prof", "mrs", "ms", "herr"];

/// The first pass.
#[derive(Debug)]
pub struct Census {
    /// More than so many of one organisation are worth a look.
    most: usize,
    people: Vec<u32>,
    organisations: Vec<u32>,
}

impl Census {
    /// Begins one.
    pub fn new(per_organisation: usize) -> Self {
        Self { most: per_organisation, people: Vec::new(), organisations: Vec::new() }
    }

    /// Notes a recipient.
    pub fn note(&mut self, recipient: &Recipient) {
        for form in forms(recipient) {
            push(&mut self.people, hash(&form.text));
        }
        if let Some(organisation) = &recipient.organisation {
            push(&mut self.organisations, hash(&organisation.to_lowercase()));
        }
    }

    /// Returns those worth a second look.
    pub fn suspects(self) -> Acquaintance {
        Acquaintance {
            most: self.most,
            people: more_than(1, self.people),
            organisations: more_than(self.most, self.organisations),
            met: HashMap::new(),
            texts: HashMap::new(),
        }
    }
}

fn more_than(most: usize, mut hashes: Vec<u32>) -> HashSet<u32> {
    hashes.sort_unstable();
    let most = most.max(1);
    hashes.windows(most + 1).filter(|run| run.first() == run.last()).map(|run| run[0]).collect()
}

fn hash(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    let half = hasher.finish() as u32;
    half
}

/// The second pass.
#[derive(Debug)]
pub struct Acquaintance {
    most: usize,
    people: HashSet<u32>,
    organisations: HashSet<u32>,
    met: HashMap<String, Met>,
    texts: HashMap<(u32, u64), Crowd>,
}

/// Who had a form of name or address first.
#[derive(Debug)]
struct Met {
    at: RowPlace,
    address: String,
    shown: String,
    abbreviated: bool,
    given: String,
}

/// Recipients of one organisation with one text.
#[derive(Debug)]
struct Crowd {
    organisation: String,
    at: RowPlace,
    keys: Vec<String>,
    count: usize,
}

impl Acquaintance {
    /// Looks at a row: whether an earlier one is the same person under another spelling.
    pub fn meet(&mut self, file: &str, at: RowPlace, recipient: &Recipient) -> Option<Problem> {
        if self.people.is_empty() {
            return None;
        }
        let address = recipient.address()?.canonical();
        let mut found = None;
        for form in forms(recipient) {
            if !self.people.contains(&hash(&form.text)) {
                continue;
            }
            match self.met.get(&form.text) {
                Some(met) if met.address != address && found.is_none() && form.may_be(met) => {
                    let said = format!(
                        "`{}` and `{}` ({}) look like one person",
                        super::shown(&form.shown),
                        super::shown(&met.shown),
                        met.at
                    );
                    found = Some(TWO_SPELLINGS.at(at.in_file(file), said).about(&recipient.key));
                }
                Some(_) => {}
                None if self.met.len() < KEPT => {
                    let Form { text, shown, abbreviated, given } = form;
                    self.met.insert(text, Met { at, address: address.clone(), shown, abbreviated, given });
                }
                None => {}
            }
        }
        found
    }

    /// Counts a text; `text` is the same number for the same text.
    pub fn reads(&mut self, at: RowPlace, recipient: &Recipient, text: u64) {
        let Some(organisation) = &recipient.organisation else { return };
        let name = hash(&organisation.to_lowercase());
        if !self.organisations.contains(&name) {
            return;
        }
        let room = self.texts.len() < KEPT;
        match self.texts.get_mut(&(name, text)) {
            Some(crowd) => {
                crowd.count += 1;
                if crowd.keys.len() < 5 {
                    crowd.keys.push(recipient.key.clone());
                }
            }
            None if room => {
                let organisation = organisation.clone();
                self.texts.insert(
                    (name, text),
                    Crowd { organisation, at, keys: vec![recipient.key.clone()], count: 1 },
                );
            }
            None => {}
        }
    }

    /// Returns the organisations of which too many get one text.
    pub fn crowds(self, file: &str) -> Vec<Problem> {
        let mut crowds: Vec<_> = self.texts.into_values().filter(|crowd| crowd.count > self.most).collect();
        crowds.sort_by_key(|crowd| crowd.at.row);
        let told = |crowd: Crowd| {
            let more = if crowd.count > crowd.keys.len() { ", …" } else { "" };
            let said = format!(
                "{} recipients of `{}` get the same text: {}{more}",
                crowd.count,
                super::shown(&crowd.organisation),
                crowd.keys.join(", ")
            );
            SHARED_TEXT
                .at(crowd.at.in_file(file), said)
                .hint("choose among them, or allow more with `[preflight] per-organisation`")
        };
        crowds.into_iter().map(told).collect()
    }
}

/// A form of a name or an address under which two spellings are one.
struct Form {
    text: String,
    shown: String,
    /// Whether the given name is only an initial.
    abbreviated: bool,
    /// The given name, where there is one.
    given: String,
}

impl Form {
    /// Two given names that are both written out must be one; an initial fits every name that begins with it.
    fn may_be(&self, met: &Met) -> bool {
        self.abbreviated || met.abbreviated || self.given == met.given
    }
}

fn forms(recipient: &Recipient) -> Vec<Form> {
    let Some(address) = recipient.address() else { return Vec::new() };
    let mut forms = Vec::with_capacity(4);
    let local = address.local().split('+').next().unwrap_or("");
    let shown = || format!("{}@{}", address.local(), address.domain());
    let plain = folded(local);
    if plain.len() >= 4 {
        forms.push(Form {
            text: format!("a {} {plain}", address.domain()),
            shown: shown(),
            abbreviated: false,
            given: String::new(),
        });
    }
    let parts: Vec<String> =
        local.split(['.', '_', '-']).map(folded).filter(|part| !part.is_empty()).collect();
    forms.extend(initial(&parts, &format!("i {}", address.domain()), &shown()));
    let name = recipient.name.as_deref().unwrap_or("");
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == '.')
        .map(folded)
        .skip_while(|word| TITLES.contains(&word.as_str()) || word.is_empty())
        .filter(|word| !word.is_empty())
        .collect();
    let role = words.iter().any(|word| ROLES.iter().any(|role| word.contains(role)));
    if words.len() >= 2 && !role {
        let of =
            recipient.organisation.as_deref().map_or_else(|| address.domain().to_owned(), str::to_lowercase);
        forms.push(Form {
            text: format!("n {of} {}", words.concat()),
            shown: name.to_owned(),
            abbreviated: false,
            given: String::new(),
        });
        forms.extend(initial(&words, &format!("m {of}"), name));
    }
    forms
}

/// The initial and the rest: `jan.jansen` and `j.jansen` have one such form.
fn initial(parts: &[String], of: &str, shown: &str) -> Option<Form> {
    let (given, rest) = parts.split_first()?;
    let first = given.chars().next().filter(|c| c.is_alphabetic())?;
    // Several initials are a given name, too: J.A. de Vries.
    let surname: String =
        rest.iter().skip_while(|part| part.chars().count() == 1).map(String::as_str).collect();
    if surname.chars().count() < 3 || !surname.chars().all(char::is_alphabetic) {
        return None;
    }
    Some(Form {
        text: format!("{of} {first} {surname}"),
        shown: shown.to_owned(),
        abbreviated: given.chars().count() == 1,
        given: given.clone(),
    })
}

/// Letters and digits in lower case, without accents.
fn folded(text: &str) -> String {
    let fold = |c: char| match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ş' | 'š' => 's',
        'ğ' => 'g',
        c => c,
    };
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::recipient::{Addressees, Channel};
    use crate::mail::address::Address;

    fn place(line: u64) -> RowPlace {
        RowPlace { line: Some(line), row: line }
    }

    fn recipient(name: &str, organisation: &str, address: &str) -> Recipient {
        Recipient {
            key: address.to_owned(),
            channel: Channel::Mail(Addressees::one(Address::parse(address).unwrap())),
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            organisation: Some(organisation.to_owned()).filter(|name| !name.is_empty()),
            deadline: None,
            fields: Vec::new(),
        }
    }

    /// What is told of rows with a name, an organisation and an address.
    fn told(rows: &[(&str, &str, &str)]) -> Vec<String> {
        let rows: Vec<_> = rows.iter().map(|(name, of, address)| recipient(name, of, address)).collect();
        let mut census = Census::new(3);
        rows.iter().for_each(|row| census.note(row));
        let mut suspects = census.suspects();
        (2..)
            .zip(&rows)
            .filter_map(|(line, row)| suspects.meet("r.csv", place(line), row))
            .map(|it| it.said)
            .collect()
    }

    #[test]
    fn one_person_under_two_spellings_is_found_and_two_persons_are_not() {
        for (one, other) in [
            (("", "", "o'neill@a.example"), ("", "", "oneill@a.example")),
            (("", "", "jan.jansen@a.example"), ("", "", "j.jansen@a.example")),
            (("", "", "jan.jansen@a.example"), ("", "", "Jan_Jansen@a.example")),
            (("", "", "jan.de.vries@a.example"), ("", "", "j.devries@a.example")),
            (("Jan Jansen", "D66", "jan@a.example"), ("Jan Jansen", "D66", "jansen@a.example")),
            (("Jan Jansen", "D66", "jan@a.example"), ("dhr. J. Jansen", "d66", "x@b.example")),
            (("Zoë de Vries", "", "z@a.example"), ("Zoe de Vries", "", "vries@a.example")),
            (("Sean O'Neill", "SP", "x@a.example"), ("Sean ONeill", "SP", "y@a.example")),
        ] {
            assert_eq!(told(&[one, other]).len(), 1, "{one:?} {other:?}");
        }
        for (one, other) in [
            (("", "", "info@a.example"), ("", "", "programma@a.example")),
            (("", "", "jan.jansen@a.example"), ("", "", "joke.jansen@a.example")),
            (("", "", "jan.jansen@a.example"), ("", "", "jan.jansen@b.example")),
            (("", "", "j.jansen@a.example"), ("", "", "p.jansen@a.example")),
            (("", "", "afdeling.1@a.example"), ("", "", "afdeling.2@a.example")),
            (("Jan Jansen", "D66", "a@a.example"), ("Jan Jansen", "CDA", "b@b.example")),
            (("Jan Jansen", "D66", "a@a.example"), ("Joke Jansen", "D66", "b@a.example")),
            (("Programmacommissie A", "D66", "a@a.example"), ("Programmacommissie A", "D66", "b@a.example")),
            (("Jan", "D66", "a@a.example"), ("Jan", "D66", "b@a.example")),
        ] {
            assert_eq!(told(&[one, other]), [] as [String; 0]);
        }
        assert_eq!(
            told(&[
                ("", "", "jan.jansen@a.example"),
                ("", "", "x@a.example"),
                ("", "", "j.jansen@a.example")
            ]),
            ["`j.jansen@a.example` and `jan.jansen@a.example` (line 2) look like one person"]
        );
    }

    #[test]
    fn many_of_one_organisation_with_one_text_are_told_once() {
        let rows: Vec<_> = (0..9)
            .map(|n| recipient("", if n < 5 { "D66" } else { "CDA" }, &format!("a{n}@a.example")))
            .collect();
        let texts = [1, 1, 1, 1, 2, 1, 1, 1, 2];
        let mut census = Census::new(3);
        rows.iter().for_each(|row| census.note(row));
        let mut suspects = census.suspects();
        for ((line, row), text) in (2..).zip(&rows).zip(texts) {
            suspects.reads(place(line), row, text);
        }
        let told: Vec<String> = suspects.crowds("r.csv").into_iter().map(|it| it.to_string()).collect();
        insta::assert_snapshot!(told.join("\n"), @"r.csv:2: warning: 4 recipients of `D66` get the same text: a0@a.example, a1@a.example, a2@a.example, a3@a.example; choose among them, or allow more with `[preflight] per-organisation`");
    }
}
