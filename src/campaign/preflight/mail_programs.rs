//! Whether a page looks right in common mail programs, by the table of `assets/mail_programs.toml`.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Found;
use super::catalogue::MAIL_PROGRAM;
use super::markup::{Markup, Tag};

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../../assets/mail_programs.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    programs: Vec<String>,
    feature: Vec<Feature>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Feature {
    name: String,
    source: String,
    support: String,
    part: String,
    harmless: bool,
    elements: Vec<String>,
    attributes: Vec<String>,
    properties: Vec<String>,
    values: Vec<String>,
    units: Vec<String>,
    functions: Vec<String>,
    rules: Vec<String>,
    meta: Vec<String>,
    pictures: Vec<String>,
}

/// One use of something, as the page has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Use {
    Element(String),
    Attribute(String),
    Property(String),
    /// `display:flex`
    Value(String),
    Unit(String),
    Function(String),
    Rule(String),
    Meta(String),
    Picture(String),
}

impl Use {
    fn said(&self) -> String {
        match self {
            Use::Element(name) => format!("`<{name}>`"),
            Use::Attribute(name) | Use::Property(name) | Use::Value(name) | Use::Rule(name) => {
                format!("`{}`", super::shown(name))
            }
            Use::Unit(name) => format!("the unit `{}`", super::shown(name)),
            Use::Function(name) => format!("`{}()`", super::shown(name)),
            Use::Meta(name) => format!("`<meta name=\"{}\">`", super::shown(name)),
            Use::Picture(name) => format!("a picture `{}`", super::shown(name)),
        }
    }
}

/// What programs make of a use.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// Some programs do not show it.
    Lost(Vec<&'static str>),
    /// The table does not have it.
    Unknown,
}

fn is(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => {
            name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
        }
        None => pattern == name,
    }
}

fn verdict(used: &Use) -> Verdict {
    let has = |list: &[String], name: &str| list.iter().any(|pattern| is(pattern, name));
    let found = TABLE.feature.iter().find(|feature| match used {
        Use::Element(name) => has(&feature.elements, name),
        Use::Attribute(name) => has(&feature.attributes, name),
        Use::Property(name) => has(&feature.properties, name),
        Use::Value(name) => has(&feature.values, name),
        Use::Unit(name) => has(&feature.units, name),
        Use::Function(name) => has(&feature.functions, name),
        Use::Rule(name) => has(&feature.rules, name),
        Use::Meta(name) => has(&feature.meta, name),
        Use::Picture(name) => {
            feature.pictures.iter().any(|end| name.ends_with(end.as_str()) || name.starts_with(end.as_str()))
        }
    });
    let Some(feature) = found else {
        // Most values say nothing of their own.
        return if matches!(used, Use::Value(_)) { Verdict::Fine } else { Verdict::Unknown };
    };
    let lost: Vec<&'static str> = TABLE
        .programs
        .iter()
        .zip(feature.support.chars())
        .filter(|(_, support)| *support == 'n')
        .map(|(program, _)| program.as_str())
        .collect();
    if lost.is_empty() || feature.harmless { Verdict::Fine } else { Verdict::Lost(lost) }
}

/// Looks at a page: what a common mail program does not show, and what nobody has looked up; each once, with its line.
pub fn look(page: &Markup) -> Vec<(u64, Found)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (line, used) in uses(page) {
        if !seen.insert(used.clone()) {
            continue;
        }
        let said = match verdict(&used) {
            Verdict::Fine => continue,
            Verdict::Lost(programs) => format!("{} is nothing to {}", used.said(), programs.join(", ")),
            Verdict::Unknown => format!("nobody has looked up which mail programs show {}", used.said()),
        };
        found.push((line, Found::new(&MAIL_PROGRAM, said)));
    }
    found
}

