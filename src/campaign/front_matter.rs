//! A letter's front matter: TOML between two lines `+++`, and the body below it.
//!
//! A new key goes into [`KEYS`], is read in [`FrontMatter::read`] with the word of [`Table`] that fits it, and is told in
//! `docs/reference/letter.md`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::attachments;
use super::definition::LetterSource;
use super::file_name;
use super::markup;
use super::preflight::acceptance::{Acceptance, Written};
use super::problem::{Place, Problem, Problems};
use super::script::{nearest, normal};
use super::tags::Source;
use crate::mail::headers;

/// What may stand in it.
const KEYS: [&str; 5] = ["subject", "attachments", "pdf", "pdf-name", "accept"];

/// What may stand in one of `attachments`.
const KEYS_OF_ATTACHMENT: [&str; 3] = ["path", "name", "optional"];

/// What to write where there is none.
const EXAMPLE: &str = "begin the file with `+++`, a line `subject = \"…\"` and another `+++`";

const PAGE_EXAMPLE: &str = "write it between `<title>` and `</title>`, or begin the file with `+++`, a line `subject = \"…\"` and another `+++`";

/// The front matter of a letter, and its body.
#[derive(Debug)]
pub(super) struct FrontMatter<'t> {
    /// The subject; not empty. Without one the letter is a further one, or wrong, which who compiles it says.
    pub(super) subject: Option<Scripted>,
    /// Whether a subject is given, right or wrong.
    pub(super) has_subject: bool,
    /// Whether it is a page's title.
    pub(super) is_title: bool,
    /// The files that go along.
    pub(super) attachments: Vec<Attached>,
    /// The PDF that goes along, if one is asked for.
    pub(super) pdf: Option<Pdf>,
    /// What may stay of what is found in the letter.
    accept: Vec<Acceptance>,
    /// What stands below it.
    pub(super) body: &'t str,
    /// The lines before the body.
    pub(super) body_line: usize,
}

/// One of `attachments`.
#[derive(Debug)]
pub(super) struct Attached {
    /// Where the file is, below the folder `attachments/`.
    pub(super) path: Scripted,
    /// What the reader sees it called; without it, as the file is.
    pub(super) name: Option<Scripted>,
    /// Whether a letter may go without it.
    pub(super) optional: bool,
    /// Where the path stands.
    pub(super) place: Place,
}

/// `pdf` and `pdf-name`.
#[derive(Debug)]
pub(super) struct Pdf {
    /// The template of the page: `brief.typ`.
    pub(super) template: String,
    /// Where it is asked for.
    pub(super) place: Place,
    /// What the file is called; without it, like the template.
    pub(super) name: Option<Scripted>,
}

/// A text that is itself a template, and where in the file it stands.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) text: String,
    lines_before: usize,
    columns_before: usize,
}

impl Scripted {
    /// Reads the title of a page.
    fn title(page: &str, lines_before: usize) -> Option<Self> {
        let (at, text) = markup::title(page)?;
        let before = page.get(..at)?;
        let columns_before = before.rsplit('\n').next().unwrap_or_default().chars().count();
        // A title may be written over several lines, and is one.
        let text = text.replace('\n', " ");
        Some(Self { text, lines_before: lines_before + before.matches('\n').count(), columns_before })
    }

    /// Reads its tags; `None` when a problem was found that the parser must not see.
    pub(super) fn source(&self, file: &str, problems: &mut Problems) -> Option<Source<'_>> {
        Source::read(file, &self.text, self.lines_before, self.columns_before, problems)
    }
}

impl<'t> FrontMatter<'t> {
    /// Reads it from the text of a letter, with LF for every line break; what is wrong with it is pushed.
    ///
    /// A page may do without it, or without the subject in it: then its `<title>` is the subject.
    pub(super) fn read(file: &str, text: &'t str, page: bool, problems: &mut Problems) -> Option<Self> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let (front, body, body_line) = match page && !text.starts_with("+++") {
            true => ("", text, 0),
            false => parted(file, text, problems)?,
        };
        let table = Table::read(file, front, problems)?;
        table.look_for_unknown_keys(problems);
        if page {
            table.refuse_pdf(problems);
        }
        let mut subject = table.scripted("subject", "no-subject", problems);
        let mut has_subject = table.has("subject");
        let is_title = !has_subject && page;
        if is_title {
            subject = Scripted::title(body, body_line);
            has_subject = subject.is_some();
        }
        let attachments = table.attachments(problems);
        let pdf = if page { None } else { table.pdf(problems) };
        let accept = table.acceptances(problems);
        Some(Self { subject, has_subject, is_title, attachments, pdf, accept, body, body_line })
    }

    /// Says that the letter needs a subject and has none.
    pub(super) fn no_subject(file: &str, page: bool) -> Problem {
        let problem = Problem::error("no-subject", Place::column(file, 1, 1), "the letter has no subject");
        problem.hint(if page { PAGE_EXAMPLE } else { EXAMPLE })
    }
}

