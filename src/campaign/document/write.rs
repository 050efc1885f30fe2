//! A tidy document as the Markdown of a letter.
//!
//! Every line is read back as a letter is read. Where it does not say what the document says, it is written again with
//! every sign escaped, then without italics, then without bold: text may lose its looks on the way, never a character.

use super::{Block, Content, Note, Run, Sort, Style, markdown, tidy};
use crate::campaign::{merge, script};

/// The Markdown of a document, and what it could not say.
pub(super) fn markdown(blocks: &[Block]) -> (String, Vec<Note>) {
    let mut writer = Writer::default();
    writer.blocks(blocks, "");
    let notes = match writer.plainer {
        0 => Vec::new(),
        1 => vec![note("bold or italic within a word was left out once, since Markdown cannot say it")],
        count => vec![note(&format!(
            "bold or italic within words was left out {count} times, since Markdown cannot say it"
        ))],
    };
    (writer.out, notes)
}

fn note(said: &str) -> Note {
    Note { sort: Sort::Changed, said: said.to_owned() }
}

/// How a field is written in a letter: `{{naam}}`.
pub(super) fn field(name: &str) -> String {
    let name = crate::campaign::headings::normalised(name);
    match name.chars().next() {
        None => "[veld]".to_owned(),
        // These mean something else in a letter, and nothing says that the column is meant.
        Some(_) if script::means_something_else(&name) => format!("[{name}]"),
        Some(first) if first.is_ascii_digit() || name == "else" => format!("{{{{[{name}]}}}}"),
        Some(_) => format!("{{{{{name}}}}}"),
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// How many lines lost their looks.
    plainer: usize,
}

impl Writer {
    fn blocks(&mut self, blocks: &[Block], prefix: &str) {
        let mut marks = ('-', '.');
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 {
                self.line(prefix.trim_end());
                self.line(prefix);
            }
            match block {
                Block::Paragraph(runs) => self.leaf(runs, "", prefix),
                Block::Heading(level, runs) => {
                    let hashes = "#".repeat(usize::from(*level)) + " ";
                    self.leaf(runs, &hashes, prefix);
                }
                Block::Rule => self.out.push_str("***"),
                Block::Quote(inner) => {
                    self.out.push_str("> ");
                    self.blocks(inner, &format!("{prefix}> "));
                }
                Block::List { first, items } => {
                    // Two lists in a row are one to Markdown, unless their marks differ.
                    match (index.checked_sub(1).and_then(|before| blocks.get(before)), first) {
                        (Some(Block::List { first: None, .. }), None) => {
                            marks.0 = if marks.0 == '-' { '+' } else { '-' }
                        }
                        (Some(Block::List { first: Some(_), .. }), Some(_)) => {
                            marks.1 = if marks.1 == '.' { ')' } else { '.' };
                        }
                        _ => {}
                    }
                    self.list(*first, items, marks, prefix);
                }
                Block::Table { .. } => {}
            }
        }
    }

    fn list(&mut self, first: Option<u64>, items: &[Vec<Block>], marks: (char, char), prefix: &str) {
        let tight = items.iter().all(|item| is_tight(item));
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                if !tight {
                    self.line(prefix.trim_end());
                }
                self.line(prefix);
            }
            let mark = match first {
                None => format!("{} ", marks.0),
                Some(first) => format!("{}{} ", first.saturating_add(index as u64).min(999_999_999), marks.1),
            };
            self.out.push_str(&mark);
            let deeper = format!("{prefix}{}", " ".repeat(mark.len()));
            if let (true, [paragraph, Block::List { first, items }]) = (tight, item.as_slice()) {
                self.blocks(std::slice::from_ref(paragraph), &deeper);
                self.line(&deeper);
                self.list(*first, items, ('-', '.'), &deeper);
            } else {
                self.blocks(item, &deeper);
            }
        }
    }

    /// Writes the text of a paragraph or heading, as well as it can be said.
    fn leaf(&mut self, runs: &[Run], before: &str, prefix: &str) {
        let without = |italic: bool, bold: bool| -> Vec<Run> {
            let runs = runs.iter().cloned().map(|run| {
                let style =
                    Style { bold: run.style.bold && bold, italic: run.style.italic && italic, ..run.style };
                Run { content: run.content, style }
            });
            tidy::runs(runs.collect())
        };
        let said = [(true, true), (false, true), (false, false)].into_iter().find_map(|(italic, bold)| {
            let runs = without(italic, bold);
            let armoured = [false, true].into_iter().find(|armoured| {
                let expected = Line::of(&runs, *armoured, before, true);
                let meant = expected.meant();
                markdown::read_back(&expected.written()) == [meant]
            })?;
            Some((Line::of(&runs, armoured, before, false).written(), !(italic && bold)))
        });
        let (text, plainer) = said.unwrap_or_else(|| {
            let plain = without(false, false).into_iter().map(|run| Run { style: Style::default(), ..run });
            (Line::of(&tidy::runs(plain.collect()), true, before, false).written(), true)
        });
        self.plainer += usize::from(plainer);
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line(prefix);
            }
            self.out.push_str(line);
        }
    }

    fn line(&mut self, prefix: &str) {
        self.out.push('\n');
        self.out.push_str(prefix);
    }
}

