//! The letter: one template that gives every recipient a subject, a text and an HTML that say the same.
//!
//! `templates/letter.md` is front matter in TOML between two `+++` lines, then Markdown with Handlebars:
//!
//! ```text
//! +++
//! subject = "Een oproep aan {{partij}}"
//! +++
//! Geachte {{default naam "programmacommissie"}},
//! {{> foot}}
//! ```
//!
//! Read, checked and resolved once ([`Letter::compile`]); merged per recipient in some ten microseconds
//! ([`Letter::merge`]), because what all recipients of one branch share is converted once and kept.
//!
//! Markdown is CommonMark without HTML and pictures. `templates/letter.html` is a letter that is HTML itself ([`super::markup`]).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::civil::Date;

use super::attachments::{Attachments, Wanted};
use super::blocks::blocks;
use super::definition::{Definition, LetterSource};
use super::file_name;
use super::front_matter::FrontMatter;
use super::manuscript::Manuscript;
use super::markdown::{Shape, faults};
use super::markup;
use super::markup_rules;
use super::merge::{CLOSE, Days, OPEN, Walk, token};
use super::problem::{Place, Problem, Problems};
use super::script::{Node, Resolver, nearest, normal};
use super::sequence::FURTHER_FIELDS;
use super::tags::{Kind, Source, without_raw_output};
use super::words::Tongue;
use crate::mail::headers;

/// How many shapes are kept, and how many octets they may take together.
const MOST_SHAPES: usize = 1000;
const LARGEST_SHAPES: usize = 8 << 20;
/// The largest template file; a letter of two pages has some ten kilobytes.
const LARGEST_FILE: usize = 200_000;
/// The most `{{…}}` in one file.
const MOST_TAGS: usize = 5000;

/// A letter, compiled and checked. Cheap to share between threads.
#[derive(Debug)]
pub struct Letter {
    /// Without one, the letter answers under the first letter's.
    subject: Option<Vec<Node>>,
    body: Vec<Node>,
    attachments: Attachments,
    pdf: Option<Pdf>,
    /// The columns that it uses, by their normalised names.
    used: Vec<String>,
    /// Where those columns stand in a row of the roster it was compiled for.
    at: Vec<usize>,
    file: String,
    /// Whether its body is a page of HTML.
    html: bool,
    language: String,
    tongue: Option<Tongue>,
    shapes: RwLock<Shapes>,
}

/// The PDF that goes along.
#[derive(Clone, Debug)]
struct Pdf {
    template: String,
    /// What it is called; without it, like the template.
    name: Option<Vec<Node>>,
}

#[derive(Debug, Default)]
struct Shapes {
    known: HashMap<Box<[u8]>, Arc<Shape>>,
    size: usize,
}

/// A row's way through a letter.
pub(super) struct Prepared<'v> {
    pub(super) subject: String,
    /// The subject before it was cleaned.
    pub(super) raw_subject: String,
    pub(super) walk: Walk<'v>,
    pub(super) shape: Arc<Shape>,
}

/// What one letter is merged with.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The columns of the row under their normalised names.
    pub fields: &'a [(String, String)],
    /// The date of sending, in the campaign's zone.
    pub today: Date,
    /// What a further letter follows; nothing for a first one.
    pub follows: Option<Follows<'a>>,
}

/// What a further letter knows of the first.
#[derive(Clone, Copy, Debug)]
pub struct Follows<'a> {
    /// The day on which the first letter went, in the campaign's zone.
    pub first_on: Date,
    /// The subject under which it is answered: `Re: …`.
    pub subject: &'a str,
}

impl Input<'_> {
    fn days(&self) -> Days {
        Days { today: self.today, first: self.follows.map_or(self.today, |follows| follows.first_on) }
    }
}

/// A letter merged for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The subject: one line, without control characters.
    pub subject: String,
    /// The text/plain body; one line per paragraph, parted by LF.
    pub text: String,
    /// The text/html body, a whole document.
    pub html: String,
}

