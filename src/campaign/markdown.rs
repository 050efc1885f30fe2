//! Markdown with tokens to HTML and plain text, in one walk: a *shape* with a slot for each value.
//!
//! Which context a value lands in decides how it is written: escaped in text and attributes, percent-encoded within
//! an address, parsed and held to a list of schemes where it is the whole address. A value can be no markup, because
//! Markdown is read before the values are put in.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::merge::{Given, OPEN, TOKEN, token_at};
use super::problem::{Place, Problem};
use crate::mail::headers::unprintable;

/// The schemes that a link in a letter may have.
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];

/// RFC 3986 §2.3: what need not be encoded.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In `mailto:` the @ stays, in `tel:` the +.
const MAILTO: &AsciiSet = &PART.remove(b'@');
const TEL: &AsciiSet = &PART.remove(b'+');

// What these say, every mail program of `assets/mail_programs.toml` shows, and a test holds them to it. Outlook for Windows knows
// padding only on the cells of a table, so what parts blocks is margin, in pixels; and lists are best left as they are.
const WRAPPER: &str = "max-width:640px;overflow-wrap:break-word;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1a1a1a;text-align:left";
const PARAGRAPH: &str = "margin:0 0 16px 0";
const LINK: &str = "color:#0b57d0";
/// Round a value, where what was merged in is shown.
const MARK: &str = "background:#ffe08a;color:#1a1a1a;border-radius:2px";
pub(super) const QUOTE: &str = "margin:0 0 16px 0;padding:0 0 0 16px;border-left:3px solid #cccccc";
const CODE: &str = "font-family:Consolas,Menlo,monospace;font-size:15px";

/// What the frame of [`document`] takes, in octets, about.
const FRAME: usize = 500;

/// How many levels of quotes and lists the text part shows.
const DEEPEST: usize = 20;

/// A letter converted, with its values left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    html: Vec<Piece>,
    text: Vec<Piece>,
    links: Vec<Link>,
    size: usize,
    /// The HTML up to the subject in its title, where the letter is a page of its own; else the house has one.
    head: Option<Box<str>>,
    /// What the page holds that it may not: a stable name, and a sentence.
    wrong: Vec<(&'static str, String)>,
}

/// A place in a shape that differs from row to row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Landing {
    /// A value, by its number.
    Value(u32),
    /// The address of a link that has this value in it.
    Address(u32),
}

/// A piece of a page that is a letter.
#[derive(Debug)]
pub(super) enum Slot {
    /// HTML as it is.
    Fixed(String),
    /// A value in text or in a quoted attribute.
    Value {
        /// Its number.
        value: u32,
        /// Whether its line breaks are `<br>`.
        breaks: bool,
    },
    /// A link's address, with words in the place of values.
    Address(String),
}

#[derive(Clone, Debug)]
enum Piece {
    Fixed(Box<str>),
    /// A value in HTML text or a quoted attribute; `breaks` makes its line breaks `<br>`.
    Html {
        value: u32,
        breaks: bool,
    },
    /// A value in the text part; its further lines get the indent of the block.
    Text {
        value: u32,
        indent: Box<str>,
    },
    /// An address with values in it, by its number.
    Address {
        link: usize,
        html: bool,
    },
    /// A line under the last one, as long as that is.
    Underline {
        with: char,
        indent: Box<str>,
    },
}

/// The address of a link.
#[derive(Clone, Debug)]
pub(super) struct Link(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Fixed(Box<str>),
    Value(u32),
}

impl Shape {
    /// Converts Markdown with tokens.
    pub(super) fn of(markdown: &str) -> Self {
        let mut writer = Writer::default();
        for event in Parser::new_ext(markdown, options()) {
            writer.event(event);
        }
        writer.finish()
    }

