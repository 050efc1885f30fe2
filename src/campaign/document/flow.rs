//! Paragraphs as they come, one after the other, in a body or a cell: joined where no space parts them.

use super::nesting::{Flat, nest};
use super::{Block, Content, Notes, Run, Sort, Style, tidy};

/// A paragraph longer than this is more than a line.
const SHORT: usize = 80;

/// The space round a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) before: bool,
    pub(super) after: bool,
    /// The style, where paragraphs of one style stand without space between them.
    pub(super) close: Option<String>,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Flow {
    flat: Vec<Flat>,
    /// The last paragraph, if it may be a line of several.
    last: Option<Line>,
    /// A paragraph whose end was deleted, so that the next goes on with it.
    unended: Vec<Run>,
    /// What stands after the paragraph that is being read.
    after: Vec<Block>,
}

impl Flow {
    /// Adds a paragraph of running text.
    ///
    /// Lines of an address are often paragraphs of their own without space between them: to a reader they are lines.
    pub(super) fn line(&mut self, runs: Vec<Run>, line: Line) {
        let mut runs = self.whole(runs);
        if tidy::is_blank(&runs) {
            self.last = None;
        } else {
            let apart = |last: &Line| {
                let close = last.close.is_some() && last.close == line.close;
                (last.after || line.before) && !close
            };
            let joins = self.last.as_ref().is_some_and(|last| !apart(last)) && tidy::length(&runs) <= SHORT;
            match self.flat.last_mut() {
                Some(Flat::Block(Block::Paragraph(before))) if joins && last_line(before) <= SHORT => {
                    before.push(Run { content: Content::Break, style: Style::default() });
                    before.append(&mut runs);
                }
                _ => self.flat.push(Flat::Block(Block::Paragraph(runs))),
            }
            self.last = Some(line);
        }
        self.put_after();
    }

    /// Adds a paragraph that is something else.
    pub(super) fn push(&mut self, runs: Vec<Run>, make: impl FnOnce(Vec<Run>) -> Flat) {
        let runs = self.whole(runs);
        self.last = None;
        if !tidy::is_blank(&runs) {
            self.flat.push(make(runs));
        }
        self.put_after();
    }

    pub(super) fn block(&mut self, block: Block) {
        self.push(Vec::new(), Flat::More);
        self.flat.push(Flat::Block(block));
    }

    /// Keeps the runs of a paragraph that goes on in the next.
    pub(super) fn join_next(&mut self, mut runs: Vec<Run>) {
        self.unended.append(&mut runs);
    }

    /// Adds what a text box says; it comes after the paragraph it stands at.
    pub(super) fn text_box(&mut self, mut blocks: Vec<Block>, notes: &mut Notes) {
        if !blocks.is_empty() {
            notes.count(
                Sort::Changed,
                "the text of a box was put after the paragraph it stands at",
                "text boxes were put after the paragraphs they stand at",
            );
            self.after.append(&mut blocks);
        }
    }

    /// Returns whether the last that was added belongs to a list.
    pub(super) fn in_list(&self) -> bool {
        matches!(self.flat.last(), Some(Flat::Item { .. } | Flat::More(_)))
    }

    pub(super) fn finish(mut self) -> Vec<Block> {
        let rest = std::mem::take(&mut self.unended);
        self.push(rest, |runs| Flat::Block(Block::Paragraph(runs)));
        nest(self.flat)
    }

    fn whole(&mut self, mut runs: Vec<Run>) -> Vec<Run> {
        let mut whole = std::mem::take(&mut self.unended);
        whole.append(&mut runs);
        whole
    }

    fn put_after(&mut self) {
        if !self.after.is_empty() {
            self.last = None;
            self.flat.extend(std::mem::take(&mut self.after).into_iter().map(Flat::Block));
        }
    }
}

/// The length of the last line of a paragraph.
fn last_line(runs: &[Run]) -> usize {
    let from = runs.iter().rposition(|run| run.content == Content::Break).map_or(0, |at| at + 1);
    tidy::length(&runs[from..])
}

/// Footnotes and endnotes, which come at the end of a letter.
#[derive(Default)]
pub(super) struct Footnotes(Vec<Vec<Block>>);

impl Footnotes {
    /// Adds one; returns the mark that stands in the text.
    pub(super) fn add(&mut self, blocks: Vec<Block>) -> String {
        self.0.push(blocks);
        format!("[{}]", self.0.len())
    }

    pub(super) fn append(self, blocks: &mut Vec<Block>, notes: &mut Notes) {
        if self.0.is_empty() {
            return;
        }
        blocks.push(Block::Rule);
        for (number, mut note) in (1..).zip(self.0) {
            notes.count(Sort::Changed, "a footnote stands at the end", "footnotes stand at the end");
            let mark = Run::text(format!("[{number}] "));
            match note.first_mut() {
                Some(Block::Paragraph(runs)) => runs.insert(0, mark),
                _ => blocks.push(Block::Paragraph(vec![mark])),
            }
            blocks.append(&mut note);
        }
    }
}

impl Notes {
    /// Says that a header or footer was left out, unless it is empty.
    pub(super) fn header(&mut self, word: &str, text: Option<String>, drawn: bool) {
        let text = crate::mail::headers::clean(&text.unwrap_or_default());
        match (text.is_empty(), drawn) {
            (false, _) => {
                let shown: String = text.chars().take(60).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                self.say(Sort::Dropped, format!("the {word} \"{shown}{more}\""));
            }
            (true, true) => self.say(Sort::Dropped, format!("the {word}, which is a picture")),
            (true, false) => {}
        }
    }

    /// Says that a picture was left out.
    pub(super) fn picture(&mut self, described: &str) {
        let described = crate::mail::headers::clean(described);
        let shown: String = described.chars().take(60).collect();
        self.count(Sort::Dropped, "a picture", "pictures");
        if !shown.is_empty() {
            self.say(
                Sort::Look,
                format!("a picture was described as \"{shown}\"; say it in words if it matters"),
            );
        }
    }
}
