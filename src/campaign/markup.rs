//! A letter that is HTML itself: what it may hold, its styles put on its elements, its values put where they land.
//!
//! As with Markdown, the page is read with opaque words in the place of values, so that no value can be markup. What is
//! written is the tree that was read, element by element from a list: nothing reaches a reader that is not on it. The
//! text part is what the page says, made as the text of a document is made.

use super::css;
use super::document;
use super::html::{Kind, Page};
use super::markdown::{QUOTE, Shape, Slot, escape_fixed, split};
use super::markup_rules::{ELEMENTS, faults, wrong_attribute};
use super::merge::{OPEN, token};

/// Elements without an end (WHATWG HTML §13.1.2).
const VOID: [&str; 4] = ["br", "hr", "wbr", "col"];

/// What an element may say of itself; `href` only in `<a>`. Everything else is left out.
const ATTRIBUTES: [&str; 40] = [
    "href",
    "title",
    "style",
    "class",
    "id",
    "lang",
    "dir",
    "role",
    "align",
    "valign",
    "width",
    "height",
    "bgcolor",
    "border",
    "bordercolor",
    "cellpadding",
    "cellspacing",
    "colspan",
    "rowspan",
    "scope",
    "headers",
    "abbr",
    "span",
    "start",
    "type",
    "value",
    "reversed",
    "rel",
    "target",
    "name",
    "color",
    "face",
    "size",
    "summary",
    "nowrap",
    "noshade",
    "datetime",
    "compact",
    "clear",
    "hreflang",
];

/// Returns the subject that a page's `<title>` names, and where it begins.
pub(super) fn title(html: &str) -> Option<(usize, String)> {
    let plain = html.to_ascii_lowercase();
    let tag = plain.find("<title").filter(|at| plain[at + 6..].starts_with([' ', '>', '\n', '\t']))?;
    let from = tag + plain[tag..].find('>')? + 1;
    let until = from + plain[from..].find("</title")?;
    let page = Page::read(&format!("<title>{}</title>", &html[from..until]))?;
    let leading = html[from..until].len() - html[from..until].trim_start().len();
    Some((from + leading, page.text(Page::ROOT).trim().to_owned())).filter(|(_, title)| !title.is_empty())
}

/// Converts a page with words in the place of values.
pub(super) fn shape(html: &str, language: &str) -> Shape {
    let wrong = faults(html).into_iter().map(|(_, name, said)| (name, said)).collect();
    let Some(mut page) = Page::read(html) else {
        return Shape::of_page("", String::new(), Vec::new(), wrong);
    };
    let inlined = css::inline(&mut page);
    let text = document::markdown_of(&page);
    let mut head = String::from("<!DOCTYPE html>\n<html lang=\"");
    escape_fixed(language, &mut head);
    head.push_str("\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    for name in ["color-scheme", "supported-color-schemes"] {
        let meta = page.elements().into_iter().find(|node| page.attribute(*node, "name") == Some(name));
        if let Some(content) =
            meta.and_then(|node| page.attribute(node, "content")).filter(|content| !content.contains(OPEN))
        {
            head.push_str(&format!("<meta name=\"{name}\" content=\""));
            escape_fixed(content, &mut head);
            head.push_str("\">\n");
        }
    }
    head.push_str("<title>");
    let mut writer =
        Writer { page: &page, slots: Vec::new(), out: String::from("</title>\n"), keeps_styles: false };
    if !inlined.kept.is_empty() && !inlined.kept.contains(['<', '\\']) {
        writer.keeps_styles = true;
        writer.out.push_str(&format!("<style>\n{}</style>\n", inlined.kept));
    }
    writer.out.push_str("</head>\n");
    writer.body(language);
    let slots = writer.finish();
    Shape::of_page(&text, head, slots, wrong)
}

/// Writes what stands in a page as a quotation for another, with its styles on its elements and words in the place of values.
pub(super) fn quotation(html: &str, out: &mut String) {
    let Some(mut page) = Page::read(html) else { return };
    css::inline(&mut page);
    let mut writer = Writer { page: &page, slots: Vec::new(), out: String::new(), keeps_styles: false };
    if let Some(body) = page.find(Page::ROOT, "body") {
        writer.children(body);
    }
    out.push_str(&format!("<blockquote style=\"{QUOTE}\">"));
    for slot in writer.finish() {
        match slot {
            Slot::Fixed(html) => out.push_str(&html),
            Slot::Value { value, .. } => token(value as usize, out),
            Slot::Address(address) => escape_fixed(&address, out),
        }
    }
    out.push_str("</blockquote>");
}

