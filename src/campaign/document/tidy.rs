//! A document as a letter can say it: one blank where there were many, no empty paragraphs, no tables.

use super::{Block, Content, Document, Notes, Run, Sort, Style, table};
use crate::campaign::merge::OPEN;
use crate::mail::headers::unprintable;

/// How deep lists and quotations may nest; what is deeper comes up to this level.
const DEEPEST: usize = 8;
/// The schemes that a link in a letter may have.
const SCHEMES: [&str; 4] = ["https:", "http:", "mailto:", "tel:"];

/// Returns whether there is nothing to read.
pub(super) fn is_blank(runs: &[Run]) -> bool {
    runs.iter().all(|run| match &run.content {
        Content::Text(text) => text.chars().all(|c| c.is_whitespace() || removed(c)),
        Content::Break => true,
        Content::Field(_) | Content::Today => false,
    })
}

/// Returns roughly how many characters there are.
pub(super) fn length(runs: &[Run]) -> usize {
    runs.iter()
        .map(|run| match &run.content {
            Content::Text(text) => text.chars().count(),
            _ => 1,
        })
        .sum()
}

/// m², 1ᵉ: raised digits as characters of their own, where there are some for all.
pub(super) fn superscript(text: &str) -> String {
    let raised = |c: char| match c {
        '0' => Some('⁰'),
        '1' => Some('¹'),
        '2' => Some('²'),
        '3' => Some('³'),
        '4'..='9' => char::from_u32('⁴' as u32 + (c as u32 - '4' as u32)),
        _ => None,
    };
    text.chars().map(raised).collect::<Option<String>>().unwrap_or_else(|| text.to_owned())
}

/// Makes a document tidy; what a letter cannot say becomes something that it can.
pub(super) fn document(document: Document) -> Document {
    let mut notes = document.notes;
    let mut blocks = blocks(document.blocks, 0, &mut notes);
    let rules = blocks.iter().take_while(|block| **block == Block::Rule).count();
    blocks.drain(..rules);
    while blocks.last() == Some(&Block::Rule) {
        blocks.pop();
    }
    let title =
        document.title.map(|title| crate::mail::headers::clean(&title)).filter(|title| !title.is_empty());
    Document { title, blocks, notes }
}

fn blocks(from: Vec<Block>, depth: usize, notes: &mut Notes) -> Vec<Block> {
    let mut tidied = Vec::with_capacity(from.len());
    for block in from {
        match block {
            Block::Paragraph(runs) => {
                let runs = self::runs(links(runs, notes));
                // Two line breaks are an empty line, and that parts paragraphs.
                for part in runs.split(|run| run.content == Content::Text("\n\n".to_owned())) {
                    if !is_blank(part) {
                        tidied.push(Block::Paragraph(part.to_vec()));
                    }
                }
            }
            Block::Heading(level, runs) => {
                let runs = links(runs, notes).into_iter().map(|run| match run.content {
                    Content::Break => Run { content: Content::Text(" ".to_owned()), ..run },
                    _ => run,
                });
                let mut runs = self::runs(runs.collect());
                if !is_blank(&runs) {
                    unembolden(&mut runs);
                    tidied.push(Block::Heading(level.clamp(1, 6), self::runs(runs)));
                }
            }
            Block::List { first, items } => {
                let items = items.into_iter().map(|item| {
                    let mut item = blocks(item, depth + 1, notes);
                    // A line within an item would be read as a line across the list.
                    item.retain(|block| *block != Block::Rule);
                    item
                });
                let items: Vec<_> = items.filter(|item| !item.is_empty()).collect();
                if depth >= DEEPEST {
                    tidied.extend(items.into_iter().flatten());
                } else if !items.is_empty() {
                    // CommonMark 0.31 §5.2: at most nine digits.
                    tidied.push(Block::List { first: first.map(|first| first.min(999_999_999)), items });
                }
            }
            Block::Quote(inner) => {
                let mut inner = blocks(inner, depth + 1, notes);
                match tidied.last_mut() {
                    _ if depth >= DEEPEST => tidied.append(&mut inner),
                    Some(Block::Quote(before)) => before.append(&mut inner),
                    _ if inner.is_empty() => {}
                    _ => tidied.push(Block::Quote(inner)),
                }
            }
            Block::Table { header, rows } => {
                let rows = rows
                    .into_iter()
                    .map(|row| row.into_iter().map(|cell| blocks(cell, depth + 1, notes)).collect())
                    .filter(|row: &Vec<Vec<Block>>| row.iter().any(|cell| !cell.is_empty()))
                    .collect();
                // What the cells hold was tidied; what they were joined to is not.
                tidied.append(&mut blocks(table::text(header, rows, notes), depth, &mut Notes::default()));
            }
            Block::Rule => {
                if tidied.last() != Some(&Block::Rule) {
                    tidied.push(Block::Rule);
                }
            }
        }
    }
    tidied
}