fn uses(page: &Markup) -> Vec<(u64, Use)> {
    let mut uses = Vec::new();
    for tag in &page.tags {
        uses.push((tag.line, Use::Element(tag.name.clone())));
        for (name, value) in &tag.attributes {
            // What a namespace brings is for the program it is meant for.
            if !name.contains(':') {
                uses.push((tag.line, Use::Attribute(name.clone())));
            }
            if name == "style" {
                declarations(tag.line, value, &mut uses);
            }
        }
        of_its_own(tag, &mut uses);
    }
    for (line, sheet) in &page.styles {
        style_sheet(*line, sheet, &mut uses);
    }
    uses
}

fn of_its_own(tag: &Tag, uses: &mut Vec<(u64, Use)>) {
    match tag.name.as_str() {
        "meta" => {
            uses.extend(tag.attribute("name").map(|name| (tag.line, Use::Meta(name.to_lowercase()))));
        }
        "img" => {
            let address = tag.attribute("src").unwrap_or_default().to_lowercase();
            let path = address.split(['?', '#']).next().unwrap_or_default();
            let ending =
                path.rsplit('/').next().and_then(|file| file.rfind('.').map(|at| file[at..].to_owned()));
            let scheme = path.split_once(':').map(|(scheme, _)| format!("{scheme}:"));
            match (scheme.as_deref(), ending) {
                (Some(scheme @ ("cid:" | "data:")), _) => {
                    uses.push((tag.line, Use::Picture(scheme.to_owned())))
                }
                (_, Some(ending)) => uses.push((tag.line, Use::Picture(ending))),
                // Its address does not tell what it is.
                (_, None) => {}
            }
        }
        _ => {}
    }
}

/// Reads declarations (CSS Syntax §5.4.5) as far as they are looked at.
fn declarations(line: u64, css: &str, uses: &mut Vec<(u64, Use)>) {
    for (number, declaration) in parted(css, ';') {
        let line = line + number;
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let property = property.trim().to_lowercase();
        let value = value.trim().to_lowercase();
        if property.is_empty() {
            continue;
        }
        uses.push((line, Use::Value(format!("{property}:{}", value.trim_end_matches("!important").trim()))));
        uses.push((line, Use::Property(property.clone())));
        // What is meant for one program alone is its own affair.
        if !property.starts_with("mso-") && !property.starts_with("font-family") {
            words(line, &value, uses);
        }
    }
}

/// The units and functions of a value.
fn words(line: u64, value: &str, uses: &mut Vec<(u64, Use)>) {
    for word in value.split(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | '/')) {
        if let Some((name, _)) = word.split_once('(') {
            uses.push((line, Use::Function(name.to_owned())));
        }
        let word = word.rsplit('(').next().unwrap_or(word);
        let number = word.trim_start_matches(['-', '+', '.']);
        if number.starts_with(|c: char| c.is_ascii_digit()) {
            let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            if !unit.is_empty() && !unit.starts_with('!') {
                uses.push((line, Use::Unit(unit.to_owned())));
            }
        }
    }
}

/// Parts a text at a sign that stands in no brackets or quotes; with the number of line breaks before each part.
fn parted(text: &str, at: char) -> Vec<(u64, &str)> {
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_u32, None);
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, c) if c == at && depth == 0 => {
                parts.push((from, &text[from..index]));
                from = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push((from, &text[from..]));
    parts
        .into_iter()
        .map(|(from, part)| {
            let blank = part.len() - part.trim_start().len();
            (text[..from + blank].matches('\n').count() as u64, part)
        })
        .collect()
}

