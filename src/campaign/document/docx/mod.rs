//! `.docx`: WordprocessingML (ECMA-376 part 1 §17), as Word and others write it.

mod field;
mod numbering;
mod style;

use std::collections::HashMap;

use self::field::Fields;
use self::numbering::Numbering;
pub(super) use self::numbering::written;
use self::style::{Kind, Looks, Paragraph, Styles};
use super::archive::Archive;
use super::flow::{Flow, Footnotes, Line};
use super::nesting::Flat;
use super::xml::{Element, Node};
use super::{Block, Content, Document, Notes, Run, Sort, Style, Unreadable, tidy};

/// How deep tables, text boxes and the like may nest, before what is deeper is left out.
const DEEPEST: usize = 24;

/// Reads a document.
pub(super) fn read(archive: &mut Archive<'_>) -> Result<Document, Unreadable> {
    let top = Links::read(archive, "_rels/.rels")?;
    let main = top.of_type("/officeDocument").unwrap_or_else(|| "word/document.xml".to_owned());
    let (folder, name) = main.rsplit_once('/').map_or(("", main.as_str()), |(folder, name)| (folder, name));
    let beside = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let links = Links::read(archive, &beside(&format!("_rels/{name}.rels")))?;
    let document = root(archive, &main)?.ok_or(Unreadable::Broken)?;
    let styles = root(archive, &beside("styles.xml"))?.map(|root| Styles::of(&root)).unwrap_or_default();
    let numbering =
        root(archive, &beside("numbering.xml"))?.map(|root| Numbering::of(&root)).unwrap_or_default();
    let mut reader = Reader {
        styles,
        numbering,
        links,
        notes: Notes::default(),
        flow: Flow::default(),
        fields: Fields::default(),
        footnotes: Footnotes::default(),
        footnote_parts: [root(archive, &beside("footnotes.xml"))?, root(archive, &beside("endnotes.xml"))?],
        headers: Vec::new(),
        depth: 0,
    };
    let body = document.child("w:body").ok_or(Unreadable::Broken)?;
    let mut blocks = reader.blocks(body);
    reader.fields.look_for_open_ones(&mut reader.notes);
    let footnotes = std::mem::take(&mut reader.footnotes);
    footnotes.append(&mut blocks, &mut reader.notes);
    for (word, id) in std::mem::take(&mut reader.headers) {
        let part = reader.links.by_id.get(&id).map(|target| beside(target));
        let found = part.and_then(|part| root(archive, &part).ok().flatten());
        reader.notes.header(
            word,
            found.as_ref().map(paragraphs_text),
            found.is_some_and(|found| is_drawn(&found)),
        );
    }
    let properties = top.of_type("/core-properties").unwrap_or_else(|| "docProps/core.xml".to_owned());
    let title = root(archive, &properties)?.and_then(|root| Some(root.child("dc:title")?.all_text()));
    Ok(Document { title, blocks, notes: reader.notes })
}

fn root(archive: &mut Archive<'_>, name: &str) -> Result<Option<Element>, Unreadable> {
    archive.part(name)?.map(|bytes| Element::read(&bytes)).transpose()
}

fn is_drawn(element: &Element) -> bool {
    element.holds("w:drawing") || element.holds("w:pict")
}

/// The text of a header or footer, its paragraphs apart.
fn paragraphs_text(element: &Element) -> String {
    fn gather(element: &Element, out: &mut String) {
        for inner in element.elements() {
            match inner.name.as_str() {
                "w:t" => out.push_str(&inner.all_text()),
                "w:instrText" | "w:delText" => {}
                _ => gather(inner, out),
            }
            if matches!(inner.name.as_str(), "w:p" | "w:tab" | "w:br") {
                out.push(' ');
            }
        }
    }
    let mut text = String::new();
    gather(element, &mut text);
    text
}

/// The relationships of a part (ECMA-376 part 2 §6.5): targets by id, and by type.
#[derive(Debug, Default)]
struct Links {
    by_id: HashMap<String, String>,
    types: Vec<(String, String)>,
}

impl Links {
    fn read(archive: &mut Archive<'_>, part: &str) -> Result<Self, Unreadable> {
        let mut links = Self::default();
        let Some(root) = root(archive, part)? else { return Ok(links) };
        for link in root.elements() {
            let (Some(id), Some(target)) = (link.attribute("Id"), link.attribute("Target")) else { continue };
            links.by_id.insert(id.to_owned(), target.to_owned());
            let kind = link.attribute("Type").unwrap_or_default();
            links.types.push((kind.to_owned(), target.trim_start_matches('/').to_owned()));
        }
        Ok(links)
    }