    /// Makes a shape of a page: Markdown for its text, the HTML up to the subject, and the HTML after it.
    pub(super) fn of_page(
        markdown: &str,
        head: String,
        slots: Vec<Slot>,
        wrong: Vec<(&'static str, String)>,
    ) -> Self {
        let mut shape = Self::of(markdown);
        shape.html.clear();
        for slot in slots {
            shape.html.push(match slot {
                Slot::Fixed(html) => {
                    shape.size += html.len();
                    Piece::Fixed(html.into())
                }
                Slot::Value { value, breaks } => Piece::Html { value, breaks },
                Slot::Address(address) => {
                    let Some(link) = Link::of(LinkType::Inline, &address) else { continue };
                    shape.links.push(link);
                    Piece::Address { link: shape.links.len() - 1, html: true }
                }
            });
        }
        shape.head = Some(head.into());
        shape.wrong = wrong;
        shape
    }

    /// Returns roughly how many octets it takes.
    pub(super) fn size(&self) -> usize {
        self.size + (self.html.len() + self.text.len()) * size_of::<Piece>()
    }

    /// Returns how many octets of its HTML are the same for every row.
    pub(super) fn html_size(&self) -> usize {
        let fixed = self.html.iter().map(|piece| match piece {
            Piece::Fixed(text) => text.len(),
            _ => 0,
        });
        fixed.sum::<usize>() + self.head.as_ref().map_or(FRAME, |head| head.len())
    }

    /// Checks the addresses that values make.
    pub(super) fn check(&self, given: &[Given<'_>], findings: &mut Vec<Problem>) {
        let wrong = self.wrong.iter().map(|(name, said)| Problem::error(name, Place::default(), said));
        findings.extend(wrong);
        for link in &self.links {
            if let Err((value, scheme)) = link.fill(given) {
                let problem = given.get(value as usize).map(|given| {
                    let shown: String = crate::mail::headers::clean(&given.value).chars().take(60).collect();
                    let why = match scheme {
                        Some(scheme) => format!("a link with `{scheme}:`, which a letter may not have"),
                        None => "no address of a page".to_owned(),
                    };
                    Problem::error(
                        "wrong-link",
                        given.put.place.as_ref().clone(),
                        format!("`{}` holds `{shown}`, {why}", super::merge::field(given.put)),
                    )
                    .hint("write it in full, as `https://council.example/page`")
                });
                findings.extend(problem);
            }
        }
    }

    /// Puts the values in; gives the whole HTML part.
    pub(super) fn page(&self, language: &str, subject: &str, given: &[Given<'_>]) -> String {
        self.framed(language, subject, |out| self.fill(&self.html, given, out, &mut |_, _| {}))
    }

    /// Does the same, and marks each value in its text, with what the author wrote for it: for who reads before anything goes.
    pub(super) fn marked_page(&self, language: &str, subject: &str, given: &[Given<'_>]) -> String {
        self.framed(language, subject, |out| {
            for piece in &self.html {
                // Within an attribute nothing can be marked; only text has line breaks.
                let marked = match piece {
                    Piece::Html { value, breaks: true } => given.get(*value as usize),
                    _ => None,
                };
                if let Some(given) = marked {
                    out.push_str("<mark title=\"");
                    escape(&given.put.said, false, out);
                    out.push_str(&format!("\" style=\"{MARK}\">"));
                }
                self.fill(std::slice::from_ref(piece), given, out, &mut |_, _| {});
                if marked.is_some() {
                    out.push_str("</mark>");
                }
            }
        })
    }

    /// Puts the frame of the house round the body, or the letter's own head before it.
    fn framed(&self, language: &str, subject: &str, body: impl FnOnce(&mut String)) -> String {
        let Some(head) = &self.head else { return document(language, subject, body, self.size()) };
        let mut out = String::with_capacity(self.size() + head.len() + subject.len() + 64);
        out.push_str(head);
        escape(subject, false, &mut out);
        body(&mut out);
        out
    }

    /// Puts the values in; gives the text.
    pub(super) fn text(&self, given: &[Given<'_>], out: &mut String) {
        self.fill(&self.text, given, out, &mut |_, _| {});
    }

    /// Does the same, and tells of each slot where it is in the text.
    pub(super) fn text_with_slots(
        &self,
        given: &[Given<'_>],
        out: &mut String,
        tell: &mut dyn FnMut(Landing, Range<usize>),
    ) {
        self.fill(&self.text, given, out, tell);
    }

    fn fill(
        &self,
        pieces: &[Piece],
        given: &[Given<'_>],
        out: &mut String,
        tell: &mut dyn FnMut(Landing, Range<usize>),
    ) {
        let value = |number: u32| given.get(number as usize).map_or("", |given| given.value.as_ref());
        for piece in pieces {
            let from = out.len();
            match piece {
                Piece::Fixed(text) => out.push_str(text),
                Piece::Html { value: number, breaks } => {
                    escape(value(*number), *breaks, out);
                    tell(Landing::Value(*number), from..out.len());
                }
                Piece::Text { value: number, indent } => {
                    plain(value(*number), indent, out);
                    tell(Landing::Value(*number), from..out.len());
                }
                Piece::Address { link, html } => {
                    let Some(link) = self.links.get(*link) else { continue };
                    if let Ok(address) = link.fill(given) {
                        if *html {
                            escape(&address, false, out);
                        } else {
                            out.push_str(&address);
                        }
                    }
                    if let Some(number) = link.first_value() {
                        tell(Landing::Address(number), from..out.len());
                    }
                }
                Piece::Underline { with, indent } => {
                    let line = out.rsplit('\n').next().unwrap_or("");
                    let length = line.strip_prefix(indent.as_ref()).unwrap_or(line).chars().count().min(72);
                    out.push('\n');
                    out.push_str(indent);
                    out.extend(std::iter::repeat_n(*with, length));
                }
            }
        }
    }
}

impl Link {
    /// Reads the address that Markdown gives; nothing where a letter may not have it.
    pub(super) fn of(link_type: LinkType, address: &str) -> Option<Self> {
        let address = written(link_type, address);
        let part = |part: Result<&str, u32>| match part {
            Ok(text) => Part::Fixed(text.into()),
            Err(value) => Part::Value(value),
        };
        allowed(&address).then(|| Self(split(&address).into_iter().map(part).collect()))
    }

    fn first_value(&self) -> Option<u32> {
        self.0.iter().find_map(|part| match part {
            Part::Value(number) => Some(*number),
            Part::Fixed(_) => None,
        })
    }

    /// Returns the address; or the value that spoils it, with its scheme where it has a forbidden one.
    pub(super) fn fill(&self, given: &[Given<'_>]) -> Result<String, (u32, Option<String>)> {
        let value = |number: u32| given.get(number as usize).map_or("", |given| given.value.as_ref());
        let mut address = String::with_capacity(80);
        let mut whole = None;
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Fixed(text) => address.push_str(text),
                Part::Value(number) if index == 0 => {
                    whole = Some(*number);
                    address.push_str(value(*number).trim());
                }
                Part::Value(number) => {
                    let value = value(*number).trim();
                    if address.starts_with("tel:") {
                        // RFC 3966 §5.1.1: people write blanks in a number, a link has none.
                        let number: String = value.chars().filter(|c| !c.is_whitespace()).collect();
                        address.extend(utf8_percent_encode(&number, TEL));
                    } else {
                        let set = if address.starts_with("mailto:") { MAILTO } else { PART };
                        address.extend(utf8_percent_encode(value, set));
                    }
                }
            }
        }
        let Some(number) = whole else { return Ok(address) };
        match url::Url::parse(&address) {
            Ok(url) if !SCHEMES.contains(&url.scheme()) => Err((number, Some(url.scheme().to_owned()))),
            Ok(url) => Ok(url.into()),
            Err(_) => Err((number, None)),
        }
    }
}

/// Returns whether an address that the letter's author wrote may be linked to.
pub(super) fn allowed(address: &str) -> bool {
    address.starts_with(OPEN)
        || address
            .split_once(':')
            .is_some_and(|(scheme, _)| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// Returns an address with its scheme, which Markdown leaves out for mailboxes.
fn written(link_type: LinkType, address: &str) -> String {
    match link_type {
        LinkType::Email => format!("mailto:{address}"),
        _ => address.to_owned(),
    }
}

pub(super) fn options() -> Options {
    Options::empty()
}

/// What is wrong with Markdown that its author wrote, each with its byte offset.
pub(super) fn faults(markdown: &str) -> Vec<(usize, &'static str, String)> {
    let mut faults = Vec::new();
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => {
                let shown = super::tags::shown(markdown[range.clone()].trim());
                let known =
                    faults.last().is_some_and(|(_, name, _): &(usize, &str, String)| *name == "raw-html");
                if !known || !shown.starts_with("</") {
                    let shown = if shown.contains(OPEN) { "<…>".to_owned() } else { shown };
                    faults.push((
                        range.start,
                        "raw-html",
                        format!("`{shown}`: a letter is Markdown, without HTML"),
                    ));
                }
            }
            Event::Start(Tag::Image { .. }) => {
                faults.push((
                    range.start,
                    "picture",
                    "a letter has no pictures: they would be fetched from elsewhere".to_owned(),
                ));
            }
            Event::Start(Tag::Link { link_type, dest_url, .. })
                if !allowed(&dest_url) && link_type != LinkType::Email =>
            {
                let shown = super::tags::shown(&dest_url);
                faults.push((
                    range.start,
                    "wrong-link",
                    format!("`{shown}` is no link that a letter may have; `https:`, `http:`, `mailto:` and `tel:` are"),
                ));
            }
            _ => {}
        }
    }
    faults
}

/// Writes what an author wrote for HTML text or a quoted attribute; line breaks stay.
pub(super) fn escape_fixed(text: &str, out: &mut String) {
    for line in text.split_inclusive('\n') {
        escape(line.strip_suffix('\n').unwrap_or(line), false, out);
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
}

/// Writes a value for HTML text or a quoted attribute.
fn escape(value: &str, breaks: bool, out: &mut String) {
    let mut from = 0;
    for (at, c) in value.char_indices() {
        let written = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            '\n' if breaks => "<br>\n",
            '\n' | '\t' => " ",
            c if c >= ' ' && (c.is_ascii() || !unprintable(c)) && c != '\u{7f}' => continue,
            _ => "",
        };
        out.push_str(&value[from..at]);
        out.push_str(written);
        from = at + c.len_utf8();
    }
    out.push_str(&value[from..]);
}

/// Writes a value for the text part.
fn plain(value: &str, indent: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\n' => {
                out.push('\n');
                out.push_str(indent);
            }
            '\t' => out.push(' '),
            c if unprintable(c) => {}
            c => out.push(c),
        }
    }
}

/// One level of indenting in the text part.
#[derive(Debug)]
struct Indent {
    /// Before the first line: `- `, `3. `.
    first: Option<String>,
    /// Before the others.
    rest: String,
}

#[derive(Debug, Default)]
struct Writer {
    shape: Shape,
    html: String,
    text: String,
    indents: Vec<Indent>,
    lists: Vec<Option<u64>>,
    /// Whether a block is open in the text part.
    open: bool,
    /// Whether the next block is parted by an empty line.
    blank: bool,
    started: bool,
    /// The links that are open: their number, address and the text they show so far.
    links: Vec<Option<(usize, String, String)>>,
    code: bool,
    picture: usize,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.words(&text),
            Event::Code(text) => {
                self.html.push_str("<code style=\"");
                self.html.push_str(CODE);
                self.html.push_str("\">");
                self.words(&text);
                self.html.push_str("</code>");
            }
            Event::SoftBreak => self.words("\n"),
            Event::HardBreak => {
                self.html.push_str("<br>\n");
                self.begin();
                self.line();
            }
            Event::Rule => {
                self.block();
                self.html
                    .push_str("<hr style=\"border:0;border-top:1px solid #cccccc;margin:0 0 16px 0\">\n");
                self.begin();
                self.text.push_str("----");
                self.open = false;
                self.blank = true;
            }
            // The author's HTML was refused when the letter was read; if any is left, it is text.
            Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => {
                self.words(&text);
            }
            Event::FootnoteReference(text) => self.words(&text),
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => {
                self.block();
                self.html.push_str("<p style=\"");
                self.html.push_str(PARAGRAPH);
                self.html.push_str("\">");
            }
            Tag::Heading { level, .. } => {
                self.block();
                let (name, size) = heading(level);
                self.html.push_str(&format!(
                    "<{name} style=\"margin:24px 0 12px 0;font-size:{size}px;line-height:28px\">"
                ));
            }
            Tag::BlockQuote(_) => {
                self.html.push_str(&format!("<blockquote style=\"{QUOTE}\">\n"));
                self.deeper("> ".to_owned(), "> ".to_owned());
                self.blank = true;
                self.open = false;
            }
            Tag::CodeBlock(kind) => {
                let _: CodeBlockKind<'_> = kind;
                self.block();
                self.code = true;
                self.html.push_str(&format!("<pre style=\"margin:0 0 16px 0;white-space:pre-wrap;{CODE}\">"));
            }
            Tag::List(first) => {
                self.html.push_str(&match first {
                    None => "<ul>\n".to_owned(),
                    Some(1) => "<ol>\n".to_owned(),
                    Some(first) => format!("<ol start=\"{first}\">\n"),
                });
                self.blank = self.lists.is_empty();
                self.open = false;
                self.lists.push(first);
            }
            Tag::Item => {
                self.html.push_str("<li>");
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                self.deeper(" ".repeat(mark.len()), mark);
                self.open = false;
            }
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Link { link_type, dest_url, title, .. } => self.link(link_type, &dest_url, &title),
            Tag::Image { .. } => self.picture += 1,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.html.push_str("</p>\n");
                self.close(true);
            }
            TagEnd::Heading(level) => {
                self.html.push_str(&format!("</{}>\n", heading(level).0));
                let with = match level {
                    HeadingLevel::H1 => Some('='),
                    HeadingLevel::H2 => Some('-'),
                    _ => None,
                };
                if let (true, Some(with)) = (self.open, with) {
                    let indent = self.indent().into();
                    self.flush_text();
                    self.shape.text.push(Piece::Underline { with, indent });
                }
                self.close(true);
            }
            TagEnd::BlockQuote(_) => {
                self.html.push_str("</blockquote>\n");
                self.indents.pop();
                self.close(true);
            }
            TagEnd::CodeBlock => {
                self.code = false;
                self.html.push_str("</pre>\n");
                self.close(true);
            }
            TagEnd::List(ordered) => {
                self.html.push_str(if ordered { "</ol>\n" } else { "</ul>\n" });
                self.lists.pop();
                let outermost = self.lists.is_empty();
                self.close(outermost);
            }
            TagEnd::Item => {
                self.html.push_str("</li>\n");
                self.indents.pop();
                self.close(false);
            }
            TagEnd::Emphasis => self.html.push_str("</em>"),
            TagEnd::Strong => self.html.push_str("</strong>"),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.picture = self.picture.saturating_sub(1),
            _ => {}
        }
    }