/// Returns the paths of the files that go along with every letter, as they stand in its front matter, without looking for
/// anything that is wrong.
pub fn files_for_all(source: &LetterSource) -> Vec<String> {
    let text = normal(&source.text);
    let front = FrontMatter::read("", &text, source.is_html(), &mut Problems::default());
    let attached = front.into_iter().flat_map(|front| front.attachments);
    attached.map(|attached| attached.path.text).filter(|path| attachments::is_for_all(path)).collect()
}

/// Returns a letter's text without the brackets of its front matter, which hold lists and not what is still to be filled in.
/// Every other character keeps its place.
pub fn without_lists(text: &str) -> String {
    let front = text.strip_prefix("+++").and_then(|rest| Some(text.len() - rest.len() + rest.find("\n+++")?));
    let Some(end) = front else { return text.to_owned() };
    let mut clean = String::with_capacity(text.len());
    let (mut at, mut quote) = (0, None);
    while at < end {
        let rest = &text[at..end];
        let c = rest.chars().next().unwrap_or(' ');
        let three = ["\"\"\"", "'''"].into_iter().find(|three| rest.starts_with(three));
        let mark = three.or_else(|| ["\"", "'"].into_iter().find(|one| rest.starts_with(one)));
        let taken = match (quote, mark) {
            (None, Some(opens)) => {
                quote = Some(opens);
                opens.len()
            }
            (Some(open), _) if rest.starts_with(open) => {
                quote = None;
                open.len()
            }
            (Some("\"" | "\"\"\""), _) if c == '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            _ => c.len_utf8(),
        };
        if quote.is_none() && matches!(c, '[' | ']') {
            clean.push(' ');
        } else {
            clean.push_str(&rest[..taken]);
        }
        // A text of one line ends with it, however it was meant.
        if c == '\n' && quote.is_some_and(|open: &str| open.len() == 1) {
            quote = None;
        }
        at += taken;
    }
    clean.push_str(&text[end..]);
    clean
}

/// Returns the template of the page that a letter asks for, without looking for anything that is wrong.
pub fn pdf_template(source: &LetterSource) -> Option<String> {
    let text = normal(&source.text);
    let front = FrontMatter::read("", &text, source.is_html(), &mut Problems::default())?;
    Some(front.pdf?.template)
}

/// Returns what a letter says may stay, without looking for anything that is wrong.
pub fn acceptances(file: &str, text: &str) -> Vec<Acceptance> {
    FrontMatter::read(file, &normal(text), file.ends_with(".html"), &mut Problems::default())
        .map_or_else(Vec::new, |front| front.accept)
}

/// Parts a letter into its front matter, its body, and the number of lines before the body.
fn parted<'t>(file: &str, text: &'t str, problems: &mut Problems) -> Option<(&'t str, &'t str, usize)> {
    let mut none = |said: &str, hint: &str| {
        problems.push(Problem::error("no-front-matter", Place::column(file, 1, 1), said).hint(hint));
        None
    };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let Some(rest) =
        text.strip_prefix("+++").and_then(|rest| rest.trim_start_matches([' ', '\t']).strip_prefix('\n'))
    else {
        return none("the letter has no front matter", EXAMPLE);
    };
    let offset = text.len() - rest.len();
    let mut at = 0;
    let found = rest.split_inclusive('\n').find_map(|line| {
        let start = at;
        at += line.len();
        (line.trim_end() == "+++").then(|| (&rest[..start], at))
    });
    let Some((front, body_at)) = found else {
        return none("the front matter is never closed", "write a line `+++` after it");
    };
    Some((front, &rest[body_at..], text[..offset + body_at].matches('\n').count()))
}

/// The TOML of a front matter, with the places of its values.
struct Table<'f> {
    file: &'f str,
    front: &'f str,
    table: DeTable<'f>,
}

