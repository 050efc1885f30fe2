//! `.txt`: paragraphs, lists and headings by the habits of people who write plain text.

use super::nesting::{Flat, nest};
use super::{Block, Content, Document, Notes, Run, Style};

/// Where programs and people break lines at most.
const WIDEST: usize = 100;

/// Reads a text.
pub(super) fn read(text: &str) -> Document {
    let lines: Vec<&str> = text.lines().flat_map(|line| line.split(['\r', '\u{0C}'])).collect();
    let width = lines.iter().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
    // With longer lines than people break by hand, each is a paragraph of its own.
    let wrapped = (50..=WIDEST).contains(&width);
    let mut flat = Vec::new();
    for group in lines.split(|line| line.trim().is_empty()).filter(|group| !group.is_empty()) {
        self::group(group, width, wrapped, &mut flat);
    }
    Document { title: None, blocks: nest(flat), notes: Notes::default() }
}

/// Reads lines without an empty one between them.
fn group(lines: &[&str], width: usize, wrapped: bool, flat: &mut Vec<Flat>) {
    if let [line, under] = lines
        && let Some(level) = underlined(line, under)
    {
        flat.push(Flat::Block(Block::Heading(level, vec![Run::text(line.trim())])));
        return;
    }
    let mut fresh = true;
    let mut before = "";
    for line in lines {
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        if is_rule(trimmed) {
            flat.push(Flat::Block(Block::Rule));
            fresh = true;
        } else if let Some((number, rest)) = item(trimmed) {
            flat.push(Flat::Item { level: indent / 2, number, runs: vec![Run::text(rest)] });
            fresh = false;
        } else if fresh {
            flat.push(match flat.last() {
                // An indented paragraph after an item belongs to it.
                Some(Flat::Item { .. } | Flat::More(_)) if indent >= 2 => {
                    Flat::More(vec![Run::text(trimmed)])
                }
                _ => Flat::Block(Block::Paragraph(vec![Run::text(trimmed)])),
            });
            fresh = false;
        } else {
            let first = trimmed.split(' ').next().unwrap_or("").chars().count();
            let full = before.trim_end().chars().count() + 1 + first > width;
            // After an item, a line that neither fills it up nor is indented is something new.
            if indent == 0
                && matches!(flat.last(), Some(Flat::Item { .. } | Flat::More(_)))
                && !(wrapped && full)
            {
                flat.push(Flat::Block(Block::Paragraph(vec![Run::text(trimmed)])));
                before = line;
                continue;
            }
            let runs = match flat.last_mut() {
                Some(Flat::Block(Block::Paragraph(runs)) | Flat::Item { runs, .. } | Flat::More(runs)) => {
                    runs
                }
                _ => continue,
            };
            if wrapped && full {
                runs.push(Run::text(format!(" {trimmed}")));
            } else if width > WIDEST && (before.chars().count() > WIDEST || trimmed.chars().count() > WIDEST)
            {
                flat.push(Flat::Block(Block::Paragraph(vec![Run::text(trimmed)])));
            } else {
                runs.push(Run { content: Content::Break, style: Style::default() });
                runs.push(Run::text(trimmed));
            }
        }
        before = line;
    }
}

/// Returns the number or bullet of an item, and the rest of its line.
fn item(line: &str) -> Option<(Option<u64>, &str)> {
    if let Some(rest) = line.strip_prefix(['-', '*', '•', '·', '–', '+', '\u{F0B7}']) {
        return rest.strip_prefix([' ', '\t']).map(|rest| (None, rest.trim_start()));
    }
    // `a)` begins an item, and `A.` a name.
    if let [letter @ b'a'..=b'z', b')', b' ' | b'\t', ..] = line.as_bytes() {
        return Some((Some(u64::from(letter - b'a') + 1), line[3..].trim_start()));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..)?.strip_prefix(['.', ')'])?.strip_prefix([' ', '\t'])?;
    // A year at the beginning of a line is no item.
    let number = line.get(..digits).filter(|digits| (1..=3).contains(&digits.len()))?;
    Some((number.parse().ok(), rest.trim_start()))
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && ['-', '_', '=', '*'].iter().any(|sign| line.chars().all(|c| c == *sign))
}

fn underlined(line: &str, under: &str) -> Option<u8> {
    let (line, under) = (line.trim(), under.trim());
    let fits = is_rule(under) && line.chars().any(char::is_alphabetic) && line.chars().count() <= WIDEST;
    match under.chars().next().filter(|_| fits)? {
        '=' => Some(1),
        '-' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_broken_at_the_margin_are_joined_and_short_ones_stay() {
        let text = "Stichting Voorbeeld\nDorpsstraat 1\n\nDit is een regel die tot aan de kantlijn loopt en dan\ndoorgaat op de volgende regel van dezelfde alinea.\n";
        let read = read(text);
        let Block::Paragraph(first) = &read.blocks[0] else { panic!() };
        assert_eq!(first.iter().filter(|run| run.content == Content::Break).count(), 1);
        let Block::Paragraph(second) = &read.blocks[1] else { panic!() };
        assert!(second.iter().all(|run| run.content != Content::Break));
    }

    #[test]
    fn items_are_known_by_their_marks_and_a_year_is_none() {
        assert_eq!(item("- melk"), Some((None, "melk")));
        assert_eq!(item("12) brood"), Some((Some(12), "brood")));
        assert_eq!(item("2025. Een jaar"), None);
        assert_eq!(item("-melk"), None);
        assert_eq!(item("o"), None);
    }
}