    fn link(&mut self, link_type: LinkType, address: &str, title: &CowStr<'_>) {
        let Some(link) = Link::of(link_type, address) else {
            self.links.push(None);
            return;
        };
        let number = self.shape.links.len();
        self.shape.links.push(link);
        self.html.push_str("<a href=\"");
        self.flush_html();
        self.shape.html.push(Piece::Address { link: number, html: true });
        self.html.push('"');
        if !title.is_empty() {
            self.html.push_str(" title=\"");
            self.html_words(title, false);
            self.html.push('"');
        }
        self.html.push_str(&format!(" style=\"{LINK}\">"));
        self.links.push(Some((number, written(link_type, address), String::new())));
    }

    fn end_link(&mut self) {
        let Some(Some((number, address, shown))) = self.links.pop() else { return };
        self.html.push_str("</a>");
        // An address that is itself what the reader sees is not said twice.
        if shown == address
            || ["mailto:", "tel:"].iter().any(|scheme| address.strip_prefix(scheme) == Some(&shown))
        {
            return;
        }
        self.begin();
        self.text.push_str(" (");
        self.flush_text();
        // People want the mailbox or the number, without its scheme.
        match self.shape.links.get(number).map(|link| link.0.as_slice()) {
            Some([Part::Fixed(only)]) => {
                let bare = only.strip_prefix("mailto:").or(only.strip_prefix("tel:")).unwrap_or(only);
                self.text.push_str(bare);
            }
            Some([Part::Fixed(scheme), Part::Value(value)]) if matches!(&**scheme, "mailto:" | "tel:") => {
                let piece = Piece::Text { value: *value, indent: Box::default() };
                self.shape.text.push(piece);
            }
            _ => self.shape.text.push(Piece::Address { link: number, html: false }),
        }
        self.text.push(')');
    }

