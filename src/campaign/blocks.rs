//! The body of a letter as a tree of blocks, for the typesetter.
//!
//! Made from the same Markdown and the same values as HTML and text (see [`super::markdown`]), so that all three say the same.
//! Here, too, a value is only text.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde::Serialize;

use super::markdown::{Link, options, split};
use super::merge::Given;
use crate::mail::headers::unprintable;

/// How many levels of quotes, lists and emphasis are kept; what is deeper is shown on the last of them.
const DEEPEST: usize = 20;

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Block {
    /// A paragraph.
    Paragraph {
        /// Its text.
        inline: Vec<Inline>,
    },
    /// A heading.
    Heading {
        /// From 1, the largest, to 6.
        level: u8,
        /// Its text.
        inline: Vec<Inline>,
    },
    /// A list.
    List {
        /// The number of the first item; nothing where the items have none.
        start: Option<u64>,
        /// Whether its items follow each other without a gap.
        tight: bool,
        /// The items.
        items: Vec<Vec<Block>>,
    },
    /// Somebody else's words.
    Quote {
        /// What they said.
        blocks: Vec<Block>,
    },
    /// Lines shown as they are.
    Code {
        /// The lines, parted by LF.
        text: String,
    },
    /// A line across.
    Rule,
}

/// A piece of a line of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Inline {
    /// Text; never with a line break in it.
    Text {
        /// The text.
        text: String,
    },
    /// Strong emphasis.
    Strong {
        /// What is in it.
        inline: Vec<Inline>,
    },
    /// Emphasis.
    Emphasis {
        /// What is in it.
        inline: Vec<Inline>,
    },
    /// A link.
    Link {
        /// `https:`, `http:`, `mailto:` or `tel:`.
        address: String,
        /// What is shown.
        inline: Vec<Inline>,
    },
    /// A word of a machine.
    Code {
        /// The word.
        text: String,
    },
    /// A new line.
    Break,
}

