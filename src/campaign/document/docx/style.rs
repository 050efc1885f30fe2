//! Word's styles (`word/styles.xml`, ECMA-376 part 1 §17.7): what a paragraph or a run looks like, all in all.

use std::collections::HashMap;

use crate::campaign::document::xml::Element;

/// How deep styles may build on each other.
const DEEPEST: usize = 20;

/// The styles of a document, by their ids.
#[derive(Debug, Default)]
pub(super) struct Styles {
    known: HashMap<String, Style>,
    /// What every paragraph has that says nothing else.
    defaults: Paragraph,
    /// The style of a paragraph that names none.
    usual: Option<String>,
}

#[derive(Debug, Default)]
struct Style {
    /// In English and in lower case, whatever the language of the program: `heading 1`.
    name: String,
    based_on: Option<String>,
    paragraph: Paragraph,
    looks: Looks,
}

/// What a paragraph's properties say; nothing where they are silent.
#[derive(Clone, Debug, Default)]
pub(super) struct Paragraph {
    /// The space before and after it, in twentieths of a point.
    pub(super) before: Option<u32>,
    pub(super) after: Option<u32>,
    /// Whether paragraphs of one style stand without space between them.
    pub(super) contextual: Option<bool>,
    /// Its level in the outline, from 0; 9 is text.
    pub(super) outline: Option<u8>,
    /// Its list, and the level in it.
    pub(super) list: Option<String>,
    pub(super) level: Option<usize>,
}

/// What a run's properties say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    pub(super) bold: Option<bool>,
    pub(super) italic: Option<bool>,
    pub(super) hidden: Option<bool>,
}

/// What a paragraph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Heading(u8),
    Quote,
    /// A style made for lists, with or without a number.
    List,
}

impl Paragraph {
    pub(super) fn of(properties: Option<&Element>) -> Self {
        let Some(properties) = properties else { return Self::default() };
        let value = |element: &Element| element.attribute("w:val").map(str::to_owned);
        let spacing = properties.child("w:spacing");
        let space = |points: &str, lines: &str, own: &str| {
            let spacing = spacing?;
            // A space of the program's own choice is one.
            if spacing.attribute(own).is_some_and(is_on) {
                return Some(1);
            }
            let lines = spacing.attribute(lines).and_then(|lines| lines.parse().ok());
            lines.or_else(|| spacing.attribute(points)?.parse().ok())
        };
        let list = properties.child("w:numPr");
        Self {
            before: space("w:before", "w:beforeLines", "w:beforeAutospacing"),
            after: space("w:after", "w:afterLines", "w:afterAutospacing"),
            contextual: properties.child("w:contextualSpacing").map(switch),
            outline: properties
                .child("w:outlineLvl")
                .and_then(|level| level.attribute("w:val")?.parse().ok()),
            list: list.and_then(|list| list.child("w:numId")).and_then(value),
            level: list.and_then(|list| list.child("w:ilvl")).and_then(|level| value(level)?.parse().ok()),
        }
    }

    fn or(self, other: &Self) -> Self {
        Self {
            before: self.before.or(other.before),
            after: self.after.or(other.after),
            contextual: self.contextual.or(other.contextual),
            outline: self.outline.or(other.outline),
            list: self.list.or_else(|| other.list.clone()),
            level: self.level.or(other.level),
        }
    }
}

impl Looks {
    pub(super) fn of(properties: Option<&Element>) -> Self {
        let Some(properties) = properties else { return Self::default() };
        let on = |name: &str| properties.child(name).map(switch);
        Self { bold: on("w:b"), italic: on("w:i"), hidden: on("w:vanish") }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            bold: self.bold.or(other.bold),
            italic: self.italic.or(other.italic),
            hidden: self.hidden.or(other.hidden),
        }
    }
}

impl Styles {
    pub(super) fn of(root: &Element) -> Self {
        let mut styles = Self {
            defaults: Paragraph::of(root.at(&["w:docDefaults", "w:pPrDefault", "w:pPr"])),
            ..Self::default()
        };
        for style in root.elements().filter(|element| element.name == "w:style") {
            let Some(id) = style.attribute("w:styleId") else { continue };
            let value = |name: &str| style.child(name).and_then(|child| child.attribute("w:val"));
            if style.attribute("w:type") == Some("paragraph")
                && style.attribute("w:default").is_some_and(is_on)
            {
                styles.usual = Some(id.to_owned());
            }
            let known = Style {
                name: value("w:name").unwrap_or(id).to_lowercase(),
                based_on: value("w:basedOn").map(str::to_owned),
                paragraph: Paragraph::of(style.child("w:pPr")),
                looks: Looks::of(style.child("w:rPr")),
            };
            styles.known.insert(id.to_owned(), known);
        }
        styles
    }

    /// Returns the style itself and those it builds on.
    fn chain<'s>(&'s self, id: Option<&'s str>) -> impl Iterator<Item = &'s Style> {
        let first = id.filter(|id| self.known.contains_key(*id));
        let next = |id: &&'s str| self.known.get(*id)?.based_on.as_deref();
        std::iter::successors(first, next).take(DEEPEST).filter_map(|id| self.known.get(id))
    }

    /// Returns the style that a paragraph has which names this one or none.
    pub(super) fn of_paragraph<'s>(&'s self, id: Option<&'s str>) -> Option<&'s str> {
        id.filter(|id| self.known.contains_key(*id)).or(self.usual.as_deref())
    }

    /// Returns what holds for a paragraph of a style with properties of its own.
    pub(super) fn paragraph(&self, id: Option<&str>, own: Paragraph) -> Paragraph {
        self.chain(id).fold(own, |all, style| all.or(&style.paragraph)).or(&self.defaults)
    }

    /// Returns how the runs of a style look.
    pub(super) fn looks(&self, id: Option<&str>) -> Looks {
        self.chain(id).fold(Looks::default(), |all, style| all.or(style.looks))
    }

    /// Returns the level in a list at which a style stands by its name.
    pub(super) fn level(&self, id: Option<&str>) -> Option<usize> {
        self.chain(id).find_map(|style| level_in_name(&style.name))
    }

    /// Returns what a paragraph of a style is, by the names that the program gives its own styles.
    pub(super) fn kind(&self, id: Option<&str>, outline: Option<u8>) -> Kind {
        for style in self.chain(id) {
            let level = style.name.strip_prefix("heading ").and_then(|level| level.trim().parse::<u8>().ok());
            match (level, style.name.as_str()) {
                (Some(level), _) => return Kind::Heading(level.clamp(1, 6)),
                (None, "title") => return Kind::Heading(1),
                (None, "quote" | "intense quote" | "quotations" | "block text") => return Kind::Quote,
                (None, name) if name.starts_with("list ") => return Kind::List,
                _ => {}
            }
        }
        match outline {
            Some(level @ 0..9) => Kind::Heading((level + 1).min(6)),
            _ => Kind::Text,
        }
    }
}

/// The level that one of the program's own styles for lists says: 1 for `list bullet 2`.
fn level_in_name(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("list ")?;
    rest.rsplit_once(' ')?.1.parse::<usize>().ok()?.checked_sub(1).filter(|level| *level < 9)
}

/// Returns whether a property that is there is switched on: `<w:b/>`, `<w:b w:val="1"/>`.
fn switch(element: &Element) -> bool {
    element.attribute("w:val").is_none_or(is_on)
}

fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "off" | "none")
}
