//! How Word numbers paragraphs: `word/numbering.xml` (ECMA-376 part 1 §17.9), counted along the document.

use std::collections::{HashMap, HashSet};

use crate::campaign::document::xml::Element;

/// ECMA-376 §17.9.6: levels go from 0 to 8.
const LEVELS: usize = 9;

/// The definitions, and how far each was counted.
#[derive(Debug, Default)]
pub(in crate::campaign::document) struct Numbering {
    /// `w:abstractNum`, by its number.
    lists: HashMap<String, Vec<Level>>,
    /// `w:num`, by its number: the list that it uses, and its own beginnings by level.
    uses: HashMap<String, Use>,
    counts: HashMap<String, [Option<u64>; LEVELS]>,
    /// Beginnings that were taken already.
    begun: HashSet<(String, usize)>,
}

#[derive(Debug)]
struct Use {
    list: String,
    starts: HashMap<usize, u64>,
}

#[derive(Clone, Debug)]
struct Level {
    format: String,
    text: String,
    start: u64,
    style: Option<String>,
}

/// What stands before a paragraph.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::campaign::document) struct Mark {
    /// Its number; nothing for a bullet.
    pub(in crate::campaign::document) number: Option<u64>,
    /// As Word shows it: `2.1`, `b)`.
    pub(in crate::campaign::document) label: String,
}

impl Mark {
    /// Returns whether a plain number says the same.
    pub(in crate::campaign::document) fn is_plain(&self) -> bool {
        self.number.is_none_or(|number| self.label.trim_end_matches(['.', ')']) == number.to_string())
    }
}

impl Numbering {
    pub(in crate::campaign::document) fn of(root: &Element) -> Self {
        let mut numbering = Self::default();
        // A list that only refers to a style stands for the list that belongs to that style.
        let mut by_style: HashMap<&str, &str> = HashMap::new();
        let mut links: Vec<(&str, &str)> = Vec::new();
        for list in root.elements().filter(|element| element.name == "w:abstractNum") {
            let Some(id) = list.attribute("w:abstractNumId") else { continue };
            let value = |name: &str| list.child(name).and_then(|child| child.attribute("w:val"));
            by_style.extend(value("w:styleLink").map(|style| (style, id)));
            links.extend(value("w:numStyleLink").map(|style| (id, style)));
            let levels = list.elements().filter(|element| element.name == "w:lvl").map(level).collect();
            numbering.lists.insert(id.to_owned(), levels);
        }
        for (id, style) in links {
            if let Some(levels) = by_style.get(style).and_then(|id| numbering.lists.get(*id)).cloned() {
                numbering.lists.insert(id.to_owned(), levels);
            }
        }
        for used in root.elements().filter(|element| element.name == "w:num") {
            let list = used.child("w:abstractNumId").and_then(|child| child.attribute("w:val"));
            let (Some(id), Some(list)) = (used.attribute("w:numId"), list) else { continue };
            let starts = used
                .elements()
                .filter_map(|own| {
                    let start = own.child("w:startOverride")?.attribute("w:val")?.parse().ok()?;
                    Some((own.attribute("w:ilvl")?.parse().ok()?, start))
                })
                .collect();
            numbering.uses.insert(id.to_owned(), Use { list: list.to_owned(), starts });
        }
        numbering
    }

    /// Returns the level at which a list numbers the paragraphs of a style.
    pub(in crate::campaign::document) fn level_of_style(&self, num: &str, style: &str) -> Option<usize> {
        let levels = self.lists.get(&self.uses.get(num)?.list)?;
        levels.iter().position(|level| level.style.as_deref() == Some(style))
    }