/// Converts Markdown with tokens, and puts the values in.
pub(super) fn blocks(markdown: &str, given: &[Given<'_>]) -> Vec<Block> {
    let mut builder =
        Builder { given, root: Vec::new(), levels: Vec::new(), run: None, spans: Vec::new(), code: None };
    for event in Parser::new_ext(markdown, options()) {
        builder.event(event);
    }
    builder.end_run();
    builder.root
}

/// A block that holds blocks, and is open.
enum Level {
    Quote(Vec<Block>),
    List {
        start: Option<u64>,
        tight: bool,
        items: Vec<Vec<Block>>,
    },
    Item(Vec<Block>),
    /// Too deep: its content goes to the level around it.
    Skipped,
}

/// What an open piece of a line becomes.
enum Span {
    Strong,
    Emphasis,
    Link(String),
    /// Nothing of its own.
    Bare,
}

struct Builder<'g> {
    given: &'g [Given<'g>],
    root: Vec<Block>,
    levels: Vec<Level>,
    /// The level of the heading whose text is open, or 0 for a paragraph.
    run: Option<u8>,
    /// The pieces that are open; the first is the whole text.
    spans: Vec<(Span, Vec<Inline>)>,
    code: Option<String>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Code(text) => {
                let text = self.filled(&text).replace('\n', " ");
                self.put(Inline::Code { text });
            }
            Event::SoftBreak => self.words(" "),
            Event::HardBreak => self.put(Inline::Break),
            Event::Rule => {
                self.end_run();
                self.block(Block::Rule);
            }
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.words(&text),
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let deep = self.levels.len() >= DEEPEST;
        match tag {
            Tag::Paragraph => {
                self.end_run();
                let at = self.levels.len().wrapping_sub(2);
                if let (Some(Level::Item(_)), Some(Level::List { tight, .. })) =
                    (self.levels.last(), self.levels.get(at))
                    && *tight
                    && let Some(Level::List { tight, .. }) = self.levels.get_mut(at)
                {
                    *tight = false;
                }
                self.begin_run(0);
            }
            Tag::Heading { level, .. } => {
                self.end_run();
                self.begin_run(level as u8);
            }
            Tag::BlockQuote(_) => {
                self.end_run();
                self.levels.push(if deep { Level::Skipped } else { Level::Quote(Vec::new()) });
            }
            Tag::List(start) => {
                self.end_run();
                let list = Level::List { start, tight: true, items: Vec::new() };
                // A list without room for its items is none.
                self.levels.push(if self.levels.len() + 1 >= DEEPEST { Level::Skipped } else { list });
            }
            Tag::Item => {
                self.end_run();
                let listed = matches!(self.levels.last(), Some(Level::List { .. }));
                self.levels.push(if listed { Level::Item(Vec::new()) } else { Level::Skipped });
            }
            Tag::CodeBlock(_) => {
                self.end_run();
                self.code = Some(String::new());
            }
            Tag::Emphasis => self.open(Span::Emphasis),
            Tag::Strong => self.open(Span::Strong),
            Tag::Link { link_type, dest_url, .. } => {
                let link = Link::of(link_type, &dest_url).and_then(|link| link.fill(self.given).ok());
                self.open(link.map_or(Span::Bare, Span::Link));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) => self.end_run(),
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.end_run();
                match self.levels.pop() {
                    Some(Level::Quote(blocks)) => self.block(Block::Quote { blocks }),
                    Some(Level::List { start, tight, items }) => {
                        self.block(Block::List { start, tight, items });
                    }
                    Some(Level::Item(blocks)) => {
                        if let Some(Level::List { items, .. }) = self.levels.last_mut() {
                            items.push(blocks);
                        }
                    }
                    Some(Level::Skipped) | None => {}
                }
            }
            TagEnd::CodeBlock => {
                if let Some(text) = self.code.take() {
                    let text = text.strip_suffix('\n').map_or(text.clone(), str::to_owned);
                    self.block(Block::Code { text });
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link => self.close(),
            _ => {}
        }
    }

    /// Adds a block to the innermost level that takes any.
    fn block(&mut self, block: Block) {
        let place = self.levels.iter_mut().rev().find_map(|level| match level {
            Level::Quote(blocks) | Level::Item(blocks) => Some(blocks),
            Level::List { .. } | Level::Skipped => None,
        });
        place.unwrap_or(&mut self.root).push(block);
    }

    fn begin_run(&mut self, level: u8) {
        self.run = Some(level);
        self.spans = vec![(Span::Bare, Vec::new())];
    }

    /// Ends the text that is open, if any.
    fn end_run(&mut self) {
        let Some(level) = self.run.take() else { return };
        while self.spans.len() > 1 {
            self.close();
        }
        let Some((_, inline)) = self.spans.pop() else { return };
        match level {
            0 if inline.is_empty() => {}
            0 => self.block(Block::Paragraph { inline }),
            level => self.block(Block::Heading { level, inline }),
        }
    }

    fn open(&mut self, span: Span) {
        self.begin();
        self.spans.push((span, Vec::new()));
    }

    fn close(&mut self) {
        if self.spans.len() < 2 {
            return;
        }
        let Some((span, inline)) = self.spans.pop() else { return };
        let deep = self.spans.len() > DEEPEST;
        match span {
            Span::Link(address) if !deep => self.put(Inline::Link { address, inline }),
            Span::Strong if !deep => self.put(Inline::Strong { inline }),
            Span::Emphasis if !deep => self.put(Inline::Emphasis { inline }),
            _ => inline.into_iter().for_each(|piece| self.put(piece)),
        }
    }

    /// The text of a tight item comes without a paragraph around it.
    fn begin(&mut self) {
        if self.run.is_none() {
            self.begin_run(0);
        }
    }

    fn put(&mut self, piece: Inline) {
        self.begin();
        let Some((_, inline)) = self.spans.last_mut() else { return };
        match (inline.last_mut(), piece) {
            (Some(Inline::Text { text }), Inline::Text { text: more }) => text.push_str(&more),
            (_, piece) => inline.push(piece),
        }
    }

    /// Writes text with tokens.
    fn words(&mut self, text: &str) {
        if self.code.is_some() {
            let filled = self.filled(text);
            if let Some(code) = &mut self.code {
                code.push_str(&filled);
            }
            return;
        }
        for part in split(text) {
            match part {
                Ok(text) => self.put(Inline::Text { text: text.replace('\n', " ") }),
                Err(value) => {
                    for (index, line) in cleaned(self.value(value)).split('\n').enumerate() {
                        if index > 0 {
                            self.put(Inline::Break);
                        }
                        if !line.is_empty() {
                            self.put(Inline::Text { text: line.to_owned() });
                        }
                    }
                }
            }
        }
    }

    /// Returns text with its values in place of their tokens.
    fn filled(&self, text: &str) -> String {
        let put = |part| match part {
            Ok(text) => str::to_owned(text),
            Err(value) => cleaned(self.value(value)),
        };
        split(text).into_iter().map(put).collect()
    }

    fn value(&self, number: u32) -> &str {
        self.given.get(number as usize).map_or("", |given| given.value.as_ref())
    }
}

/// Takes out what a text cannot show; line breaks stay.
pub(super) fn cleaned(value: &str) -> String {
    let kept = value.chars().filter(|c| matches!(c, '\n' | '\t') || !unprintable(*c));
    kept.map(|c| if c == '\t' { ' ' } else { c }).collect()
}
