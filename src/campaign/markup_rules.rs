//! What a letter that is HTML may hold, by name; everything else is told with its place.

use super::css::{self, without_remarks};
use super::html::{Page, Tag};
use super::markdown::allowed;
use super::merge::OPEN;

/// What a letter may hold.
pub(super) const ELEMENTS: [&str; 74] = [
    "html",
    "head",
    "title",
    "meta",
    "body",
    "style",
    "div",
    "span",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "br",
    "wbr",
    "a",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "s",
    "strike",
    "del",
    "ins",
    "small",
    "big",
    "sub",
    "sup",
    "code",
    "kbd",
    "samp",
    "var",
    "tt",
    "pre",
    "blockquote",
    "q",
    "cite",
    "abbr",
    "acronym",
    "dfn",
    "mark",
    "time",
    "address",
    "center",
    "font",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "colgroup",
    "col",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "aside",
    "figure",
    "figcaption",
    "bdi",
];

/// Attributes that fetch something.
const FETCHING: [&str; 16] = [
    "src",
    "srcset",
    "imagesrcset",
    "background",
    "poster",
    "data",
    "ping",
    "action",
    "formaction",
    "longdesc",
    "lowsrc",
    "dynsrc",
    "codebase",
    "classid",
    "manifest",
    "xlink:href",
];

/// Why an element is refused, if it is: a stable name and a reason.
fn refused(tag: &Tag) -> Option<(&'static str, &'static str)> {
    let attribute =
        |name: &str| tag.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
    Some(match tag.name.as_str() {
        "script" => ("script", "a letter runs no program"),
        "iframe" | "frame" | "frameset" | "object" | "embed" | "applet" | "portal" | "noembed"
        | "noframes" => ("remote-content", "a letter loads nothing from elsewhere"),
        "link" => (
            "remote-content",
            "fonts and style sheets would be fetched from elsewhere; write the CSS between `<style>` and `</style>`",
        ),
        "meta" if attribute("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")) => {
            ("remote-content", "it would lead the reader elsewhere")
        }
        "base" => ("base", "it would change where every link leads"),
        "form" | "input" | "button" | "select" | "textarea" | "option" | "optgroup" | "label"
        | "fieldset" | "legend" | "output" => {
            ("form", "a letter has no form; ask for an answer by mail, or link to a page that has one")
        }
        "img" if ["width", "height"].iter().any(|side| matches!(attribute(side), Some("0" | "1"))) => {
            ("tracking-pixel", "a picture of a dot, which would tell who reads the letter, and when")
        }
        "img" | "picture" | "source" | "image" | "map" | "area" | "svg" => {
            ("picture", "a letter has no pictures: they would be fetched from elsewhere")
        }
        "video" | "audio" | "track" | "canvas" | "math" => ("not-shown", "mail programs do not show it"),
        name if !ELEMENTS.contains(&name) => (
            "unknown-element",
            "a letter may not have it; `init --from` makes a letter in Markdown of such a page",
        ),
        _ => return None,
    })
}

/// What is wrong with HTML that its author wrote, with words in the place of values; each with its byte offset.
pub(super) fn faults(html: &str) -> Vec<(usize, &'static str, String)> {
    let Some(page) = Page::read(html) else {
        return vec![(
            0,
            "too-large",
            "the page has more elements, or deeper ones, than a letter can have".to_owned(),
        )];
    };
    let mut faults = Vec::new();
    for tag in page.tags() {
        let source = html.get(tag.at..).unwrap_or_default();
        let at = |word: &str| tag.at + find(source, word).unwrap_or(0);
        if tag.name.contains(OPEN) {
            faults.push((tag.at, "misplaced-field", "a field may not be the name of an element".to_owned()));
            continue;
        }
        if let Some((name, why)) = refused(tag) {
            faults.push((tag.at, name, format!("`<{}>`: {why}", super::tags::shown(&tag.name))));
            continue;
        }
        for (attribute, value) in &tag.attributes {
            if let Some((name, said)) = wrong_attribute(&tag.name, attribute, value) {
                faults.push((at(attribute), name, said));
            }
        }
        if tag.name == "style" {
            let from = source.find('>').map_or(0, |end| end + 1);
            let sheet = &source[from..];
            let end = sheet.to_ascii_lowercase().find("</style").unwrap_or(sheet.len());
            faults.extend(
                wrong_css(&sheet[..end]).map(|(inside, name, said)| (tag.at + from + inside, name, said)),
            );
        }
    }
    faults.sort_by_key(|(at, ..)| *at);
    faults
}