/// Returns whether an item needs no empty lines: one paragraph, and perhaps a list that may follow it directly.
fn is_tight(item: &[Block]) -> bool {
    match item {
        [Block::Paragraph(_)] => true,
        // CommonMark 0.31 §5.2: only a list that begins with 1 can interrupt a paragraph.
        [Block::Paragraph(_), Block::List { first: None | Some(1), items }] => {
            items.iter().all(|item| is_tight(item))
        }
        _ => false,
    }
}

/// One piece of a line.
#[derive(Clone, Debug)]
enum Piece {
    Char(char),
    Break,
    /// A field, as it is written.
    Field(String),
}

/// The text of one paragraph or heading on its way into Markdown.
struct Line<'r> {
    pieces: Vec<(Piece, &'r Style)>,
    runs: &'r [Run],
    armoured: bool,
    before: &'r str,
    out: String,
}

/// A style that is open, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    kind: Kind,
    end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Link,
    Bold,
    Italic,
}

impl<'r> Line<'r> {
    /// `tokens` puts words in the place of fields, as merging does, so that the line can be read back.
    fn of(runs: &'r [Run], armoured: bool, before: &'r str, tokens: bool) -> Self {
        let mut pieces = Vec::new();
        for (number, run) in runs.iter().enumerate() {
            let whole = |written: String| {
                let mut token = String::new();
                merge::token(number, &mut token);
                Piece::Field(if tokens { token } else { written })
            };
            match &run.content {
                Content::Text(text) => pieces.extend(text.chars().map(|c| (Piece::Char(c), &run.style))),
                Content::Break => pieces.push((Piece::Break, &run.style)),
                Content::Field(name) => pieces.push((whole(field(name)), &run.style)),
                Content::Today => pieces.push((whole("{{date today}}".to_owned()), &run.style)),
            }
        }
        Self { pieces, runs, armoured, before, out: before.to_owned() }
    }

    /// What reading it back should give.
    fn meant(&self) -> Block {
        let runs = self.runs.iter().enumerate().map(|(number, run)| {
            let content = match &run.content {
                Content::Field(_) | Content::Today => {
                    let mut token = String::new();
                    merge::token(number, &mut token);
                    Content::Text(token)
                }
                other => other.clone(),
            };
            Run { content, style: run.style.clone() }
        });
        let runs = tidy::runs(runs.collect());
        match self.before.trim_end().len() {
            0 => Block::Paragraph(runs),
            level => Block::Heading(u8::try_from(level).unwrap_or(6), runs),
        }
    }

