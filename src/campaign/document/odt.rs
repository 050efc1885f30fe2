//! `.odt`: OpenDocument text (ODF 1.3 part 3), as LibreOffice and others write it.

use std::collections::HashMap;

use super::archive::Archive;
use super::docx::written;
use super::flow::{Flow, Footnotes, Line};
use super::nesting::Flat;
use super::odt_style::{Looks, Styles};
use super::xml::{Element, Node};
use super::{Block, Content, Document, Notes, Run, Sort, Style, Unreadable};

/// How deep tables, text boxes and the like may nest, before what is deeper is left out.
const DEEPEST: usize = 24;

/// Reads a document.
pub(super) fn read(archive: &mut Archive<'_>) -> Result<Document, Unreadable> {
    let kind = archive.part("mimetype")?.unwrap_or_default();
    let kind = String::from_utf8_lossy(&kind);
    if kind.contains("spreadsheet") {
        return Err(Unreadable::Other("a spreadsheet"));
    }
    if kind.contains("presentation") || kind.contains("graphics") {
        return Err(Unreadable::Other("a presentation or drawing"));
    }
    let manifest = root(archive, "META-INF/manifest.xml").ok().flatten();
    if archive.has("encrypted-package") || manifest.is_some_and(|root| root.holds("manifest:encryption-data"))
    {
        return Err(Unreadable::Encrypted);
    }
    let content = root(archive, "content.xml")?.ok_or(Unreadable::Broken)?;
    let common = root(archive, "styles.xml")?;
    let mut reader = Reader {
        styles: Styles::of(&[common.as_ref(), Some(&content)]),
        notes: Notes::default(),
        flow: Flow::default(),
        footnotes: Footnotes::default(),
        counts: HashMap::new(),
        outline: [0; 10],
        depth: 0,
    };
    let body = content.at(&["office:body", "office:text"]).ok_or(Unreadable::Broken)?;
    let mut blocks = reader.blocks(body);
    std::mem::take(&mut reader.footnotes).append(&mut blocks, &mut reader.notes);
    let pages = common.as_ref().and_then(|root| root.child("office:master-styles"));
    for page in pages.iter().flat_map(|pages| pages.elements()) {
        for part in page.elements() {
            let word = match part.name.as_str() {
                "style:header" | "style:header-left" | "style:header-first" => "header",
                "style:footer" | "style:footer-left" | "style:footer-first" => "footer",
                _ => continue,
            };
            let mut text = String::new();
            gather(part, &mut text);
            reader.notes.header(word, Some(text), part.holds("draw:frame"));
        }
    }
    let title =
        root(archive, "meta.xml")?.and_then(|root| Some(root.at(&["office:meta", "dc:title"])?.all_text()));
    Ok(Document { title, blocks, notes: reader.notes })
}

fn root(archive: &mut Archive<'_>, name: &str) -> Result<Option<Element>, Unreadable> {
    archive.part(name)?.map(|bytes| Element::read(&bytes)).transpose()
}

/// The text of a header or footer, its paragraphs apart.
fn gather(element: &Element, text: &mut String) {
    for node in &element.children {
        match node {
            Node::Text(own) => text.push_str(own),
            Node::Element(inner) => {
                gather(inner, text);
                if matches!(inner.name.as_str(), "text:p" | "text:tab" | "text:s" | "text:line-break") {
                    text.push(' ');
                }
            }
        }
    }
}

struct Reader {
    styles: Styles,
    notes: Notes,
    flow: Flow,
    footnotes: Footnotes,
    /// How far each list style has counted, by level.
    counts: HashMap<(String, usize), u64>,
    /// How far the headings have counted.
    outline: [u64; 10],
    depth: usize,
}

impl Reader {
    /// Reads what stands in a body, a cell, a text box, a footnote.
    fn blocks(&mut self, within: &Element) -> Vec<Block> {
        if self.depth >= DEEPEST {
            return Vec::new();
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.flow);
        self.flow(within);
        self.depth -= 1;
        std::mem::replace(&mut self.flow, outer).finish()
    }

    fn flow(&mut self, within: &Element) {
        for element in within.elements() {
            match element.name.as_str() {
                "text:p" | "text:h" => self.paragraph(element, None),
                "text:list" => self.list(element, 0, ""),
                "table:table" => self.table(element),
                "text:tracked-changes" => self.changes(element),
                "text:section"
                | "text:index-body"
                | "text:table-of-content"
                | "text:numbered-paragraph"
                | "text:index-title" => {
                    self.flow(element);
                }
                name if name.starts_with("draw:") => {
                    self.graphic(element);
                    // Nothing but the paragraph that comes next is there to put its text after.
                    self.flow.push(Vec::new(), Flat::More);
                }
                _ => {}
            }
        }
    }