    /// Writes text with tokens to both parts.
    fn words(&mut self, text: &str) {
        self.html_words(text, true);
        if let Some(Some((_, _, shown))) = self.links.last_mut() {
            shown.push_str(text);
        }
        self.begin();
        for part in split(text) {
            match part {
                Err(value) => {
                    let indent = self.indent().into();
                    self.flush_text();
                    self.shape.text.push(Piece::Text { value, indent });
                }
                Ok(text) if self.code => {
                    for (index, line) in text.split('\n').enumerate() {
                        if index > 0 {
                            self.line();
                        }
                        self.text.push_str(line);
                    }
                }
                Ok(text) => self.text.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c })),
            }
        }
    }

    fn html_words(&mut self, text: &str, breaks: bool) {
        for part in split(text) {
            match part {
                Err(value) => {
                    self.flush_html();
                    self.shape.html.push(Piece::Html { value, breaks });
                }
                Ok(text) => escape_fixed(text, &mut self.html),
            }
        }
    }

    /// A block of its own begins, parted by an empty line.
    fn block(&mut self) {
        self.open = false;
        self.blank = true;
    }

    fn close(&mut self, blank: bool) {
        self.open = false;
        self.blank = blank;
    }

    /// Opens a block in the text part, if none is open.
    fn begin(&mut self) {
        if self.open {
            return;
        }
        self.open = true;
        if self.started {
            self.text.push('\n');
            if self.blank {
                // The mark of an item or quote that begins here does not belong on the empty line before it.
                let before: String = self
                    .indents
                    .iter()
                    .take_while(|indent| indent.first.is_none())
                    .map(|indent| indent.rest.as_str())
                    .collect();
                self.text.push_str(before.trim_end());
                self.text.push('\n');
            }
        }
        self.started = true;
        for indent in &mut self.indents {
            match indent.first.take() {
                Some(first) => self.text.push_str(&first),
                None => self.text.push_str(&indent.rest),
            }
        }
    }

    /// Goes one level deeper in the text part; beyond [`DEEPEST`] nothing is seen of it, because every line pays.
    fn deeper(&mut self, rest: String, first: String) {
        self.indents.push(if self.indents.len() < DEEPEST {
            Indent { first: Some(first), rest }
        } else {
            Indent { first: None, rest: String::new() }
        });
    }

    fn indent(&self) -> String {
        self.indents.iter().map(|indent| indent.rest.as_str()).collect()
    }

    fn line(&mut self) {
        self.text.push('\n');
        let indent = self.indent();
        self.text.push_str(&indent);
    }

    fn flush_html(&mut self) {
        if !self.html.is_empty() {
            self.shape.size += self.html.len();
            self.shape.html.push(Piece::Fixed(std::mem::take(&mut self.html).into()));
        }
    }

    fn flush_text(&mut self) {
        if !self.text.is_empty() {
            self.shape.size += self.text.len();
            self.shape.text.push(Piece::Fixed(std::mem::take(&mut self.text).into()));
        }
    }

    fn finish(mut self) -> Shape {
        if self.started {
            self.text.push('\n');
        }
        self.flush_html();
        self.flush_text();
        self.shape
    }
}