/// Takes bold off where everything is.
pub(super) fn unembolden(runs: &mut [Run]) {
    if runs.iter().all(|run| run.style.bold || is_blank(std::slice::from_ref(run))) {
        runs.iter_mut().for_each(|run| run.style.bold = false);
    }
}

/// Takes off links that a letter may not have.
fn links(mut runs: Vec<Run>, notes: &mut Notes) -> Vec<Run> {
    for run in &mut runs {
        let Some(link) = &run.style.link else { continue };
        let link = link.trim();
        let known = link.starts_with(OPEN)
            || SCHEMES.iter().any(|scheme| {
                link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                    && link.len() > scheme.len()
            });
        // A place within the document is not worth a word.
        if !known && !link.starts_with(['#', '_']) && !link.is_empty() {
            let shown: String = crate::mail::headers::clean(link).chars().take(60).collect();
            notes.say(Sort::Dropped, format!("the link `{shown}`, whose text stays: a letter may link to `https:`, `http:`, `mailto:` and `tel:`"));
        }
        run.style.link = known.then(|| address(link));
    }
    runs
}

/// Writes an address in the signs of RFC 3986; what is none of them is encoded.
fn address(link: &str) -> String {
    let mut address = String::with_capacity(link.len());
    let mut bytes = [0; 4];
    for c in link.chars() {
        if c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'*+,;=%".contains(c) {
            address.push(c);
        } else if !c.is_control() {
            for byte in c.encode_utf8(&mut bytes).bytes() {
                address.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    address
}

/// What no letter needs: controls, invisible marks, places where a word may be parted.
fn removed(c: char) -> bool {
    !space(c) && (unprintable(c) || c == '\u{AD}')
}

/// A blank that may be joined with others; one that keeps words together may not.
fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// One piece of a line that is not parted further.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Char(char),
    Break,
    Whole(Content),
}

impl Atom {
    fn is_blank(&self) -> bool {
        match self {
            Self::Char(c) => c.is_whitespace(),
            Self::Break => true,
            Self::Whole(_) => false,
        }
    }
}

/// Makes runs tidy: blanks joined and taken out of bold, italic and links at their ends, runs of one style joined.
///
/// Two or more line breaks become a run with the text `"\n\n"`, which nothing else has.
pub(super) fn runs(from: Vec<Run>) -> Vec<Run> {
    let mut atoms: Vec<(Atom, usize)> = Vec::new();
    let mut styles: Vec<Style> = Vec::new();
    let mut blank = false;
    for run in from {
        styles.push(run.style);
        let style = styles.len() - 1;
        match run.content {
            Content::Text(text) => {
                for c in text.chars().filter(|c| !removed(*c)) {
                    if space(c) {
                        blank = true;
                        continue;
                    }
                    if std::mem::take(&mut blank)
                        && atoms.last().is_some_and(|(atom, _)| *atom != Atom::Break)
                    {
                        atoms.push((Atom::Char(' '), style));
                    }
                    atoms.push((Atom::Char(c), style));
                }
            }
            Content::Break => {
                blank = false;
                while atoms.last().is_some_and(|(atom, _)| matches!(atom, Atom::Char(c) if c.is_whitespace()))
                {
                    atoms.pop();
                }
                atoms.push((Atom::Break, style));
            }
            whole => {
                if std::mem::take(&mut blank) && atoms.last().is_some_and(|(atom, _)| *atom != Atom::Break) {
                    atoms.push((Atom::Char(' '), style));
                }
                atoms.push((Atom::Whole(whole), style));
            }
        }
    }
    let from = atoms.iter().position(|(atom, _)| !atom.is_blank()).unwrap_or(atoms.len());
    let until = atoms.iter().rposition(|(atom, _)| !atom.is_blank()).map_or(from, |at| at + 1);
    let mut tidied: Vec<Run> = Vec::new();
    let mut at = from;
    while at < until {
        let (atom, style) = &atoms[at];
        let end = at + atoms[at..until].iter().take_while(|(atom, _)| atom.is_blank()).count();
        if end == at {
            push(&mut tidied, atom.clone(), styles[*style].clone());
            at += 1;
            continue;
        }
        // Blanks look like what stands on both sides of them.
        let before = at.checked_sub(1).and_then(|at| atoms.get(at)).map(|(_, style)| &styles[*style]);
        let after = atoms.get(end).map(|(_, style)| &styles[*style]);
        let style = match (before, after) {
            (Some(before), Some(after)) => Style {
                bold: before.bold && after.bold,
                italic: before.italic && after.italic,
                link: before.link.clone().filter(|link| Some(link) == after.link.as_ref()),
            },
            _ => Style::default(),
        };
        let blanks = &atoms[at..end];
        match blanks.iter().filter(|(atom, _)| *atom == Atom::Break).count() {
            0 => blanks.iter().for_each(|(atom, _)| push(&mut tidied, atom.clone(), style.clone())),
            1 => push(&mut tidied, Atom::Break, style),
            _ => tidied.push(Run::text("\n\n")),
        }
        at = end;
    }
    tidied
}

fn push(runs: &mut Vec<Run>, atom: Atom, style: Style) {
    let content = match atom {
        Atom::Char(c) => match runs.last_mut() {
            Some(Run { content: Content::Text(text), style: last }) if *last == style && text != "\n\n" => {
                text.push(c);
                return;
            }
            _ => Content::Text(c.to_string()),
        },
        Atom::Break => Content::Break,
        Atom::Whole(content) => content,
    };
    runs.push(Run { content, style });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bold(text: &str) -> Run {
        Run { content: Content::Text(text.to_owned()), style: Style { bold: true, ..Style::default() } }
    }

    fn line_break() -> Run {
        Run { content: Content::Break, style: Style::default() }
    }

    #[test]
    fn blanks_are_joined_and_leave_bold_at_its_ends() {
        let runs = runs(vec![Run::text("  a \t"), bold(" b "), bold("\u{AD}c "), Run::text("\u{200B}d\n")]);
        assert_eq!(runs, [Run::text("a "), bold("b c"), Run::text(" d")]);
    }

    #[test]
    fn blanks_round_a_line_break_go_and_two_breaks_part() {
        let tidied = runs(vec![
            Run::text("a "),
            line_break(),
            Run::text(" b"),
            line_break(),
            line_break(),
            Run::text("c"),
        ]);
        assert_eq!(tidied, [Run::text("a"), line_break(), Run::text("b"), Run::text("\n\n"), Run::text("c")]);
        let blank = [line_break(), Run::text("\u{A0}"), line_break()];
        assert!(is_blank(&blank) && runs(blank.to_vec()).is_empty());
    }

    #[test]
    fn an_address_has_only_signs_that_markdown_leaves_alone() {
        assert_eq!(
            address("https://x.example/a b(c)é{{x}}\\<>\"`|^"),
            "https://x.example/a%20b%28c%29%C3%A9%7B%7Bx%7D%7D%5C%3C%3E%22%60%7C%5E"
        );
    }
}