    fn written(mut self) -> String {
        let mut open: Vec<Span> = Vec::new();
        let mut at = 0;
        while at < self.pieces.len() {
            self.close(&mut open, at);
            self.open(&mut open, at);
            if let Some(end) = self.autolink(&mut open, at) {
                at = end;
                continue;
            }
            self.piece(at, open.iter().any(|span| span.kind == Kind::Link));
            at += 1;
        }
        self.close(&mut open, at);
        self.out
    }

    fn has(&self, kind: Kind, at: usize) -> bool {
        self.pieces.get(at).is_some_and(|(_, style)| match kind {
            Kind::Link => style.link.is_some(),
            Kind::Bold => style.bold,
            Kind::Italic => style.italic,
        })
    }

    /// Returns whether two neighbours are within one link.
    fn linked(&self, at: usize) -> bool {
        at > 0
            && match (self.pieces.get(at - 1), self.pieces.get(at)) {
                (Some((_, before)), Some((_, after))) => before.link.is_some() && before.link == after.link,
                _ => false,
            }
    }

    /// Where a style that begins here ends; it ends before a link rather than within it.
    fn end(&self, kind: Kind, from: usize) -> usize {
        let goes_on = |at: usize| if kind == Kind::Link { self.linked(at) } else { self.has(kind, at) };
        let end = (from + 1..self.pieces.len()).find(|at| !goes_on(*at)).unwrap_or(self.pieces.len());
        if kind == Kind::Link || !self.linked(end) {
            return end;
        }
        let link = (0..end).rev().find(|at| !self.linked(*at)).unwrap_or(from);
        if link > from { link } else { end }
    }

    fn close(&mut self, open: &mut Vec<Span>, at: usize) {
        while open.iter().any(|span| span.end <= at) {
            let Some(span) = open.pop() else { return };
            match span.kind {
                Kind::Bold => self.out.push_str("**"),
                Kind::Italic => self.out.push('*'),
                Kind::Link => {
                    let target = self.pieces.get(span.end - 1).and_then(|(_, style)| style.link.as_deref());
                    // An `&` could begin a character reference, which addresses have as well.
                    let target = target.unwrap_or_default().replace('&', "&amp;");
                    self.out.push_str(&format!("]({target})"));
                }
            }
        }
    }

    /// Opens what begins here, what lasts longest first.
    fn open(&mut self, open: &mut Vec<Span>, at: usize) {
        let mut new: Vec<Span> = [Kind::Link, Kind::Bold, Kind::Italic]
            .into_iter()
            .filter(|kind| self.has(*kind, at) && !open.iter().any(|span| span.kind == *kind))
            .map(|kind| Span { kind, end: self.end(kind, at) })
            .collect();
        new.sort_by_key(|span| std::cmp::Reverse(span.end));
        for span in new {
            match span.kind {
                Kind::Bold => self.out.push_str("**"),
                Kind::Italic => self.out.push('*'),
                Kind::Link => {
                    // A `!` before it would make it a picture.
                    if self.out.ends_with('!') && !self.out.ends_with("\\!") {
                        self.out.insert(self.out.len() - 1, '\\');
                    }
                    self.out.push('[');
                }
            }
            open.push(span);
        }
    }

    /// Writes a link that shows its own address as `<https://…>`; returns where it ends.
    fn autolink(&mut self, open: &mut Vec<Span>, at: usize) -> Option<usize> {
        let span = *open.last().filter(|span| span.kind == Kind::Link)?;
        if !self.out.ends_with('[') || at > 0 && self.linked(at) {
            return None;
        }
        let target = self.pieces.get(at)?.1.link.as_deref()?;
        let mut shown = String::new();
        for (piece, style) in self.pieces.get(at..span.end)? {
            match piece {
                Piece::Char(c) if *style == self.pieces.get(at)?.1 => shown.push(*c),
                _ => return None,
            }
        }
        let own = shown == target || target.strip_prefix("mailto:") == Some(&shown);
        let plain = shown.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@%=+,".contains(c));
        if !own || !plain || self.armoured {
            return None;
        }
        self.out.pop();
        self.out.push_str(&format!("<{shown}>"));
        open.pop();
        Some(span.end)
    }