/// Reads a style sheet as far as it is looked at: its rules that begin with `@`, and the declarations in braces.
fn style_sheet(line: u64, sheet: &str, uses: &mut Vec<(u64, Use)>) {
    let sheet = without_comments(sheet);
    let lines_before = |at: usize| line + sheet[..at].matches('\n').count() as u64;
    for (at, _) in sheet.match_indices('@') {
        let rest = &sheet[at..];
        let name: String =
            rest.chars().take_while(|c| matches!(c, '@' | '-') || c.is_alphanumeric()).collect();
        let condition = rest.split('{').next().unwrap_or(rest).to_lowercase();
        if condition.contains("prefers-color-scheme") {
            uses.push((lines_before(at), Use::Value("@media:prefers-color-scheme".to_owned())));
        } else if name.len() > 1 {
            uses.push((lines_before(at), Use::Rule(name.to_lowercase())));
        }
    }
    // The innermost braces hold declarations.
    let mut open = None;
    for (at, c) in sheet.char_indices() {
        match c {
            '{' => open = Some(at + 1),
            '}' => {
                if let Some(from) = open.take() {
                    declarations(lines_before(from), &sheet[from..at], uses);
                }
            }
            _ => {}
        }
    }
}

/// Blanks out comments, and keeps the lines.
fn without_comments(sheet: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(sheet.len()), sheet);
    while let Some(open) = rest.find("/*") {
        clean.push_str(&rest[..open]);
        let end = rest[open + 2..].find("*/").map_or(rest.len(), |at| open + at + 4);
        clean.extend(rest[open..end].chars().filter(|c| *c == '\n'));
        rest = &rest[end..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(html: &str) -> Vec<String> {
        look(&Markup::read(html)).into_iter().map(|(line, found)| format!("{line}: {}", found.said)).collect()
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(TABLE.programs.len(), 7);
        assert!(TABLE.feature.len() > 30);
        for feature in &TABLE.feature {
            assert_eq!(feature.support.len(), TABLE.programs.len(), "{}", feature.name);
            assert!(feature.support.bytes().all(|sign| b"yan?".contains(&sign)), "{}", feature.name);
            assert!(["measured", "known"].contains(&feature.source.as_str()), "{}", feature.name);
            let told = !feature.part.is_empty() || feature.support.contains('n') || feature.harmless;
            assert!(
                told || !feature.support.contains('a'),
                "{} does not say what is meant by in part",
                feature.name
            );
        }
    }

    #[test]
    fn what_a_program_does_not_show_is_told_with_its_line() {
        let page = "<style>\n/* a\n */\n@media (max-width: 400px) { p { float:left } }\n@keyframes x { from { color: red } }\n</style>\n\
            <div style=\"display:flex; margin: 0 1rem;\n color: rgba(0,0,0,.5); border-radius: 4px\">x</div>\n<svg></svg><marquee>y</marquee>\n\
            <img src=\"https://a.nl/b.webp?x\"><img src='cid:logo'><p blink=1 style='blinking: 2xx; width: calc(1px + 2em)'></p>";
        insta::assert_snapshot!(told(page).join("\n"), @r#"
        7: `display:flex` is nothing to Outlook for Windows
        7: the unit `rem` is nothing to Outlook for Windows
        8: `rgba()` is nothing to Outlook for Windows
        9: `<svg>` is nothing to Gmail on the web, Gmail's apps, Outlook for Windows, Outlook.com, Outlook for iOS
        9: nobody has looked up which mail programs show `<marquee>`
        10: a picture `.webp` is nothing to Outlook for Windows
        10: nobody has looked up which mail programs show `blink`
        10: nobody has looked up which mail programs show `blinking`
        10: nobody has looked up which mail programs show the unit `xx`
        10: `calc()` is nothing to Outlook for Windows
        4: `float` is nothing to Outlook for Windows
        "#);
    }

    #[test]
    fn what_every_program_shows_is_not_told() {
        let page = "<!DOCTYPE html><html lang=\"nl\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>x</title>\
            </head><body style=\"margin:0\"><table role=presentation cellpadding=0><tr><td style=\"padding:0 0 16px 0;font:16px/24px Arial, 'Open Sans'\">\
            <p lang=nl>a<br><a href=\"mailto:a@b.nl\" style=\"color:#0b57d0;border-radius:3px\">b</a></p></td></tr></table><img src=\"https://a.nl/x.png\" alt=\"\">";
        assert_eq!(told(page), [] as [String; 0]);
    }
}