    /// Counts tracked changes; what was deleted stands here and nowhere else.
    fn changes(&mut self, changes: &Element) {
        for change in changes.elements().flat_map(Element::elements) {
            match change.name.as_str() {
                "text:deletion" => self.notes.count(Sort::Dropped, "a tracked deletion", "tracked deletions"),
                "text:insertion" => {
                    self.notes.count(
                        Sort::Changed,
                        "a tracked insertion was taken over",
                        "tracked insertions were taken over",
                    );
                }
                _ => {}
            }
        }
    }

    /// Reads a paragraph or heading; `item` is its level in a list, and its number.
    fn paragraph(&mut self, element: &Element, item: Option<(usize, Option<u64>, bool)>) {
        let style = element.attribute("text:style-name");
        let level = element.attribute("text:outline-level").and_then(|level| level.parse().ok());
        let level = level.filter(|_| element.name == "text:h").or_else(|| self.styles.heading(style));
        let base = if level.is_some() { Looks::default() } else { self.styles.looks("paragraph", style) };
        let mut runs = Vec::new();
        self.runs(element, base, None, &mut runs);
        if let Some(level) = level {
            if let Some(label) = self.outline_label(level).filter(|_| element.name == "text:h") {
                runs.insert(0, Run::text(label));
            }
            self.flow.push(runs, |runs| Flat::Block(Block::Heading(level.clamp(1, 6), runs)));
            return;
        }
        match item {
            Some((level, number, true)) => self.flow.push(runs, |runs| Flat::Item { level, number, runs }),
            Some(_) => self.flow.push(runs, Flat::More),
            None if self.styles.is(style, "Quotations") => {
                self.flow.push(runs, |runs| Flat::Block(Block::Quote(vec![Block::Paragraph(runs)])));
            }
            None if self.styles.is(style, "Horizontal_20_Line") => self.flow.block(Block::Rule),
            None => {
                let space = self.styles.space(style);
                let close = space.contextual.then(|| style.unwrap_or_default().to_owned());
                self.flow.line(runs, Line { before: space.before, after: space.after, close });
            }
        }
    }

    /// The number before a heading, where headings are numbered.
    fn outline_label(&mut self, level: u8) -> Option<String> {
        let index = usize::from(level).checked_sub(1).filter(|index| *index < 10)?;
        self.outline[index] += 1;
        self.outline[index + 1..].fill(0);
        let format = self.styles.outline(index)?;
        let from = (index + 1).saturating_sub(format.levels);
        let numbers: Vec<String> =
            (from..=index).map(|at| written(self.outline[at].max(1), &format.format)).collect();
        Some(format!("{}{}{} ", format.prefix, numbers.join("."), format.suffix))
    }

    fn list(&mut self, list: &Element, level: usize, outer: &str) {
        if level >= DEEPEST {
            return;
        }
        let style = list.attribute("text:style-name").unwrap_or(outer).to_owned();
        let format = self.styles.list_level(&style, level);
        let goes_on = list.attribute("text:continue-numbering") == Some("true")
            || list.attribute("text:continue-list").is_some();
        let key = (style.clone(), level);
        let start = format.as_ref().map_or(1, |format| format.start);
        if !goes_on || !self.counts.contains_key(&key) {
            self.counts.insert(key.clone(), start.saturating_sub(1));
        }
        for item in list.elements() {
            let header = item.name == "text:list-header";
            let mut first = !header;
            for element in item.elements() {
                match element.name.as_str() {
                    "text:list" => self.list(element, level + 1, &style),
                    "text:p" | "text:h" => {
                        let mut number = None;
                        if let (true, Some(format)) = (first, &format) {
                            let own = item.attribute("text:start-value").and_then(|value| value.parse().ok());
                            let count = self.counts.entry(key.clone()).or_default();
                            *count = own.unwrap_or(count.saturating_add(1));
                            number = Some(*count);
                            if !format.is_plain() && !super::tidy::is_blank(&[Run::text(element.all_text())])
                            {
                                let label = written(*count, &format.format);
                                self.notes.count(
                                    Sort::Changed,
                                    &format!(
                                        "the number `{}{label}{}` of a list item became a plain number",
                                        format.prefix, format.suffix
                                    ),
                                    "numbers of list items, such as `b)` or `2.1`, became plain numbers",
                                );
                            }
                        }
                        self.paragraph(element, Some((level, number, first)));
                        first = false;
                    }
                    _ => {}
                }
            }
        }
    }

    fn table(&mut self, table: &Element) {
        let mut rows = Vec::new();
        let mut header = false;
        self.rows(table, &mut rows, &mut header);
        self.flow.block(Block::Table { header, rows });
    }

    fn rows(&mut self, within: &Element, rows: &mut Vec<Vec<Vec<Block>>>, header: &mut bool) {
        for element in within.elements() {
            match element.name.as_str() {
                "table:table-header-rows" => {
                    *header |= rows.is_empty();
                    self.rows(element, rows, header);
                }
                "table:table-rows" | "table:table-row-group" => self.rows(element, rows, header),
                "table:table-row" => {
                    let cells = element.elements().filter(|cell| cell.name.ends_with("table-cell"));
                    let cells: Vec<_> = cells.map(|cell| self.blocks(cell)).collect();
                    rows.push(cells);
                }
                _ => {}
            }
        }
    }