impl<'f> Table<'f> {
    fn read(file: &'f str, front: &'f str, problems: &mut Problems) -> Option<Self> {
        match DeTable::parse(front) {
            Ok(table) => Some(Self { file, front, table: table.into_inner() }),
            Err(error) => {
                let empty = Self { file, front, table: DeTable::default() };
                let at = empty.place(error.span().map_or(0, |span| span.start));
                let said = format!("the front matter cannot be read: {}", headers::clean(error.message()));
                problems.push(Problem::error("front-matter", at, said).hint("it is TOML: `subject = \"…\"`"));
                None
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The line, and the column in characters, of a byte of the front matter in the file; both from 1.
    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.front[..byte.min(self.front.len())];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or("").chars().count();
        (line + 2, column + 1)
    }

    fn place(&self, byte: usize) -> Place {
        let (line, column) = self.line_and_column(byte);
        Place::column(self.file, line as u64, u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// Says that a page is not typeset: its looks are its own, and a typesetter knows paragraphs and lists.
    fn refuse_pdf(&self, problems: &mut Problems) {
        if let Some(key) = self.table.keys().find(|key| key.get_ref() == "pdf") {
            let said = "a letter that is HTML has no PDF";
            let problem = Problem::error("pdf-of-a-page", self.place(key.span().start), said);
            problems.push(problem.hint("`init --from` makes a letter in Markdown of it, which may have one"));
        }
    }

    fn look_for_unknown_keys(&self, problems: &mut Problems) {
        self.look_for_others_than(&KEYS, &self.table, "a letter's front matter", problems);
    }

    fn look_for_others_than(
        &self,
        known: &[&'static str],
        table: &DeTable<'_>,
        of: &str,
        problems: &mut Problems,
    ) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let said = format!("there is no key `{name}`");
            let problem = Problem::error("unknown-key", self.place(key.span().start), said);
            problems.push(match nearest(name, known.iter().copied()) {
                Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
                None => {
                    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
                    problem.hint(format!("{of} has {}", known.join(", ")))
                }
            });
        }
    }

    /// Returns a text, and where it begins; one of another kind or without anything in it is a problem of that name.
    fn text(&self, key: &str, name: &'static str, problems: &mut Problems) -> Option<(&str, usize)> {
        self.text_of(self.table.get(key)?, key, name, problems)
    }

    fn text_of<'v>(
        &self,
        value: &'v Spanned<DeValue<'_>>,
        key: &str,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<(&'v str, usize)> {
        let at = value.span().start;
        let wrong = match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => return Some((text, at)),
            DeValue::String(_) => format!("the {key} is empty"),
            _ => format!("the {key} must be a text"),
        };
        problems.push(Problem::error(name, self.place(at), wrong));
        None
    }

    /// Reads `accept`: a list of tables with `finding`, `reason` and perhaps `only`.
    fn acceptances(&self, problems: &mut Problems) -> Vec<Acceptance> {
        let Some(value) = self.table.get("accept") else { return Vec::new() };
        let wrong = |at: usize, said: &str| {
            Problem::error("wrong-acceptance", self.place(at), said)
                .hint("`accept = [{ finding = \"large-letter\", reason = \"…\" }]`")
        };
        let DeValue::Array(items) = value.get_ref() else {
            problems.push(wrong(value.span().start, "`accept` must be a list of tables"));
            return Vec::new();
        };
        let mut accepted = Vec::new();
        for item in items {
            let place = self.place(item.span().start);
            let DeValue::Table(table) = item.get_ref() else {
                problems.push(wrong(item.span().start, "`accept` must be a list of tables"));
                continue;
            };
            let mut written = Written { finding: None, reason: None, only: Vec::new(), place };
            for (key, value) in table {
                let text = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
                match (key.get_ref().as_ref(), value.get_ref()) {
                    ("finding", DeValue::String(_)) => written.finding = text(value),
                    ("reason", DeValue::String(_)) => written.reason = text(value),
                    ("only", DeValue::Array(keys)) => written.only = keys.iter().filter_map(text).collect(),
                    (name, _) => {
                        let said =
                            format!("an acceptance has no key `{}` of that kind", headers::clean(name));
                        problems.push(wrong(key.span().start, &said));
                    }
                }
            }
            match written.settle() {
                Ok(settled) => accepted.push(settled),
                Err(problem) => problems.push(*problem),
            }
        }
        accepted
    }

    /// Reads `attachments`: a list of paths, or of tables with a path in each.
    fn attachments(&self, problems: &mut Problems) -> Vec<Attached> {
        let Some(value) = self.table.get("attachments") else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            problems.push(
                Problem::error(
                    "attachments",
                    self.place(value.span().start),
                    "the attachments must be a list",
                )
                .hint("write `attachments = [\"standpunten.pdf\"]`"),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.attached(item, problems)).collect()
    }

    fn attached(&self, item: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Attached> {
        const NAME: &str = "attachments";
        let place = self.place(item.span().start);
        let table = match item.get_ref() {
            DeValue::Table(table) => table,
            _ => {
                let (path, at) = self.text_of(item, "path", NAME, problems)?;
                let path = self.with_fields(path, at);
                return Some(Attached { path, name: None, optional: false, place });
            }
        };
        self.look_for_others_than(&KEYS_OF_ATTACHMENT, table, "an attachment", problems);
        let mut scripted = |key: &str| {
            let (text, at) = self.text_of(table.get(key)?, key, NAME, problems)?;
            Some((self.with_fields(text, at), self.place(at)))
        };
        let (path, name) = (scripted("path"), scripted("name"));
        let optional = match table.get("optional").map(|value| (value.get_ref(), value.span().start)) {
            None => false,
            Some((DeValue::Boolean(optional), _)) => *optional,
            Some((_, at)) => {
                let said = "`optional` is `true` or `false`";
                problems.push(Problem::error(NAME, self.place(at), said));
                false
            }
        };
        if path.is_none() && !table.contains_key("path") {
            problems.push(
                Problem::error(NAME, place, "this attachment has no path")
                    .hint("write `{ path = \"standpunten.pdf\" }`"),
            );
        }
        let (path, place) = path?;
        Some(Attached { path, name: name.map(|(name, _)| name), optional, place })
    }

    fn pdf(&self, problems: &mut Problems) -> Option<Pdf> {
        // `pdf-name` alone asks for nothing: that way one line switches the PDF on and off.
        let (template, at) = self.text("pdf", "no-template", problems)?;
        let name = self.scripted("pdf-name", "pdf-name", problems);
        let stem = template.strip_suffix(".typ").filter(|stem| !stem.contains(['/', '\\']));
        if stem.and_then(|stem| file_name::safe(stem, ".pdf")).is_none() {
            let said = format!("`{}` is no template of a PDF", headers::clean(template));
            problems.push(
                Problem::error("no-template", self.place(at), said)
                    .hint("name a file of `templates/` that ends in `.typ`, without a folder"),
            );
            return None;
        }
        Some(Pdf { template: template.to_owned(), place: self.place(at), name })
    }

    /// Returns a text with `{{…}}` in it.
    fn scripted(&self, key: &str, name: &'static str, problems: &mut Problems) -> Option<Scripted> {
        let (text, at) = self.text(key, name, problems)?;
        Some(self.with_fields(text, at))
    }

    fn with_fields(&self, text: &str, at: usize) -> Scripted {
        let quote = if self.front[at..].starts_with("\"\"\"") { 3 } else { 1 };
        let (line, column) = self.line_and_column(at);
        Scripted { text: normal(text), lines_before: line - 1, columns_before: column - 1 + quote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brackets_of_lists_go_and_those_of_texts_stay() {
        let text = "+++\nsubject = \"Aan [partij] \\\" [x]\"\nattachments = [\n  'a[1].pdf', { path = \"b\" },\n] # [y]\nx = \"\"\"[z]\"\"\"\n+++\nDear [naam],\n+++\n[";
        let clean = "+++\nsubject = \"Aan [partij] \\\" [x]\"\nattachments =  \n  'a[1].pdf', { path = \"b\" },\n  #  y \nx = \"\"\"[z]\"\"\"\n+++\nDear [naam],\n+++\n[";
        assert_eq!(without_lists(text), clean);
        for same in [
            "",
            "no [front] matter",
            "+++\nnever = [\"closed\"",
            "+++",
            "+++\nx = \"\n+++\n[x]",
            "+++\nx = '\\\n+++",
        ] {
            assert_eq!(without_lists(same), same);
        }
    }

    #[test]
    fn files_for_all_are_those_without_a_field_and_within_the_folder() {
        let text = "+++\r\nsubject = \"x\"\r\nattachments = [\"a.pdf\", { path = \"b/c.pdf\" }, \"{{x}}.pdf\", \"../d\", 7]\r\n+++\r\n";
        let source = |text: &str, name: &str| LetterSource {
            name: name.to_owned(),
            text: text.to_owned(),
            partials: std::collections::BTreeMap::new(),
        };
        assert_eq!(files_for_all(&source(text, "letter")), ["a.pdf", "b/c.pdf"]);
        assert_eq!(files_for_all(&source("no front matter", "letter")), [""; 0]);
        let page = "+++\nattachments = [\"a.pdf\"]\n+++\n<title>x</title>";
        assert_eq!(files_for_all(&source(page, "letter.html")), ["a.pdf"]);
    }
}