impl Letter {
    /// Reads and checks a letter for a roster with these columns (normalised names, in the file's order).
    ///
    /// Every problem is named with file, line and column; with an error among them there is no letter.
    pub fn compile(
        source: &LetterSource,
        definition: &Definition,
        columns: &[String],
        problems: &mut Problems,
    ) -> Option<Self> {
        let before = problems.errors();
        let file = source.file();
        check_size(&file, &source.text, problems);
        for (name, text) in &source.partials {
            check_size(&source.file_of(name), text, problems);
        }
        if problems.errors() > before {
            return None;
        }
        let text = normal(&source.text);
        let front = FrontMatter::read(&file, &text, source.is_html(), problems)?;
        let later = definition.is_later(source);
        if !front.has_subject && !later {
            problems.push(FrontMatter::no_subject(&file, source.is_html()));
        }
        let of_the_row = columns;
        let further;
        let columns = if later {
            refuse_columns_of_the_same_name(&file, columns, problems);
            further = [columns, &FURTHER_FIELDS.map(str::to_owned)].concat();
            &further
        } else {
            columns
        };
        // Every page has a title; that of a letter that follows begins no other conversation.
        let own = front.subject.as_ref().filter(|_| !(later && front.is_title));
        let subject = own.and_then(|subject| subject.source(&file, problems));
        let pdf_name = front.pdf.as_ref().and_then(|pdf| pdf.name.as_ref());
        let pdf_name = pdf_name.and_then(|name| name.source(&file, problems));
        let body = Source::read(&file, front.body, front.body_line, 0, problems);
        // Three braces are an error by now, and no reason to say nothing of the rest.
        let cleaned = if body.is_none() { without_raw_output(front.body) } else { None };
        let body = body.or_else(|| {
            Source::read(&file, cleaned.as_deref()?, front.body_line, 0, &mut Problems::default())
        });
        let mut resolver = Resolver::new(source, definition, columns, problems);
        let subject = subject.map(|subject| resolver.resolve(&subject));
        let pdf_name = pdf_name.map(|name| resolver.resolve(&name));
        resolver.in_body = true;
        let nodes = body.as_ref().map(|body| resolver.resolve(body));
        resolver.in_body = false;
        (resolver.columns, resolver.only_the_row) = (of_the_row, true);
        let attachments = Attachments::compile(&front.attachments, &file, definition, &mut resolver);
        let used = std::mem::take(&mut resolver.used);
        let included = std::mem::take(&mut resolver.included);
        if let Some(body) = &body {
            check_body(body, source.is_html(), problems);
        }
        if let Some(pdf) = &front.pdf {
            check_template(&pdf.template, &pdf.place, definition, problems);
        }
        for (name, text) in &source.partials {
            if included.contains(name) {
                let text = normal(text);
                let mut again = Problems::default();
                if let Some(partial) = Source::read(&source.file_of(name), &text, 0, 0, &mut again) {
                    check_body(&partial, source.is_html(), problems);
                }
            }
        }
        if problems.errors() > before {
            return None;
        }
        let at =
            used.iter().map(|name| columns.iter().position(|column| column == name).unwrap_or(0)).collect();
        Some(Self {
            subject,
            body: nodes?,
            attachments,
            pdf: front.pdf.map(|pdf| Pdf { template: pdf.template, name: pdf_name }),
            used,
            at,
            file,
            html: source.is_html(),
            language: definition.language.clone(),
            tongue: Tongue::of(&definition.language),
            shapes: RwLock::default(),
        })
    }

    /// Merges the letter for one recipient; or says everything that keeps it from being sent to this row.
    pub fn merge(&self, input: &Input<'_>) -> Result<Merged, Vec<Problem>> {
        let columns = self.columns(input);
        let Prepared { subject, walk, shape, .. } = self.prepare(&columns, input)?;
        let mut text = String::with_capacity(shape.size());
        shape.text(&walk.given, &mut text);
        let html = shape.page(&self.language, &subject, &walk.given);
        Ok(Merged { subject, text, html })
    }

