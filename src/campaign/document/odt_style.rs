//! OpenDocument's styles (ODF 1.3 part 3 §16): what a paragraph, a span or a list looks like, all in all.

use std::collections::HashMap;

use super::xml::Element;

/// How deep styles may build on each other.
const DEEPEST: usize = 20;

/// The styles of a document: those with a name in `styles.xml`, those made by hand in `content.xml`.
#[derive(Debug, Default)]
pub(super) struct Styles {
    /// By family and name.
    known: HashMap<(String, String), Style>,
    /// What every paragraph has that says nothing else.
    usual: Style,
    lists: HashMap<String, HashMap<usize, Numbers>>,
    outline: HashMap<usize, Numbers>,
}

#[derive(Clone, Debug, Default)]
struct Style {
    parent: Option<String>,
    outline: Option<u8>,
    looks: Looks,
    before: Option<bool>,
    after: Option<bool>,
    contextual: Option<bool>,
}

/// What a style says of letters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    pub(super) bold: Option<bool>,
    pub(super) italic: Option<bool>,
    pub(super) hidden: Option<bool>,
}

impl Looks {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            bold: self.bold.or(other.bold),
            italic: self.italic.or(other.italic),
            hidden: self.hidden.or(other.hidden),
        }
    }
}

/// The space round a paragraph.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) before: bool,
    pub(super) after: bool,
    pub(super) contextual: bool,
}

/// How a level of a list or of headings is numbered.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub(super) format: String,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) start: u64,
    /// How many levels are shown: 2 for `3.1`.
    pub(super) levels: usize,
}

impl Numbers {
    /// Returns whether a plain number says the same.
    pub(super) fn is_plain(&self) -> bool {
        self.format == "1" && self.prefix.is_empty() && self.levels <= 1
    }

    /// Reads a level; nothing where no number is shown.
    fn of(level: &Element) -> Option<Self> {
        let text = |name: &str| level.attribute(name).unwrap_or_default().to_owned();
        let format = text("style:num-format");
        if format.is_empty() {
            return None;
        }
        Some(Self {
            format,
            prefix: text("style:num-prefix"),
            suffix: text("style:num-suffix"),
            start: level.attribute("text:start-value").and_then(|start| start.parse().ok()).unwrap_or(1),
            levels: level
                .attribute("text:display-levels")
                .and_then(|levels| levels.parse().ok())
                .unwrap_or(1),
        })
    }
}

impl Styles {
    pub(super) fn of(parts: &[Option<&Element>]) -> Self {
        let mut styles = Self::default();
        for section in parts.iter().flatten().flat_map(|root| root.elements()) {
            if !matches!(section.name.as_str(), "office:styles" | "office:automatic-styles") {
                continue;
            }
            for element in section.elements() {
                let name = element.attribute("style:name").unwrap_or_default().to_owned();
                match element.name.as_str() {
                    "style:style" => {
                        let family = element.attribute("style:family").unwrap_or_default().to_owned();
                        styles.known.insert((family, name), style(element));
                    }
                    "style:default-style" if element.attribute("style:family") == Some("paragraph") => {
                        styles.usual = style(element);
                    }
                    "text:list-style" => drop(styles.lists.insert(name, levels(element))),
                    "text:outline-style" => styles.outline = levels(element),
                    _ => {}
                }
            }
        }
        styles
    }

    /// Returns the style itself and those it builds on, each with its name.
    fn chain<'s>(
        &'s self,
        family: &'s str,
        name: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s str, &'s Style)> {
        let find = move |name: &'s str| {
            self.known.get(&(family.to_owned(), name.to_owned())).map(|style| (name, style))
        };
        let next = move |(_, style): &(&'s str, &'s Style)| find(style.parent.as_deref()?);
        std::iter::successors(name.and_then(find), next).take(DEEPEST)
    }

    pub(super) fn looks(&self, family: &str, name: Option<&str>) -> Looks {
        self.chain(family, name).fold(Looks::default(), |all, (_, style)| all.or(style.looks))
    }

    /// Returns whether a paragraph's style is, or builds on, this one.
    pub(super) fn is(&self, name: Option<&str>, wanted: &str) -> bool {
        name == Some(wanted)
            || self
                .chain("paragraph", name)
                .any(|(name, style)| name == wanted || style.parent.as_deref() == Some(wanted))
    }

    /// Returns the level of a paragraph that is a heading by its style.
    pub(super) fn heading(&self, name: Option<&str>) -> Option<u8> {
        if self.is(name, "Title") {
            return Some(1);
        }
        self.chain("paragraph", name).find_map(|(_, style)| style.outline).filter(|level| *level > 0)
    }

    pub(super) fn space(&self, name: Option<&str>) -> Space {
        let of = |what: fn(&Style) -> Option<bool>| {
            self.chain("paragraph", name)
                .find_map(|(_, style)| what(style))
                .or(what(&self.usual))
                .unwrap_or(false)
        };
        Space {
            before: of(|style| style.before),
            after: of(|style| style.after),
            contextual: of(|style| style.contextual),
        }
    }

    /// Returns how a level of a list is numbered; nothing where it has bullets.
    pub(super) fn list_level(&self, name: &str, level: usize) -> Option<Numbers> {
        self.lists.get(name)?.get(&level).cloned()
    }

    /// Returns how headings of a level are numbered, if they are.
    pub(super) fn outline(&self, level: usize) -> Option<Numbers> {
        self.outline.get(&level).cloned()
    }
}

fn style(element: &Element) -> Style {
    let text = element.child("style:text-properties");
    let paragraph = element.child("style:paragraph-properties");
    let letter = |name: &str| text.and_then(|text| text.attribute(name));
    let margin = |name: &str| {
        let value = paragraph?.attribute(name).or_else(|| paragraph?.attribute("fo:margin"))?;
        Some(value.chars().any(|c| matches!(c, '1'..='9')))
    };
    Style {
        parent: element.attribute("style:parent-style-name").map(str::to_owned),
        outline: element.attribute("style:default-outline-level").and_then(|level| level.parse().ok()),
        looks: Looks {
            bold: letter("fo:font-weight")
                .map(|weight| matches!(weight, "bold" | "600" | "700" | "800" | "900")),
            italic: letter("fo:font-style").map(|slant| matches!(slant, "italic" | "oblique")),
            hidden: letter("text:display").map(|display| display == "none"),
        },
        before: margin("fo:margin-top"),
        after: margin("fo:margin-bottom"),
        contextual: paragraph
            .and_then(|paragraph| Some(paragraph.attribute("style:contextual-spacing")? == "true")),
    }
}

/// The numbered levels of a list or of the outline, from 0.
fn levels(element: &Element) -> HashMap<usize, Numbers> {
    element
        .elements()
        .filter(|level| {
            matches!(level.name.as_str(), "text:list-level-style-number" | "text:outline-level-style")
        })
        .filter_map(|level| {
            let index: usize = level.attribute("text:level")?.parse().ok()?;
            Some((index.checked_sub(1)?, Numbers::of(level)?))
        })
        .collect()
}
