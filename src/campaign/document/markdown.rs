//! Markdown as a document: what a person wrote in it, and what our own writing is held to.

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::{Block, Content, Document, Notes, Run, Sort, Style, html, tidy};

/// How deep quotes and lists may nest in what is read.
const DEEPEST: usize = 60;

/// Reads a document that a person wrote.
pub(super) fn read(text: &str) -> Document {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (front, body) = front_matter(&text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(body, options) {
        reader.event(event);
    }
    let (blocks, mut notes) = reader.finish();
    let mut title = None;
    for line in front.lines() {
        let Some((key, value)) = line.split_once([':', '=']) else { continue };
        if matches!(key.trim().to_ascii_lowercase().as_str(), "subject" | "title" | "onderwerp" | "betreft") {
            title = title.or(Some(value.trim().trim_matches(['"', '\'']).to_owned()));
        }
    }
    if !front.is_empty() {
        notes.say(Sort::Dropped, "the front matter, except for its title");
    }
    Document { title, blocks, notes }
}

/// Returns whether a text is a letter of ours already.
pub(super) fn is_letter(text: &str) -> bool {
    let rest = text.trim_start_matches('\u{FEFF}').strip_prefix("+++");
    rest.and_then(|rest| rest.split_once("\n+++")).is_some_and(|(front, _)| {
        front.lines().any(|line| {
            line.trim_start().strip_prefix("subject").is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    })
}

/// Reads Markdown as our letters do, to see whether it says what was meant.
pub(super) fn read_back(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, Options::empty()) {
        reader.event(event);
    }
    let (blocks, notes) = reader.finish();
    tidy::document(Document { title: None, blocks, notes }).blocks
}

fn front_matter(text: &str) -> (&str, &str) {
    for mark in ["---", "+++"] {
        let Some(rest) = text.strip_prefix(mark).and_then(|rest| rest.strip_prefix('\n')) else { continue };
        if let Some((front, body)) = rest.split_once(&format!("\n{mark}\n")) {
            return (front, body);
        }
    }
    ("", text)
}

/// A block that has begun.
#[derive(Debug)]
enum Open {
    Quote,
    List(Option<u64>, Vec<Vec<Block>>),
    Item,
    Table(Vec<Vec<Vec<Block>>>),
    Row(Vec<Vec<Block>>),
}

#[derive(Debug, Default)]
struct Reader {
    /// The blocks that are open, each with what stood before it on its level.
    open: Vec<(Open, Vec<Block>)>,
    blocks: Vec<Block>,
    runs: Vec<Run>,
    bold: usize,
    italic: usize,
    links: Vec<String>,
    heading: Option<u8>,
    picture: Option<String>,
    code: bool,
    html: String,
    notes: Notes,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.picture.is_some() => {
                if let Some(described) = &mut self.picture {
                    described.push_str(&text);
                }
            }
            Event::Text(text) if self.code => {
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        self.put(Content::Break);
                    }
                    self.put(Content::Text(line.to_owned()));
                }
            }
            Event::Text(text) | Event::Code(text) => self.put(Content::Text(text.into_string())),
            Event::SoftBreak => self.put(Content::Text(" ".to_owned())),
            Event::HardBreak => self.put(Content::Break),
            Event::Rule => {
                self.paragraph();
                self.blocks.push(Block::Rule);
            }
            Event::Html(text) => self.html.push_str(&text),
            Event::InlineHtml(tag) => {
                if tag.to_ascii_lowercase().starts_with("<br") {
                    self.put(Content::Break);
                } else if !tag.starts_with("</") && !tag.starts_with("<!--") {
                    self.notes.count(
                        Sort::Dropped,
                        "an HTML tag, whose text stays",
                        "HTML tags, whose text stays",
                    );
                }
            }
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.put(Content::Text(text.into_string()));
            }
            Event::TaskListMarker(done) => self.put(Content::Text(if done { "☒ " } else { "☐ " }.to_owned())),
        }
    }

    fn put(&mut self, content: Content) {
        let style = Style { bold: self.bold > 0, italic: self.italic > 0, link: self.links.last().cloned() };
        self.runs.push(Run { content, style });
    }

    /// Ends the paragraph or heading that is open.
    fn paragraph(&mut self) {
        let runs = std::mem::take(&mut self.runs);
        let heading = self.heading.take();
        if !tidy::is_blank(&runs) {
            self.blocks.push(match heading {
                Some(level) => Block::Heading(level, runs),
                None => Block::Paragraph(runs),
            });
        }
    }

    fn begin(&mut self, open: Open) {
        self.paragraph();
        self.open.push((open, std::mem::take(&mut self.blocks)));
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.paragraph(),
            Tag::Heading { level, .. } => {
                self.paragraph();
                self.heading = Some(match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 => 3,
                    HeadingLevel::H4 => 4,
                    HeadingLevel::H5 => 5,
                    HeadingLevel::H6 => 6,
                });
            }
            Tag::BlockQuote(_) => self.begin(Open::Quote),
            Tag::CodeBlock(_) => {
                self.paragraph();
                self.code = true;
            }
            Tag::List(first) => self.begin(Open::List(first, Vec::new())),
            Tag::Item => self.begin(Open::Item),
            Tag::Table(_) => self.begin(Open::Table(Vec::new())),
            Tag::TableHead | Tag::TableRow => self.begin(Open::Row(Vec::new())),
            Tag::Emphasis => self.italic += 1,
            Tag::Strong => self.bold += 1,
            Tag::Link { link_type, dest_url, .. } => self.links.push(match link_type {
                LinkType::Email => format!("mailto:{dest_url}"),
                _ => dest_url.into_string(),
            }),
            Tag::Image { .. } => self.picture = Some(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) => self.paragraph(),
            TagEnd::CodeBlock => {
                self.code = false;
                self.paragraph();
            }
            TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow => {
                self.close();
            }
            TagEnd::TableCell => {
                self.paragraph();
                let cell = std::mem::take(&mut self.blocks);
                if let Some((Open::Row(cells), _)) = self.open.last_mut() {
                    cells.push(cell);
                }
            }
            TagEnd::HtmlBlock => {
                let source = std::mem::take(&mut self.html);
                if let Ok(mut page) = html::read(&source) {
                    if !page.blocks.is_empty() {
                        self.notes.count(
                            Sort::Changed,
                            "a block of HTML became text",
                            "blocks of HTML became text",
                        );
                    }
                    self.blocks.append(&mut page.blocks);
                }
            }
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Link => drop(self.links.pop()),
            TagEnd::Image => {
                let described = self.picture.take().unwrap_or_default();
                self.notes.picture(&described);
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.paragraph();
        let Some((open, before)) = self.open.pop() else { return };
        let inner = std::mem::replace(&mut self.blocks, before);
        match open {
            // Dropping a tree goes as deep as it is nested, and tidying comes up to eight levels anyway.
            _ if self.open.len() > DEEPEST => self.blocks.extend(inner),
            Open::Quote => self.blocks.push(Block::Quote(inner)),
            Open::List(first, items) => self.blocks.push(Block::List { first, items }),
            Open::Item => {
                if let Some((Open::List(_, items), _)) = self.open.last_mut() {
                    items.push(inner);
                }
            }
            Open::Table(rows) => self.blocks.push(Block::Table { header: true, rows }),
            Open::Row(cells) => {
                if let Some((Open::Table(rows), _)) = self.open.last_mut() {
                    rows.push(cells);
                }
            }
        }
    }

    fn finish(mut self) -> (Vec<Block>, Notes) {
        while !self.open.is_empty() {
            self.close();
        }
        self.paragraph();
        (self.blocks, self.notes)
    }
}