    /// Returns the HTML with each value marked that was merged into its text; nobody is sent that.
    ///
    /// # Errors
    /// Everything that keeps the letter from being sent to this row.
    pub fn marked(&self, input: &Input<'_>) -> Result<String, Vec<Problem>> {
        let columns = self.columns(input);
        let Prepared { subject, walk, shape, .. } = self.prepare(&columns, input)?;
        Ok(shape.marked_page(&self.language, &subject, &walk.given))
    }

    /// Looks whether the letter can be merged for this row, without writing it: empty fields, wrong dates and links.
    pub fn inspect(&self, input: &Input<'_>) -> Result<(), Vec<Problem>> {
        let columns = self.columns(input);
        self.prepare(&columns, input).map(drop)
    }

    /// Merges as [`Letter::merge`] does, but converts the shape anew: what the kept shapes are held to in tests.
    pub fn merge_afresh(&self, input: &Input<'_>) -> Result<Merged, Vec<Problem>> {
        let fresh = Self {
            subject: self.subject.clone(),
            body: self.body.clone(),
            attachments: self.attachments.clone(),
            pdf: self.pdf.clone(),
            used: self.used.clone(),
            at: self.at.clone(),
            file: self.file.clone(),
            html: self.html,
            language: self.language.clone(),
            tongue: self.tongue,
            shapes: RwLock::default(),
        };
        fresh.merge(input)
    }