    /// Reads what stands in a paragraph, a span, a link.
    fn runs(&mut self, within: &Element, base: Looks, link: Option<&str>, out: &mut Vec<Run>) {
        for node in &within.children {
            match node {
                Node::Text(text) => put(Content::Text(text.clone()), base, link, out),
                Node::Element(element) => self.inline(element, base, link, out),
            }
        }
    }

    fn inline(&mut self, element: &Element, base: Looks, link: Option<&str>, out: &mut Vec<Run>) {
        match element.name.as_str() {
            "text:span" => {
                let looks = self.styles.looks("text", element.attribute("text:style-name")).or(base);
                if looks.hidden == Some(true) {
                    self.notes.count(Sort::Dropped, "a piece of hidden text", "pieces of hidden text");
                } else {
                    self.runs(element, looks, link, out);
                }
            }
            "text:a" => self.runs(element, base, element.attribute("xlink:href").or(link), out),
            "text:s" | "text:tab" => put(Content::Text(" ".to_owned()), base, link, out),
            "text:line-break" => put(Content::Break, base, link, out),
            "text:note" => {
                let blocks =
                    element.child("text:note-body").map(|body| self.blocks(body)).unwrap_or_default();
                if !blocks.is_empty() {
                    let mark = self.footnotes.add(blocks);
                    put(Content::Text(mark), base, link, out);
                }
            }
            "text:database-display" => {
                let name = element.attribute("text:column-name").unwrap_or_default();
                if name.is_empty() {
                    self.runs(element, base, link, out);
                } else {
                    put(Content::Field(name.to_owned()), base, link, out);
                }
            }
            "text:placeholder" | "text:text-input" => {
                let text = element.all_text();
                let text = text.trim().trim_matches(['<', '>', '[', ']']);
                let about = element.attribute("text:description").unwrap_or("in te vullen");
                let text = if text.is_empty() { about } else { text };
                put(Content::Text(format!("[{text}]")), base, link, out);
            }
            "text:date" if element.attribute("text:fixed") != Some("true") => {
                put(Content::Today, base, link, out)
            }
            "text:conditional-text" => {
                let condition = element.attribute("text:condition").unwrap_or_default();
                let shown: String = condition.chars().take(80).collect();
                self.notes.say(
                    Sort::Look,
                    format!("a text depends on `{shown}`; what it showed last stands there now: write `{{{{#if …}}}}` instead"),
                );
                self.runs(element, base, link, out);
            }
            "text:hidden-text" | "text:hidden-paragraph" => {
                self.notes.count(Sort::Dropped, "a piece of hidden text", "pieces of hidden text");
            }
            "text:page-number"
            | "text:page-count"
            | "text:page-continuation"
            | "text:database-next"
            | "text:database-row-select"
            | "text:database-row-number"
            | "text:database-name" => {
                let said = "a field for which a mail has no use, such as a page number";
                self.notes.count(
                    Sort::Dropped,
                    said,
                    "fields for which a mail has no use, such as page numbers",
                );
            }
            "office:annotation" => {
                self.notes.count(Sort::Dropped, "a comment in the margin", "comments in the margin");
            }
            "text:ruby" => {
                if let Some(under) = element.child("text:ruby-base") {
                    self.runs(under, base, link, out);
                }
            }
            "text:note-citation" | "text:tracked-changes" | "office:forms" => {}
            name if name.starts_with("draw:") => self.graphic(element),
            // Fields whose present value is their text, and what wraps text without changing it.
            _ => self.runs(element, base, link, out),
        }
    }

    /// Takes the text out of a text box or a drawing; notes a picture.
    fn graphic(&mut self, element: &Element) {
        if matches!(element.name.as_str(), "draw:a" | "draw:g") {
            element.elements().for_each(|inner| self.graphic(inner));
            return;
        }
        let text = element.child("draw:text-box").unwrap_or(element);
        let drawn = element.name == "draw:frame" && element.child("draw:text-box").is_none();
        let blocks = if drawn { Vec::new() } else { self.blocks(text) };
        if blocks.is_empty() && element.name != "draw:text-box" {
            let described = ["svg:desc", "svg:title"].iter().find_map(|name| element.child(name));
            self.notes.picture(&described.map(Element::all_text).unwrap_or_default());
        }
        self.flow.text_box(blocks, &mut self.notes);
    }
}

fn put(content: Content, looks: Looks, link: Option<&str>, out: &mut Vec<Run>) {
    let style = Style {
        bold: looks.bold == Some(true),
        italic: looks.italic == Some(true),
        link: link.map(str::to_owned),
    };
    out.push(Run { content, style });
}
