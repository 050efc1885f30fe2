//! The `{{…}}` of a template, found by reading it once: where each stands, and whether every block is closed.
//!
//! Runs before the real parser, whose errors point at the end of the file for a block that was never closed and
//! whose recursion is only as deep as the stack. What is refused here never reaches it.

use super::problem::{Place, Problem, Problems};

/// How deep blocks may nest.
const DEEPEST: usize = 40;
/// How deep brackets may nest within one tag.
const DEEPEST_BRACKETS: usize = 20;

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{#if x}}`
    Open,
    /// `{{/if}}`
    Close,
    /// `{{else}}`, `{{else if x}}`, `{{^}}`
    Else,
    /// `{{> foot}}`
    Partial,
    /// `{{! … }}`
    Comment,
    /// `{{x}}`
    Put,
}

/// One tag.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    /// Byte offsets in the text it was read from.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Line and column, in characters, from 1.
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A piece of a template file: the body of a letter, its subject, a partial.
#[derive(Clone, Debug)]
pub(super) struct Source<'a> {
    /// `templates/letter.md`
    pub(super) file: String,
    pub(super) text: &'a str,
    /// Lines before it in the file.
    pub(super) lines_before: usize,
    /// Characters before its first line in the file.
    pub(super) columns_before: usize,
    pub(super) tags: Vec<Tag>,
}

impl<'a> Source<'a> {
    /// Reads the tags; `None` when a problem was found that the parser must not see.
    pub(super) fn read(
        file: &str,
        text: &'a str,
        lines_before: usize,
        columns_before: usize,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut source = Self { file: file.to_owned(), text, lines_before, columns_before, tags: Vec::new() };
        let before = problems.errors();
        source.scan(problems);
        (problems.errors() == before).then_some(source)
    }

    /// Returns the place in the file of a line and column of this text.
    pub(super) fn place(&self, line: usize, column: usize) -> Place {
        let column = if line == 1 { column + self.columns_before } else { column };
        Place::column(
            &self.file,
            (line + self.lines_before) as u64,
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }

    /// Returns the place in the file of a byte offset of this text.
    pub(super) fn place_of(&self, offset: usize) -> Place {
        let (line, column) = position(self.text, offset);
        self.place(line, column)
    }

    /// Returns where `word` stands in the tag that begins at this line and column, or in an `{{else …}}` after it.
    pub(super) fn locate(&self, line: usize, column: usize, word: &str) -> Place {
        let Some(first) = self.tags.iter().position(|tag| (tag.line, tag.column) == (line, column)) else {
            return self.place(line, column);
        };
        for (index, tag) in self.tags.iter().enumerate().skip(first) {
            if index != first && tag.kind != Kind::Else {
                continue;
            }
            let text = &self.text[tag.start..tag.end];
            let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
            if let Some(offset) = find_word(text, word).or_else(|| find_word(text, bare)) {
                return self.place_of(tag.start + offset);
            }
        }
        self.place(line, column)
    }

    fn scan(&mut self, problems: &mut Problems) {
        let text = self.text;
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let start = at + found;
            let slashes = text[..start].bytes().rev().take_while(|byte| *byte == b'\\').count();
            if slashes == 1 {
                at = start + 2;
                continue;
            }
            let (line, column) = position(text, start);
            let place = self.place(line, column);
            let Some(end) = end_of_tag(text, start) else {
                problems.push(
                    Problem::error("unclosed-tag", place, "this `{{` is never closed")
                        .hint("close it with `}}`, or write `\\{{` to mean two braces"),
                );
                return;
            };
            let tag = &text[start..end];
            let inner = tag[2..].trim_start_matches('~').trim_start();
            let kind = if inner.starts_with('!') {
                Kind::Comment
            } else if let Some(refused) = refused(tag, inner) {
                problems.push(Problem::error(refused.0, place, format!("`{}`: {}", shown(tag), refused.1)));
                if inner.starts_with('#') {
                    // Its end is no second mistake.
                    open.push(self.tags.len());
                    self.tags.push(Tag { kind: Kind::Open, start, end, line, column });
                }
                at = end;
                continue;
            } else if inner.starts_with('#') {
                Kind::Open
            } else if inner.starts_with('/') {
                Kind::Close
            } else if inner.starts_with('>') {
                Kind::Partial
            } else if inner.starts_with('^') || first_word(inner) == "else" {
                Kind::Else
            } else {
                Kind::Put
            };
            if kind != Kind::Comment && too_nested(inner) {
                problems.push(Problem::error("too-deep", place, "brackets nest too deep in this tag"));
                return;
            }
            let index = self.tags.len();
            self.tags.push(Tag { kind, start, end, line, column });
            match kind {
                Kind::Open => {
                    open.push(index);
                    if open.len() > DEEPEST {
                        problems.push(Problem::error(
                            "too-deep",
                            place,
                            format!("blocks nest more than {DEEPEST} deep"),
                        ));
                        return;
                    }
                }
                Kind::Close => match open.pop() {
                    None => problems.push(Problem::error(
                        "unopened-block",
                        place,
                        format!("`{}` closes nothing", shown(tag)),
                    )),
                    Some(opener) => {
                        let opened = &self.tags[opener];
                        let opened_text = &text[opened.start..opened.end];
                        if first_word(opened_text[2..].trim_start_matches(['~', '#', '*', '>', ' ']))
                            != first_word(inner[1..].trim_start())
                        {
                            problems.push(
                                Problem::error(
                                    "unclosed-block",
                                    self.place(opened.line, opened.column),
                                    format!("`{}` is never closed", shown(opened_text)),
                                )
                                .hint(format!(
                                    "`{}` on line {} closes another block",
                                    shown(tag),
                                    line + self.lines_before
                                )),
                            );
                            return;
                        }
                    }
                },
                Kind::Else if open.is_empty() => problems.push(Problem::error(
                    "unopened-block",
                    place,
                    format!("`{}` stands outside a block", shown(tag)),
                )),
                Kind::Else | Kind::Partial | Kind::Comment | Kind::Put => {}
            }
            at = end;
        }
        for opener in open {
            let tag = &self.tags[opener];
            let tag_text = &text[tag.start..tag.end];
            let name = first_word(tag_text[2..].trim_start_matches(['~', '#', '*', '>', ' '])).to_owned();
            problems.push(
                Problem::error(
                    "unclosed-block",
                    self.place(tag.line, tag.column),
                    format!("`{}` is never closed", shown(tag_text)),
                )
                .hint(format!("write `{{{{/{name}}}}}` where it ends")),
            );
        }
    }
}