fn heading(level: HeadingLevel) -> (&'static str, u8) {
    match level {
        HeadingLevel::H1 => ("h1", 22),
        HeadingLevel::H2 => ("h2", 19),
        HeadingLevel::H3 => ("h3", 17),
        HeadingLevel::H4 => ("h4", 16),
        HeadingLevel::H5 => ("h5", 16),
        HeadingLevel::H6 => ("h6", 16),
    }
}

/// Parts a text at its tokens: fixed text, or the number of a value.
pub(super) fn split(text: &str) -> Vec<Result<&str, u32>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find(OPEN) {
        let start = at + found;
        match token_at(&text[start..]) {
            Some(value) => {
                if from < start {
                    parts.push(Ok(&text[from..start]));
                }
                parts.push(Err(value));
                from = start + TOKEN;
                at = from;
            }
            None => at = start + OPEN.len(),
        }
    }
    if from < text.len() {
        parts.push(Ok(&text[from..]));
    }
    parts
}

/// Frames a body as a whole document: `<html lang>`, the subject as its title, one column.
fn document(language: &str, subject: &str, body: impl FnOnce(&mut String), size: usize) -> String {
    let mut out = String::with_capacity(size + 1024);
    out.push_str("<!DOCTYPE html>\n<html lang=\"");
    escape(language, false, &mut out);
    out.push_str("\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    escape(subject, false, &mut out);
    out.push_str("</title>\n</head>\n<body style=\"margin:0;padding:16px\">\n<div lang=\"");
    escape(language, false, &mut out);
    out.push_str("\" style=\"");
    out.push_str(WRAPPER);
    out.push_str("\">\n");
    body(&mut out);
    out.push_str("</div>\n</body>\n</html>\n");
    out
}
