//! `.html`: a page as browsers, word processors and mail programs save it.

use super::docx::written;
use super::flow::{Flow, Line};
use super::nesting::Flat;
use super::{Block, Content, Document, Notes, Run, Sort, Style, Unreadable, tidy};
use crate::campaign::css;
use crate::campaign::html::{Kind, Page};

/// How deep blocks may nest, before what is deeper is left out.
const DEEPEST: usize = 24;

/// What shows nothing, or nothing that a letter could say.
const SILENT: [&str; 22] = [
    "head", "script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "video",
    "audio", "canvas", "select", "textarea", "input", "button", "map", "datalist", "dialog", "meter",
    "progress",
];

/// Elements that part what is before them from what is after.
const BLOCKS: [&str; 26] = [
    "html",
    "body",
    "p",
    "div",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "nav",
    "aside",
    "address",
    "center",
    "figure",
    "figcaption",
    "details",
    "summary",
    "fieldset",
    "legend",
    "form",
    "dl",
    "dt",
    "dd",
    "li",
    "hgroup",
    "caption",
];

/// Reads a page.
pub(super) fn read(text: &str) -> Result<Document, Unreadable> {
    let mut page = Page::read(text).ok_or(Unreadable::TooLarge)?;
    css::inline(&mut page);
    Ok(of(&page))
}

/// Reads a page whose styles stand on its elements.
pub(in crate::campaign) fn of(page: &Page) -> Document {
    let mut reader = Reader {
        page,
        notes: Notes::default(),
        flow: Flow::default(),
        line: Vec::new(),
        title: None,
        counted: Vec::new(),
        depth: 0,
    };
    let blocks = reader.blocks(Page::ROOT, &Look::default());
    Document { title: reader.title, blocks, notes: reader.notes }
}

/// Returns the encoding that a page declares in its first kilobyte: `<meta charset=windows-1252>`.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let rest = start.split_once("charset")?.1.trim_start().strip_prefix('=')?.trim_start();
    let label = rest.trim_start_matches(['"', '\'']).split(['"', '\'', ' ', ';', '>', '/']).next()?;
    Some(label.to_owned()).filter(|label| !label.is_empty())
}

/// How text looks at a place.
#[derive(Clone, Default)]
struct Look {
    style: Style,
    /// Whether line ends stay, as in `<pre>`.
    kept: bool,
    raised: bool,
}

struct Reader<'p> {
    page: &'p Page,
    notes: Notes,
    flow: Flow,
    /// The paragraph that is being read.
    line: Vec<Run>,
    title: Option<String>,
    /// How far Word's lists have counted, by level.
    counted: Vec<u64>,
    depth: usize,
}