    /// Returns the files that go along with this row's letter, in the order in which they stand in it.
    ///
    /// # Errors
    /// What keeps one from being named: an empty field, a path that leads nowhere.
    pub fn wanted(&self, input: &Input<'_>) -> Result<Vec<Wanted<'_>>, Vec<Problem>> {
        if self.attachments.is_empty() {
            return Ok(Vec::new());
        }
        self.attachments.wanted(&self.columns(input), input.today, self.tongue)
    }

    /// Returns whether any file goes along.
    pub fn encloses(&self) -> bool {
        !self.attachments.is_empty()
    }

    /// Returns the template of the PDF that goes along, where the letter asks for one.
    pub fn pdf_template(&self) -> Option<&str> {
        self.pdf.as_ref().map(|pdf| pdf.template.as_str())
    }

    /// Merges the letter for the typesetter; nothing where it asks for no PDF. It says what [`Letter::merge`] says.
    ///
    /// # Errors
    /// Everything that keeps it from being sent to this row.
    pub fn manuscript(&self, input: &Input<'_>) -> Result<Option<Manuscript>, Vec<Problem>> {
        let Some(pdf) = &self.pdf else { return Ok(None) };
        let columns = self.columns(input);
        let Prepared { subject, walk, .. } = self.prepare(&columns, input)?;
        let markdown = Walk::markdown(&self.body, &columns, input.days(), self.tongue);
        let (file_name, _) = self.file_name(pdf, &columns, input.today);
        Ok(Some(Manuscript {
            template: pdf.template.clone(),
            file_name: file_name.unwrap_or_default(),
            subject,
            body: blocks(&markdown, &walk.given),
        }))
    }

    /// Returns what the PDF is called for a row, and what is wrong with that.
    fn file_name(&self, pdf: &Pdf, columns: &[&str], today: Date) -> (Option<String>, Vec<Problem>) {
        let Some(name) = &pdf.name else {
            return (file_name::safe(pdf.template.trim_end_matches(".typ"), ".pdf"), Vec::new());
        };
        let (text, mut findings) = Walk::plain(name, columns, today, self.tongue);
        let safe = file_name::safe(&text, ".pdf");
        if safe.is_none() && findings.is_empty() {
            let said = "nothing of `pdf-name` is left for this row";
            findings.push(Problem::error("pdf-name", Place::file(&self.file), said));
        }
        (safe, findings)
    }

    /// Returns the columns that the letter uses, by their normalised names.
    pub fn columns_used(&self) -> &[String] {
        &self.used
    }

    /// Merges the subject alone.
    pub fn subject(&self, input: &Input<'_>) -> String {
        let columns = self.columns(input);
        headers::clean(&self.raw_subject(&columns, input).0)
    }

    /// Returns the subject as it is merged, and what is wrong with that.
    fn raw_subject(&self, columns: &[&str], input: &Input<'_>) -> (String, Vec<Problem>) {
        match &self.subject {
            Some(subject) => Walk::plain(subject, columns, input.today, self.tongue),
            None => (input.follows.map_or("", |follows| follows.subject).to_owned(), Vec::new()),
        }
    }

    /// Returns whether the letter has a subject of its own, as a first one must.
    pub fn has_own_subject(&self) -> bool {
        self.subject.is_some()
    }

    /// Returns the subject without any value in it and without its branches.
    pub fn bare_subject(&self) -> String {
        let fixed = |node: &Node| match node {
            Node::Text(text) => Some(text.clone()),
            Node::Put(_) | Node::If { .. } | Node::Each { .. } | Node::Among(_) | Node::Quote(..) => None,
        };
        self.subject.iter().flatten().filter_map(fixed).collect()
    }

    pub(super) fn columns<'v>(&self, input: &Input<'v>) -> Vec<&'v str> {
        let of = |(name, at): (&String, &usize)| match input.fields.get(*at) {
            Some((found, value)) if found == name => value.as_str(),
            _ => input.fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str()),
        };
        self.used.iter().zip(&self.at).map(of).collect()
    }

    /// Goes the row's way through the letter; or says what keeps the letter from it.
    pub(super) fn prepare<'v>(
        &'v self,
        columns: &'v [&'v str],
        input: &Input<'_>,
    ) -> Result<Prepared<'v>, Vec<Problem>> {
        let today = input.today;
        let (raw_subject, mut findings) = self.raw_subject(columns, input);
        let subject = headers::clean(&raw_subject);
        if subject.is_empty() && findings.is_empty() {
            findings.push(Problem::error(
                "empty-subject",
                Place::file(&self.file),
                "the subject is empty for this row",
            ));
        }
        if !self.attachments.is_empty() {
            findings.extend(self.attachments.wanted(columns, today, self.tongue).err().into_iter().flatten());
        }
        if let Some(pdf) = &self.pdf {
            findings.extend(self.file_name(pdf, columns, today).1);
        }
        let mut walk = Walk::trail(&self.body, columns, input.days(), self.tongue);
        findings.append(&mut walk.findings);
        if !findings.is_empty() {
            self.locate(&mut findings);
            return Err(findings);
        }
        let shape = self.shape(&walk, columns, input.days());
        shape.check(&walk.given, &mut findings);
        self.locate(&mut findings);
        if findings.is_empty() { Ok(Prepared { subject, raw_subject, walk, shape }) } else { Err(findings) }
    }

    /// Gives a finding of the whole letter its place.
    fn locate(&self, findings: &mut [Problem]) {
        for finding in findings {
            if finding.place.as_ref().is_some_and(|place| place.file.is_empty()) {
                finding.place = Some(Place::file(&self.file));
            }
        }
    }

    /// Returns the shape of a trail, kept or made.
    fn shape(&self, walk: &Walk<'_>, columns: &[&str], days: Days) -> Arc<Shape> {
        let known =
            self.shapes.read().unwrap_or_else(PoisonError::into_inner).known.get(&*walk.trail).cloned();
        if let Some(shape) = known {
            return shape;
        }
        let written = Walk::markdown(&self.body, columns, days, self.tongue);
        let shape = Arc::new(match self.html {
            true => markup::shape(&written, &self.language),
            false => Shape::of(&written),
        });
        let size = shape.size() + walk.trail.len();
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        if shapes.known.len() < MOST_SHAPES && shapes.size + size <= LARGEST_SHAPES {
            shapes.size += size;
            shapes.known.insert(walk.trail.as_slice().into(), Arc::clone(&shape));
        }
        shape
    }
}