    fn piece(&mut self, at: usize, in_link: bool) {
        let Some((piece, _)) = self.pieces.get(at).cloned() else { return };
        match piece {
            Piece::Break => self.out.push_str("\\\n"),
            Piece::Field(written) => self.out.push_str(&written),
            Piece::Char(c) => self.char(c, at, in_link),
        }
    }

    fn char(&mut self, c: char, at: usize, in_link: bool) {
        let near = |at: Option<usize>| at.and_then(|at| self.pieces.get(at)).map(|(piece, _)| piece);
        let (before, after) = (near(at.checked_sub(1)), near(Some(at + 1)));
        let is = |piece: Option<&Piece>, wanted: char| matches!(piece, Some(Piece::Char(c)) if *c == wanted);
        let ends = |piece: Option<&Piece>| match piece {
            None | Some(Piece::Break) => true,
            Some(Piece::Char(c)) => c.is_whitespace(),
            Some(Piece::Field(_)) => false,
        };
        let word = |piece: Option<&Piece>| match piece {
            Some(Piece::Char(c)) => c.is_alphanumeric(),
            Some(Piece::Field(_)) => true,
            None | Some(Piece::Break) => false,
        };
        let heading = !self.before.is_empty();
        let begins = !heading && matches!(before, None | Some(Piece::Break));
        // Before a field these would be part of its braces.
        if matches!(after, Some(Piece::Field(_))) && matches!(c, '{' | '\\') {
            self.out.push_str(if c == '{' { "&#123;" } else { "&#92;" });
            return;
        }
        let escaped = match c {
            '\\' | '*' | '`' | '<' => true,
            '_' => !(word(before) && word(after)),
            '{' => is(after, '{') || is(before, '{'),
            '}' => matches!(before, Some(Piece::Field(_))),
            '[' => in_link || begins && self.is_definition(at),
            ']' => in_link || is(after, '('),
            '&' => self.is_reference(at),
            '#' => heading || begins,
            '>' => begins,
            '-' | '+' => begins && (ends(after) || is(after, c)),
            '=' | '~' => begins,
            '.' | ')' => !heading && self.numbers_before(at) && ends(after),
            _ => false,
        };
        if escaped || (self.armoured && c.is_ascii_punctuation()) {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    /// Returns whether an `&` could be read as a character reference.
    fn is_reference(&self, at: usize) -> bool {
        for (piece, _) in self.pieces.iter().skip(at + 1).take(34) {
            match piece {
                Piece::Char(';') => return true,
                Piece::Char(c) if c.is_ascii_alphanumeric() || *c == '#' => {}
                _ => return false,
            }
        }
        false
    }

    /// Returns whether a bracket could begin the definition of a link: `[x]: y`.
    fn is_definition(&self, at: usize) -> bool {
        let is = |piece: &Piece, wanted: char| matches!(piece, Piece::Char(c) if *c == wanted);
        let rest = self.pieces.get(at..).unwrap_or(&[]);
        rest.windows(2).any(|pair| matches!(pair, [(one, _), (two, _)] if is(one, ']') && is(two, ':')))
    }

    /// Returns whether only digits stand before this on its line, as before the item of a list.
    fn numbers_before(&self, at: usize) -> bool {
        let line = self.pieces.get(..at).unwrap_or(&[]);
        let from = line.iter().rposition(|(piece, _)| matches!(piece, Piece::Break)).map_or(0, |at| at + 1);
        let digits = &line[from..];
        !digits.is_empty()
            && digits.iter().all(|(piece, _)| matches!(piece, Piece::Char(c) if c.is_ascii_digit()))
    }
}