impl Reader<'_> {
    fn blocks(&mut self, node: usize, look: &Look) -> Vec<Block> {
        if self.depth >= DEEPEST {
            return Vec::new();
        }
        self.depth += 1;
        let outer = (std::mem::take(&mut self.flow), std::mem::take(&mut self.line));
        self.children(node, look);
        self.end_line(false);
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.flow, outer.0);
        self.line = outer.1;
        inner.finish()
    }

    fn children(&mut self, node: usize, look: &Look) {
        for child in self.page.children(node) {
            self.node(*child, look);
        }
    }

    fn node(&mut self, node: usize, look: &Look) {
        match self.page.kind(node) {
            Kind::Text(text) if look.kept => {
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        self.put(Content::Break, look);
                    }
                    self.put(Content::Text(line.to_owned()), look);
                }
            }
            Kind::Text(text) if look.raised => self.put(Content::Text(tidy::superscript(text)), look),
            Kind::Text(text) => self.put(Content::Text(text.clone()), look),
            Kind::Element(name) => self.element(node, name, look),
            Kind::Comment(_) | Kind::Other => {}
        }
    }

    fn element(&mut self, node: usize, name: &str, look: &Look) {
        if name == "head" {
            let title = self.page.find(node, "title");
            self.title = self.title.take().or_else(|| title.map(|title| self.page.text(title)));
        }
        if SILENT.contains(&name) {
            if matches!(
                name,
                "iframe"
                    | "object"
                    | "embed"
                    | "svg"
                    | "video"
                    | "audio"
                    | "canvas"
                    | "input"
                    | "select"
                    | "textarea"
                    | "button"
            ) {
                let said = format!("`<{name}>`, which a letter cannot have");
                self.notes.count(Sort::Dropped, &said, "elements that a letter cannot have");
            }
            return;
        }
        let css = self.page.attribute(node, "style").unwrap_or_default().to_ascii_lowercase();
        let css: String = css.chars().filter(|c| !c.is_whitespace()).collect();
        if css.contains("display:none") || self.page.attribute(node, "hidden").is_some() {
            if !self.page.text(node).trim().is_empty() {
                self.notes.count(Sort::Dropped, "a piece of hidden text", "pieces of hidden text");
            }
            return;
        }
        let look = looked(name, &css, self.page.attribute(node, "href"), look);
        match name {
            "br" => self.put(Content::Break, &look),
            "img" => self.notes.picture(self.page.attribute(node, "alt").unwrap_or_default()),
            "hr" => {
                self.end_line(false);
                self.flow.block(Block::Rule);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_line(false);
                let level = name.as_bytes()[1] - b'0';
                self.children(node, &Look { style: Style { bold: false, ..look.style }, ..look });
                let runs = std::mem::take(&mut self.line);
                self.flow.push(runs, |runs| Flat::Block(Block::Heading(level, runs)));
            }
            "ul" | "ol" | "menu" | "dir" => self.list(node, name == "ol", &look),
            "blockquote" => {
                self.end_line(false);
                let inner = self.blocks(node, &look);
                self.flow.block(Block::Quote(inner));
            }
            "table" => self.table(node, &look),
            // What LibreOffice writes for the head and foot of its pages.
            "div" if matches!(self.page.attribute(node, "title"), Some("header" | "footer")) => {
                let word =
                    if self.page.attribute(node, "title") == Some("header") { "header" } else { "footer" };
                let drawn = self.page.find(node, "img").is_some();
                self.notes.header(word, Some(self.page.text(node)), drawn);
            }
            "pre" => {
                self.end_line(true);
                self.children(node, &Look { kept: true, ..look });
                self.end_line(true);
            }
            "q" => {
                self.put(Content::Text("“".to_owned()), &look);
                self.children(node, &look);
                self.put(Content::Text("”".to_owned()), &look);
            }
            "del" => self.notes.count(Sort::Dropped, "a tracked deletion", "tracked deletions"),
            "p" if css.contains("mso-list:") && !css.contains("mso-list:none") => {
                self.word_item(node, &css, &look)
            }
            name if BLOCKS.contains(&name) || css.contains("display:block") => {
                let gap = !["margin-bottom:0", "margin:0"].iter().any(|none| zero(&css, none));
                let footnote = self.page.attribute(node, "id").is_some_and(|id| id.starts_with("sdfootnote"));
                let apart = footnote || gap && matches!(name, "p" | "dl" | "figure" | "section" | "article");
                self.end_line(apart);
                self.children(node, &look);
                self.end_line(apart);
            }
            _ => self.children(node, &look),
        }
    }

    fn put(&mut self, content: Content, look: &Look) {
        self.line.push(Run { content, style: look.style.clone() });
    }

    /// Ends a paragraph, or a line of one where nothing parts it from the next.
    fn end_line(&mut self, apart: bool) {
        let mut runs = std::mem::take(&mut self.line);
        // A break at the end of a block shows nothing, but alone in it an empty line.
        if tidy::is_blank(&runs) && runs.iter().all(|run| run.content != Content::Break) {
            if !apart {
                return;
            }
            runs.clear();
        }
        self.flow.line(runs, Line { before: apart, after: apart, close: None });
    }

    fn list(&mut self, node: usize, ordered: bool, look: &Look) {
        self.end_line(false);
        let start =
            self.page.attribute(node, "start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
        let mut items: Vec<Vec<Block>> = Vec::new();
        for child in self.page.children(node) {
            match self.page.kind(*child) {
                Kind::Element(name) if name == "li" => {
                    let look = looked("li", &self.style(*child), None, look);
                    items.push(self.blocks(*child, &look));
                }
                // A list right in a list belongs to the item before it.
                Kind::Element(_) => {
                    let depth = self.depth;
                    let mut inner = if depth < DEEPEST { self.blocks_of(*child, look) } else { Vec::new() };
                    match items.last_mut() {
                        Some(item) => item.append(&mut inner),
                        None => items.push(inner),
                    }
                }
                _ => {}
            }
        }
        let kind = self.page.attribute(node, "type").unwrap_or("1");
        if ordered && kind != "1" {
            self.notes.count(
                Sort::Changed,
                &format!("the numbers `{}` of a list became plain numbers", written(start, kind)),
                "lists with letters or numerals became plain numbers",
            );
        }
        self.flow.block(Block::List { first: ordered.then_some(start), items });
    }

    /// Reads one element as blocks of its own.
    fn blocks_of(&mut self, node: usize, look: &Look) -> Vec<Block> {
        let outer = (std::mem::take(&mut self.flow), std::mem::take(&mut self.line));
        self.depth += 1;
        self.node(node, look);
        self.end_line(false);
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.flow, outer.0);
        self.line = outer.1;
        inner.finish()
    }

    fn style(&self, node: usize) -> String {
        let css = self.page.attribute(node, "style").unwrap_or_default().to_ascii_lowercase();
        css.chars().filter(|c| !c.is_whitespace()).collect()
    }

    fn table(&mut self, node: usize, look: &Look) {
        self.end_line(false);
        let mut rows = Vec::new();
        let mut header = false;
        self.rows(node, look, &mut rows, &mut header);
        self.flow.block(Block::Table { header, rows });
    }

    fn rows(&mut self, node: usize, look: &Look, rows: &mut Vec<Vec<Vec<Block>>>, header: &mut bool) {
        for child in self.page.children(node) {
            let Kind::Element(name) = self.page.kind(*child) else { continue };
            match name.as_str() {
                "thead" => {
                    *header |= rows.is_empty();
                    self.rows(*child, look, rows, header);
                }
                "tbody" | "tfoot" => self.rows(*child, look, rows, header),
                "caption" => {
                    let inner = self.blocks(*child, look);
                    inner.into_iter().for_each(|block| self.flow.block(block));
                }
                "tr" => {
                    let mut cells = Vec::new();
                    let mut names = true;
                    for cell in self.page.children(*child) {
                        let Kind::Element(name) = self.page.kind(*cell) else { continue };
                        names &= name == "th";
                        let look = looked("td", &self.style(*cell), None, look);
                        cells.push(self.blocks(*cell, &look));
                    }
                    *header |= rows.is_empty() && names && cells.len() > 1;
                    rows.push(cells);
                }
                _ => {}
            }
        }
    }

    /// An item as Word saves it: a paragraph whose bullet or number is text in a span of its own.
    fn word_item(&mut self, node: usize, css: &str, look: &Look) {
        self.end_line(false);
        let level: usize = css
            .split_once("level")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .unwrap_or(1);
        let mut mark = String::new();
        self.word_line(node, look, &mut mark);
        let label: String = mark.chars().filter(|c| !c.is_whitespace()).collect();
        let level = level.clamp(1, 9) - 1;
        let counted = label.ends_with(['.', ')']);
        self.counted.truncate(level + 1);
        self.counted.resize(level + 1, 0);
        let number = counted.then(|| {
            let digits = label.trim_end_matches(['.', ')']).parse().ok();
            let number = digits.unwrap_or(self.counted[level] + 1);
            self.counted[level] = number;
            number
        });
        let runs = std::mem::take(&mut self.line);
        self.flow.push(runs, |runs| Flat::Item { level, number, runs });
    }

    fn word_line(&mut self, node: usize, look: &Look, mark: &mut String) {
        for child in self.page.children(node) {
            match self.page.kind(*child) {
                Kind::Element(_) if self.style(*child).contains("mso-list:ignore") => {
                    mark.push_str(&self.page.text(*child));
                }
                Kind::Element(name)
                    if self.page.children(*child).iter().any(|inner| self.holds_mark(*inner)) =>
                {
                    let look = looked(name, &self.style(*child), None, look);
                    self.word_line(*child, &look, mark);
                }
                _ => self.node(*child, look),
            }
        }
    }

    fn holds_mark(&self, node: usize) -> bool {
        self.style(node).contains("mso-list:ignore")
    }
}