/// A column that has the name of a further field would hide it, or be hidden.
fn refuse_columns_of_the_same_name(file: &str, columns: &[String], problems: &mut Problems) {
    for column in columns.iter().filter(|column| FURTHER_FIELDS.contains(&column.as_str())) {
        let said =
            format!("the roster has a column `{column}`, which means something else in a further letter");
        let problem = Problem::error("further-field", Place::file(file), said);
        problems.push(problem.hint("give the column another heading"));
    }
}

fn check_size(file: &str, text: &str, problems: &mut Problems) {
    if text.len() > LARGEST_FILE {
        problems.push(Problem::error(
            "too-large",
            Place::file(file),
            format!("the file has {} kB; a letter may have {}", text.len() / 1000, LARGEST_FILE / 1000),
        ));
    } else if text.matches("{{").count() > MOST_TAGS {
        problems.push(Problem::error(
            "too-large",
            Place::file(file),
            format!("the file has more than {MOST_TAGS} `{{{{…}}}}`"),
        ));
    }
    for mark in [OPEN, CLOSE] {
        if let Some(at) = text.to_ascii_lowercase().find(mark) {
            let line = text[..at].matches('\n').count() as u64 + 1;
            problems.push(
                Problem::error(
                    "reserved-word",
                    Place::line(file, line),
                    format!("`{mark}` may not stand in a letter"),
                )
                .hint("postduif uses it to mark where values go; change the word"),
            );
        }
    }
}

/// Looks whether the template that a letter asks for is there.
fn check_template(template: &str, place: &Place, definition: &Definition, problems: &mut Problems) {
    let there = &definition.stationery.texts;
    if there.contains_key(template) {
        return;
    }
    let said = format!("there is no `templates/{template}`");
    let problem = Problem::error("no-template", place.clone(), said);
    problems.push(match nearest(template, there.keys().map(String::as_str)) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None => problem.hint("take away the line `pdf = …` where no PDF is wanted"),
    });
}

/// Looks for HTML, pictures and links that a letter may not have, in all branches at once.
fn check_body(source: &Source<'_>, html: bool, problems: &mut Problems) {
    // The same text with tokens for values and without the other tags, and where each piece came from.
    let mut body = String::with_capacity(source.text.len());
    let mut origins: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for tag in &source.tags {
        origins.push((body.len(), at));
        let alone = tag.kind != Kind::Put && {
            let before = source.text[..tag.start].rsplit('\n').next().unwrap_or("");
            let after = source.text[tag.end..].split('\n').next().unwrap_or("");
            before.trim().is_empty() && after.trim().is_empty()
        };
        body.push_str(&source.text[at.min(tag.start)..tag.start]);
        origins.push((body.len(), tag.start));
        at = tag.end;
        if tag.kind == Kind::Put {
            token(0, &mut body);
        } else if alone {
            let line_end =
                source.text[tag.end..].find('\n').map_or(source.text.len(), |end| tag.end + end + 1);
            at = line_end;
            body.truncate(body.trim_end_matches([' ', '\t']).len());
        }
    }
    origins.push((body.len(), at));
    body.push_str(source.text.get(at..).unwrap_or(""));
    let place = |offset: usize| {
        let (from, origin) =
            origins.iter().rev().find(|(from, _)| *from <= offset).copied().unwrap_or((0, 0));
        source.place_of((origin + offset - from).min(source.text.len()))
    };
    if html {
        for (offset, name, said) in markup_rules::faults(&body) {
            problems.push(Problem::error(name, place(offset), said));
        }
        for (offset, name, said) in markup_rules::remarks(&body) {
            problems.push(Problem::warning(name, place(offset), said));
        }
        return;
    }
    for (offset, name, said) in faults(&body) {
        let problem = Problem::error(name, place(offset), said);
        problems.push(match name {
            "raw-html" => problem.hint("write `\\<` for the sign itself, and `{{! … }}` for a remark"),
            _ => problem,
        });
    }
}