/// Puts letters in the place of every `{{{…}}}`, so that what else is wrong can be found; nothing where there is none.
///
/// Lines and columns stay the same.
pub(super) fn without_raw_output(text: &str) -> Option<String> {
    let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(found) = text[at..].find("{{{") {
        let start = at + found;
        let Some(end) = end_of_tag(text, start) else { break };
        clean.push_str(&text[at..start]);
        clean.extend(text[start..end].chars().map(|c| if c == '\n' { c } else { 'x' }));
        at = end;
    }
    clean.push_str(&text[at..]);
    (at > 0).then_some(clean)
}

/// Why a construct is not part of our language, if it is not.
fn refused(tag: &str, inner: &str) -> Option<(&'static str, &'static str)> {
    if tag.starts_with("{{{") || inner.starts_with(['&', '{']) {
        Some(("raw-output", "unescaped output is not supported; write two braces"))
    } else if inner.starts_with('*') || inner.starts_with("#*") {
        Some(("decorator", "decorators and inline partials are not supported"))
    } else if inner.starts_with("#>") || inner.starts_with("# >") {
        Some(("partial-block", "blocks round a partial are not supported; write `{{> name}}`"))
    } else if inner.strip_prefix('>').is_some_and(|rest| rest.trim_start().starts_with('(')) {
        Some(("dynamic-partial", "the name of a partial must be written out"))
    } else {
        None
    }
}

/// Returns the offset behind the `}}` of the tag at `start`.
fn end_of_tag(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let inner = rest[2..].trim_start_matches('~');
    let closing = if inner.starts_with("!--") {
        return rest.find("--}}").or_else(|| rest.find("--~}}").map(|at| at + 1)).map(|at| start + at + 4);
    } else if inner.starts_with('!') {
        return rest.find("}}").map(|at| start + at + 2);
    } else if rest.starts_with("{{{{") {
        "}}}}"
    } else if rest.starts_with("{{{") {
        "}}}"
    } else {
        "}}"
    };
    let bytes = rest.as_bytes();
    let (mut at, mut quote) = (2, None);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'[') => {
                quote = Some(b']').filter(|_| !matches!(bytes.get(at + 1), Some(b'"' | b'\'' | b'[')))
            }
            (None, _) if rest.as_bytes()[at..].starts_with(closing.as_bytes()) => {
                return Some(start + at + closing.len());
            }
            (None, _) => {}
        }
        at += 1;
    }
    rest.find(closing).map(|at| start + at + closing.len())
}

fn too_nested(inner: &str) -> bool {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in inner.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > DEEPEST_BRACKETS
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || matches!(c, '~' | '}' | '(')).next().unwrap_or("")
}

/// Finds a whole name in a tag.
fn find_word(tag: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '.' | '/');
    tag.match_indices(word).map(|(at, _)| at).find(|at| {
        !word.is_empty()
            && !tag[..*at].ends_with(part)
            && !tag[at + word.len()..].starts_with(part)
            // The name of a closing parameter `naam=x` is no use of `naam`.
            && !tag[at + word.len()..].starts_with('=')
    })
}

/// Returns line and column, from 1, in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Shortens a tag for a sentence.
pub(super) fn shown(tag: &str) -> String {
    let clean = crate::mail::headers::clean(tag);
    if clean.chars().count() <= 60 { clean } else { clean.chars().take(59).chain(['…']).collect() }
}