/// Returns whether a style sets a margin to nothing: `margin-bottom:0cm`, and not `margin-bottom:0.5cm`.
fn zero(css: &str, start: &str) -> bool {
    css.match_indices(start).any(|(at, _)| {
        let value = css[at + start.len()..].split(';').next().unwrap_or_default();
        !value.chars().any(|c| matches!(c, '1'..='9'))
    })
}

/// How text looks within an element.
fn looked(name: &str, css: &str, href: Option<&str>, outer: &Look) -> Look {
    let mut look = outer.clone();
    match name {
        "b" | "strong" => look.style.bold = true,
        "i" | "em" | "cite" | "dfn" | "var" => look.style.italic = true,
        "sup" => look.raised = true,
        "a" => look.style.link = href.map(str::to_owned).or(look.style.link),
        _ => {}
    }
    if let Some((_, weight)) = css.rsplit_once("font-weight:") {
        let weight = weight.split(';').next().unwrap_or_default();
        look.style.bold = matches!(weight, "bold" | "bolder" | "600" | "700" | "800" | "900");
    }
    if let Some((_, slant)) = css.rsplit_once("font-style:") {
        look.style.italic = matches!(slant.split(';').next(), Some("italic" | "oblique"));
    }
    if css.contains("white-space:pre") {
        look.kept = true;
    }
    look
}