    /// Counts one paragraph; nothing if it shows neither number nor bullet.
    pub(in crate::campaign::document) fn next(&mut self, num: &str, level: usize) -> Option<Mark> {
        let used = self.uses.get(num)?;
        let levels = self.lists.get(&used.list)?;
        let own = levels.get(level).filter(|_| level < LEVELS)?;
        let counts = self.counts.entry(used.list.clone()).or_default();
        let again = used.starts.get(&level).filter(|_| self.begun.insert((num.to_owned(), level)));
        let number = match (again, counts[level]) {
            (Some(start), _) => *start,
            (None, Some(count)) => count.saturating_add(1),
            (None, None) => own.start,
        };
        counts[level] = Some(number);
        for deeper in &mut counts[level + 1..] {
            *deeper = None;
        }
        match own.format.as_str() {
            "bullet" => Some(Mark { number: None, label: "•".to_owned() }),
            "none" => None,
            _ if own.text.is_empty() => None,
            _ => {
                let mut label = own.text.clone();
                for (at, level) in levels.iter().enumerate().take(LEVELS) {
                    let count = counts[at].unwrap_or(level.start);
                    label = label.replace(&format!("%{}", at + 1), &written(count, &level.format));
                }
                Some(Mark { number: Some(number), label })
            }
        }
    }
}

fn level(element: &Element) -> Level {
    let value = |name: &str| element.child(name).and_then(|child| child.attribute("w:val"));
    Level {
        format: value("w:numFmt").unwrap_or("decimal").to_owned(),
        text: value("w:lvlText").unwrap_or_default().chars().take(60).collect(),
        start: value("w:start").and_then(|start| start.parse().ok()).unwrap_or(1),
        style: value("w:pStyle").map(str::to_owned),
    }
}

/// Writes a number as a format has it (ECMA-376 §17.18.59; ODF `style:num-format` has the same few).
pub(in crate::campaign::document) fn written(number: u64, format: &str) -> String {
    match format {
        "lowerLetter" | "a" => letters(number).to_lowercase(),
        "upperLetter" | "A" => letters(number),
        "lowerRoman" | "i" => roman(number).to_lowercase(),
        "upperRoman" | "I" => roman(number),
        "decimalZero" => format!("{number:02}"),
        "none" | "bullet" => String::new(),
        _ => number.to_string(),
    }
}

/// a to z, then aa to zz as both office programs have it.
fn letters(number: u64) -> String {
    let Some(index) = number.checked_sub(1) else { return "0".to_owned() };
    let letter = char::from(b'A' + (index % 26) as u8);
    std::iter::repeat_n(letter, usize::try_from(index / 26 + 1).unwrap_or(1).min(8)).collect()
}

fn roman(number: u64) -> String {
    const NUMERALS: [(u64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number == 0 || number > 3999 {
        return number.to_string();
    }
    let mut rest = number;
    let mut numeral = String::new();
    for (value, sign) in NUMERALS {
        while rest >= value {
            rest -= value;
            numeral.push_str(sign);
        }
    }
    numeral
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
      <w:abstractNum w:abstractNumId="0">
        <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
        <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:pStyle w:val="Sub"/><w:lvlText w:val="%1.%2)"/></w:lvl>
      </w:abstractNum>
      <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
      <w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>
    </w:numbering>"#;

    #[test]
    fn levels_count_on_begin_again_below_and_take_their_own_beginnings() {
        let mut numbering = Numbering::of(&Element::read(XML.as_bytes()).unwrap());
        let labels: Vec<String> =
            [("1", 0), ("1", 1), ("1", 1), ("1", 0), ("1", 1), ("2", 0), ("2", 0), ("1", 0)]
                .into_iter()
                .map(|(num, level)| numbering.next(num, level).unwrap().label)
                .collect();
        assert_eq!(labels, ["1.", "1.a)", "1.b)", "2.", "2.a)", "5.", "6.", "7."]);
        assert_eq!(numbering.next("3", 0), None);
        assert_eq!(numbering.next("1", 9), None);
        assert_eq!(numbering.level_of_style("1", "Sub"), Some(1));
    }

    #[test]
    fn numbers_are_written_as_letters_and_numerals() {
        assert_eq!(written(3, "lowerLetter"), "c");
        assert_eq!(written(28, "upperLetter"), "BB");
        assert_eq!(written(1994, "lowerRoman"), "mcmxciv");
        assert_eq!(written(0, "upperRoman"), "0");
        assert_eq!(written(u64::MAX, "upperLetter").len(), 8);
    }
}