/// Returns what a page says, as Markdown with words in the place of values.
pub(super) fn text(html: &str) -> String {
    Page::read(html).map(|page| document::markdown_of(&page)).unwrap_or_default()
}

/// Writes the tree that was read.
struct Writer<'p> {
    page: &'p Page,
    slots: Vec<Slot>,
    out: String,
    /// Whether some rules need the names that they are for.
    keeps_styles: bool,
}

impl Writer<'_> {
    fn body(&mut self, language: &str) {
        let body = self.page.find(Page::ROOT, "body");
        self.out.push_str("<body");
        if let Some(body) = body {
            self.attributes(body, "body");
        }
        self.out.push_str(">\n<div lang=\"");
        escape_fixed(language, &mut self.out);
        self.out.push_str("\">\n");
        if let Some(body) = body {
            self.children(body);
        }
        self.out.push_str("\n</div>\n</body>\n</html>\n");
    }

    fn children(&mut self, node: usize) {
        for child in self.page.children(node) {
            match self.page.kind(*child) {
                Kind::Text(text) => self.words(text, true),
                Kind::Element(name) => self.element(*child, name),
                Kind::Comment(_) | Kind::Other => {}
            }
        }
    }

    fn element(&mut self, node: usize, name: &str) {
        if matches!(name, "html" | "head" | "title" | "meta" | "body" | "style") {
            return;
        }
        if !ELEMENTS.contains(&name) {
            // It was refused by name; what is left of it is its text, unless that is none.
            if !matches!(
                name,
                "script" | "noembed" | "noframes" | "iframe" | "textarea" | "select" | "template"
            ) {
                self.children(node);
            }
            return;
        }
        self.out.push('<');
        self.out.push_str(name);
        self.attributes(node, name);
        self.out.push('>');
        if VOID.contains(&name) {
            return;
        }
        // WHATWG HTML §13.1.2.5: one line break at the beginning of `<pre>` is dropped when it is read.
        let first = self.page.children(node).first().map(|first| self.page.kind(*first));
        if name == "pre" && matches!(first, Some(Kind::Text(text)) if text.starts_with('\n')) {
            self.out.push('\n');
        }
        self.children(node);
        self.out.push_str(&format!("</{name}>"));
    }

    fn attributes(&mut self, node: usize, element: &str) {
        for (name, value) in self.page.attributes(node) {
            let known = ATTRIBUTES.contains(&name.as_str())
                || name
                    .strip_prefix("aria-")
                    .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_lowercase()));
            let useless = matches!(name.as_str(), "class" | "id") && !self.keeps_styles;
            if !known
                || useless
                || wrong_attribute(element, name, value).is_some()
                || name == "href" && element != "a"
            {
                continue;
            }
            self.out.push_str(&format!(" {name}=\""));
            if name == "href" {
                self.flush();
                self.slots.push(Slot::Address(value.trim().to_owned()));
            } else if name == "style" {
                // In double quotes, a single one is what it is.
                let mut style = String::with_capacity(value.len());
                escape_fixed(value, &mut style);
                self.out.push_str(&style.replace("&#39;", "'"));
            } else {
                self.words(value, false);
            }
            self.out.push('"');
        }
    }

    /// Writes text with words in the place of values; in text their line breaks are `<br>`, in attributes blanks.
    fn words(&mut self, text: &str, breaks: bool) {
        for part in split(text) {
            match part {
                Ok(fixed) => escape_fixed(fixed, &mut self.out),
                Err(value) => {
                    self.flush();
                    self.slots.push(Slot::Value { value, breaks });
                }
            }
        }
    }

    fn flush(&mut self) {
        if !self.out.is_empty() {
            self.slots.push(Slot::Fixed(std::mem::take(&mut self.out)));
        }
    }

    fn finish(mut self) -> Vec<Slot> {
        self.flush();
        self.slots
    }
}