    fn of_type(&self, ending: &str) -> Option<String> {
        self.types.iter().find(|(kind, _)| kind.ends_with(ending)).map(|(_, target)| target.clone())
    }
}

struct Reader {
    styles: Styles,
    numbering: Numbering,
    links: Links,
    notes: Notes,
    flow: Flow,
    fields: Fields,
    footnotes: Footnotes,
    footnote_parts: [Option<Element>; 2],
    /// "header" or "footer", and the relationship.
    headers: Vec<(&'static str, String)>,
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
                "w:p" => self.paragraph(element),
                "w:tbl" => self.table(element),
                "w:sdt" => {
                    if let Some(content) = element.child("w:sdtContent") {
                        self.flow(content);
                    }
                }
                "w:customXml" | "w:ins" | "w:moveTo" => self.flow(element),
                "w:sectPr" => self.section(element),
                "w:altChunk" => {
                    self.notes.count(Sort::Dropped, "a part in another format", "parts in another format")
                }
                "mc:AlternateContent" => {
                    if let Some(choice) = choice(element) {
                        self.flow(choice);
                    }
                }
                _ => {}
            }
        }
    }

    fn section(&mut self, section: &Element) {
        for element in section.elements() {
            let word = match element.name.as_str() {
                "w:headerReference" => "header",
                "w:footerReference" => "footer",
                _ => continue,
            };
            self.headers.extend(element.attribute("r:id").map(|id| (word, id.to_owned())));
        }
    }

    fn paragraph(&mut self, element: &Element) {
        let properties = element.child("w:pPr");
        let named = properties.and_then(|properties| properties.child("w:pStyle")?.attribute("w:val"));
        let id = self.styles.of_paragraph(named).map(str::to_owned);
        let own = Paragraph::of(properties);
        let whole = self.styles.paragraph(id.as_deref(), own.clone());
        let kind = self.styles.kind(id.as_deref(), whole.outline);
        let base = match kind {
            // The weight of a heading's style says that it is a heading.
            Kind::Heading(_) => Looks::default(),
            _ => self.styles.looks(id.as_deref()),
        };
        let mut runs = Vec::new();
        self.runs(element, base, None, &mut runs);
        if let Some(section) = properties.and_then(|properties| properties.child("w:sectPr")) {
            self.section(section);
        }
        if properties.and_then(|properties| properties.at(&["w:rPr", "w:del"])).is_some() {
            self.flow.join_next(runs);
            return;
        }
        let list = whole.list.clone().filter(|list| list != "0");
        let level = whole.level.or_else(|| self.numbering.level_of_style(list.as_deref()?, id.as_deref()?));
        let mark = list.as_deref().and_then(|list| self.numbering.next(list, level.unwrap_or(0)));
        match (kind, mark) {
            (Kind::Heading(level), mark) => {
                if let Some(label) = mark.filter(|mark| mark.number.is_some()).map(|mark| mark.label) {
                    runs.insert(0, Run::text(format!("{label} ")));
                }
                self.flow.push(runs, |runs| Flat::Block(Block::Heading(level, runs)));
            }
            (_, Some(mark)) => {
                if !mark.is_plain() && !tidy::is_blank(&runs) {
                    self.notes.count(
                        Sort::Changed,
                        &format!("the number `{}` of a list item became a plain number", mark.label),
                        "numbers of list items, such as `b)` or `2.1`, became plain numbers",
                    );
                }
                // `List Bullet 2` has a list of its own, whose first level is the second that a reader sees.
                let level =
                    level.filter(|level| *level > 0).or(self.styles.level(id.as_deref())).unwrap_or(0);
                self.flow.push(runs, |runs| Flat::Item { level, number: mark.number, runs });
            }
            (Kind::Quote, None) => {
                self.flow.push(runs, |runs| Flat::Block(Block::Quote(vec![Block::Paragraph(runs)])));
            }
            (Kind::List, None) if self.flow.in_list() => self.flow.push(runs, Flat::More),
            (Kind::Text | Kind::List, None) => {
                let line = Line {
                    before: whole.before.unwrap_or(0) > 0,
                    after: whole.after.unwrap_or(0) > 0,
                    close: whole.contextual.unwrap_or(false).then(|| id.unwrap_or_default()),
                };
                self.flow.line(runs, line);
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
                "w:tr" => {
                    let properties = element.child("w:trPr");
                    if properties.is_some_and(|properties| properties.child("w:del").is_some()) {
                        self.notes.count(Sort::Dropped, "a tracked deletion", "tracked deletions");
                        continue;
                    }
                    let names =
                        properties.is_some_and(|properties| properties.child("w:tblHeader").is_some());
                    *header |= rows.is_empty() && names;
                    let mut cells = Vec::new();
                    self.cells(element, &mut cells);
                    rows.push(cells);
                }
                "w:sdt" => {
                    if let Some(content) = element.child("w:sdtContent") {
                        self.rows(content, rows, header);
                    }
                }
                "w:customXml" | "w:ins" => self.rows(element, rows, header),
                _ => {}
            }
        }
    }

    fn cells(&mut self, within: &Element, cells: &mut Vec<Vec<Block>>) {
        for element in within.elements() {
            match element.name.as_str() {
                "w:tc" => cells.push(self.blocks(element)),
                "w:sdt" => {
                    if let Some(content) = element.child("w:sdtContent") {
                        self.cells(content, cells);
                    }
                }
                "w:customXml" => self.cells(element, cells),
                _ => {}
            }
        }
    }

    /// Reads what stands in a paragraph, a link, an insertion.
    fn runs(&mut self, within: &Element, base: Looks, link: Option<&str>, out: &mut Vec<Run>) {
        for element in within.elements() {
            match element.name.as_str() {
                "w:r" => self.run(element, base, link, out),
                "w:hyperlink" => {
                    let target = element.attribute("r:id").and_then(|id| self.links.by_id.get(id)).cloned();
                    let target = target.map(|target| match element.attribute("w:anchor") {
                        Some(anchor) if !target.contains('#') => format!("{target}#{anchor}"),
                        _ => target,
                    });
                    self.runs(element, base, target.as_deref().or(link), out);
                }
                "w:ins" | "w:moveTo" => {
                    self.notes.count(
                        Sort::Changed,
                        "a tracked insertion was taken over",
                        "tracked insertions were taken over",
                    );
                    self.runs(element, base, link, out);
                }
                "w:del" | "w:moveFrom" => {
                    self.notes.count(Sort::Dropped, "a tracked deletion", "tracked deletions")
                }
                "w:smartTag" | "w:customXml" | "w:dir" | "w:bdo" => self.runs(element, base, link, out),
                "w:sdt" => {
                    let Some(content) = element.child("w:sdtContent") else { continue };
                    if element.at(&["w:sdtPr", "w:showingPlcHdr"]).is_some() {
                        self.fields.put(
                            Content::Text(format!("[{}]", content.all_text().trim())),
                            Style::default(),
                            out,
                        );
                    } else {
                        self.runs(content, base, link, out);
                    }
                }
                "w:fldSimple" => {
                    self.fields.begin(style_of(base, link));
                    self.fields.instruct(element.attribute("w:instr").unwrap_or_default());
                    self.fields.show(&mut self.notes);
                    self.runs(element, base, link, out);
                    self.fields.end(&mut self.notes, out);
                }
                "m:oMath" | "m:oMathPara" => {
                    self.notes.count(
                        Sort::Changed,
                        "a formula became plain text",
                        "formulas became plain text",
                    );
                    self.fields.put(Content::Text(element.all_text()), style_of(base, link), out);
                }
                "mc:AlternateContent" => {
                    if let Some(choice) = choice(element) {
                        self.runs(choice, base, link, out);
                    }
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, run: &Element, base: Looks, link: Option<&str>, out: &mut Vec<Run>) {
        let properties = run.child("w:rPr");
        let value = |name: &str| properties.and_then(|properties| properties.child(name)?.attribute("w:val"));
        let looks = Looks::of(properties).or(self.styles.looks(value("w:rStyle"))).or(base);
        if looks.hidden == Some(true) {
            if run.holds("w:t") {
                self.notes.count(Sort::Dropped, "a piece of hidden text", "pieces of hidden text");
            }
            return;
        }
        let raised = value("w:vertAlign") == Some("superscript");
        self.run_content(run, &style_of(looks, link), looks, raised, out);
    }

    fn run_content(&mut self, run: &Element, style: &Style, looks: Looks, raised: bool, out: &mut Vec<Run>) {
        for element in run.elements() {
            let text = match element.name.as_str() {
                "w:t" if raised => tidy::superscript(&element.all_text()),
                "w:t" => element.all_text(),
                "w:tab" | "w:ptab" => " ".to_owned(),
                "w:noBreakHyphen" => "\u{2011}".to_owned(),
                "w:sym" => symbol(element.attribute("w:char").unwrap_or_default()).to_owned(),
                "w:br" | "w:cr" => {
                    self.fields.put(Content::Break, style.clone(), out);
                    continue;
                }
                "w:fldChar" => {
                    match element.attribute("w:fldCharType") {
                        Some("begin") => self.fields.begin(style.clone()),
                        Some("separate") => self.fields.show(&mut self.notes),
                        Some("end") => self.fields.end(&mut self.notes, out),
                        _ => {}
                    }
                    continue;
                }
                "w:instrText" => {
                    self.fields.instruct(&element.all_text());
                    continue;
                }
                "w:footnoteReference" | "w:endnoteReference" => {
                    let part = usize::from(element.name == "w:endnoteReference");
                    self.footnote(part, element.attribute("w:id").unwrap_or_default(), style, out);
                    continue;
                }
                "w:commentReference" => {
                    self.notes.count(Sort::Dropped, "a comment in the margin", "comments in the margin");
                    continue;
                }
                "w:drawing" | "w:pict" | "w:object" => {
                    self.graphic(element);
                    continue;
                }
                "mc:AlternateContent" => {
                    if let Some(choice) = choice(element) {
                        self.run_content(choice, style, looks, raised, out);
                    }
                    continue;
                }
                "w:ruby" => {
                    if let Some(under) = element.child("w:rubyBase") {
                        self.runs(under, looks, style.link.as_deref(), out);
                    }
                    continue;
                }
                _ => continue,
            };
            self.fields.put(Content::Text(text), style.clone(), out);
        }
    }

    fn footnote(&mut self, part: usize, id: &str, style: &Style, out: &mut Vec<Run>) {
        // Taken out while it is read: a footnote has none of its own.
        let Some(notes) = self.footnote_parts.get_mut(part).and_then(Option::take) else { return };
        let note = notes.elements().find(|note| note.attribute("w:id") == Some(id));
        let blocks = note.map(|note| self.blocks(note));
        self.footnote_parts[part] = Some(notes);
        if let Some(blocks) = blocks.filter(|blocks| !blocks.is_empty()) {
            let mark = self.footnotes.add(blocks);
            self.fields.put(Content::Text(mark), style.clone(), out);
        }
    }

    /// Takes the text out of a text box; notes a picture.
    fn graphic(&mut self, element: &Element) {
        let mut boxes = Vec::new();
        find(element, "w:txbxContent", &mut boxes);
        if boxes.is_empty() {
            let mut described = Vec::new();
            find(element, "wp:docPr", &mut described);
            let name = described.iter().find_map(|about| about.attribute("descr")).unwrap_or_default();
            self.notes.picture(name);
        }
        for inner in boxes {
            let blocks = self.blocks(inner);
            self.flow.text_box(blocks, &mut self.notes);
        }
    }
}

fn style_of(looks: Looks, link: Option<&str>) -> Style {
    Style {
        bold: looks.bold == Some(true),
        italic: looks.italic == Some(true),
        link: link.map(str::to_owned),
    }
}

/// Of several ways to say the same, the newest (ECMA-376 part 3 §7.5).
fn choice(element: &Element) -> Option<&Element> {
    element.child("mc:Choice").or_else(|| element.child("mc:Fallback"))
}

fn find<'e>(element: &'e Element, name: &str, found: &mut Vec<&'e Element>) {
    for node in &element.children {
        let Node::Element(inner) = node else { continue };
        match inner.name.as_str() {
            known if known == name => found.push(inner),
            "mc:AlternateContent" => {
                if let Some(choice) = choice(inner) {
                    find(choice, name, found);
                }
            }
            _ => find(inner, name, found),
        }
    }
}

/// A sign of one of the picture fonts, as near as text comes to it.
fn symbol(code: &str) -> &'static str {
    match code.trim_start_matches(['F', 'f']).trim_start_matches('0') {
        "6F" | "A8" | "6f" | "a8" | "71" | "72" => "☐",
        "FE" | "fe" | "52" | "78" => "☒",
        "FC" | "fc" => "✓",
        "E0" | "e0" => "→",
        "4A" | "4a" => "☺",
        "28" => "☎",
        "2A" | "2a" => "✉",
        _ => "•",
    }
}