/// Finds a word in a tag, in upper or lower case; not where it is part of a longer one.
fn find(tag: &str, word: &str) -> Option<usize> {
    // To lower case without moving a byte.
    let plain = tag.to_ascii_lowercase();
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ':');
    plain
        .match_indices(word)
        .map(|(at, _)| at)
        .find(|at| *at > 0 && !plain[..*at].ends_with(part) && !plain[at + word.len()..].starts_with(part))
}

/// What is wrong with an attribute, if anything.
pub(super) fn wrong_attribute(element: &str, name: &str, value: &str) -> Option<(&'static str, String)> {
    let shown = super::tags::shown(name);
    if name.contains(OPEN) {
        return Some((
            "misplaced-field",
            "a field may not stand among the attributes of an element; put it between quotes".to_owned(),
        ));
    }
    if name.starts_with("on") {
        return Some(("event-handler", format!("`{shown}=`: a letter runs no program")));
    }
    if FETCHING.contains(&name) {
        return Some(("remote-content", format!("`{shown}=`: a letter loads nothing from elsewhere")));
    }
    let holds_field = value.contains(OPEN);
    match name {
        "style" => wrong_css(value).map(|(_, name, said)| (name, said)),
        "href" if element == "a" && !allowed(value.trim()) => {
            let value = super::tags::shown(value.trim());
            Some((
                "wrong-link",
                format!(
                    "`{value}` is no link that a letter may have; `https:`, `http:`, `mailto:` and `tel:` are"
                ),
            ))
        }
        "class" | "id" if holds_field => Some((
            "misplaced-field",
            format!("a field may not stand in `{name}=`: styles are the same for everybody"),
        )),
        _ => None,
    }
}

/// What CSS must not hold: what fetches, what runs, what hides one of these.
fn wrong_css(css: &str) -> Option<(usize, &'static str, String)> {
    if let Some(at) = css.find(OPEN) {
        return Some((
            at,
            "misplaced-field",
            "a field may not stand in CSS; write two rules and an `{{#if}}`".to_owned(),
        ));
    }
    const WORDS: [(&str, &str); 12] = [
        ("@import", "a letter loads nothing from elsewhere"),
        ("@font-face", "a letter loads no fonts; name some that people have"),
        ("url(", "a letter loads nothing from elsewhere"),
        ("image-set(", "a letter loads nothing from elsewhere"),
        ("//", "a letter loads nothing from elsewhere"),
        ("expression(", "a letter runs no program"),
        ("javascript:", "a letter runs no program"),
        ("behavior:", "a letter runs no program"),
        ("behaviour:", "a letter runs no program"),
        ("-moz-binding", "a letter runs no program"),
        ("\\", "it can hide what a style does; write the sign itself"),
        ("<", "it does not belong into CSS"),
    ];
    let plain = css.to_ascii_lowercase();
    let bare = without_remarks(&plain);
    let found = WORDS
        .iter()
        .filter_map(|(word, why)| Some((plain.find(word)?, *word, *why)))
        .min_by_key(|(at, ..)| *at);
    // Remarks round a style sheet are an old habit, and no harm.
    let found = found.filter(|(_, word, _)| *word != "<" || bare.contains('<'));
    // What only shows without the remarks in it stands nowhere in particular.
    let found = found
        .or_else(|| WORDS.iter().find(|(word, _)| bare.contains(word)).map(|(word, why)| (0, *word, *why)));
    found.map(|(at, word, why)| (at, "unsafe-css", format!("`{word}` in CSS: {why}")))
}

/// What its author should know of HTML that is not wrong.
pub(super) fn remarks(html: &str) -> Vec<(usize, &'static str, String)> {
    let Some(mut page) = Page::read(html) else { return Vec::new() };
    let mut remarks = Vec::new();
    let inlined = css::inline(&mut page);
    if inlined.exhausted {
        remarks.push((
            0,
            "css-not-inlined",
            "matching its styles takes too long, so that none was put on its elements".to_owned(),
        ));
    }
    for selector in inlined.unread {
        let at = html.find(&selector).unwrap_or(0);
        let shown = super::tags::shown(&selector);
        remarks.push((
            at,
            "css-not-inlined",
            format!(
                "`{shown}` stays in `<style>`, which many mail programs do not read; give the element a class"
            ),
        ));
    }
    if let Some(at) = html.find("<!--[if ") {
        remarks.push((
            at,
            "remark-left-out",
            "remarks are left out, also those that speak to Outlook".to_owned(),
        ));
    }
    remarks
}
