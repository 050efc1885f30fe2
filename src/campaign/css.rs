//! The styles of a page, put on the elements they are meant for: many mail programs read no `<style>`.
//!
//! What cannot stand on an element (`@media`, `:hover`) stays behind. Selectors are read and matched by a library; cutting
//! a style sheet into rules is a matter of braces.

use std::cell::Cell;

use simplecss::{AttributeOperator, PseudoClass, Selector};

use super::html::{Kind, Page};

/// So many steps are taken to match selectors to elements; a letter takes some ten thousand.
const MOST_STEPS: u32 = 20_000_000;

/// Elements that show nothing.
const SILENT: [&str; 5] = ["html", "head", "title", "style", "meta"];

/// What became of the styles of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inlined {
    /// The rules that no `style` attribute can say.
    pub(super) kept: String,
    /// The selectors among them that are not understood.
    pub(super) unread: Vec<String>,
    /// Whether it took too long, so that elements are without their styles.
    pub(super) exhausted: bool,
}

/// A property, its value, and whether it is `!important`.
type Declaration = (String, String, bool);

/// Puts the rules of a page's `<style>` elements into the `style` attributes of its elements.
///
/// As CSS has it (CSS 2.1 §6.4): by specificity, then by order; an attribute counts more, `!important` most.
pub(super) fn inline(page: &mut Page) -> Inlined {
    let mut inlined = Inlined::default();
    let source = sheet(page);
    let statements = statements(&source);
    let mut rules: Vec<(Selector<'_>, Vec<Declaration>)> = Vec::new();
    for statement in &statements {
        let (selectors, block) = match statement {
            Statement::Rule(selectors, block) => (selectors, block),
            Statement::At(text) => {
                keep(&mut inlined.kept, text);
                continue;
            }
        };
        for selector in selectors.split(',').map(str::trim).filter(|selector| !selector.is_empty()) {
            let dynamic =
                [":hover", ":active", ":focus", ":visited"].iter().any(|class| selector.contains(class));
            match parsed(selector).filter(|_| !dynamic) {
                Some(selector) => rules.push((selector, declarations(block))),
                None => {
                    keep(&mut inlined.kept, &format!("{selector} {{{block}}}"));
                    if !dynamic {
                        inlined.unread.push(selector.to_owned());
                    }
                }
            }
        }
    }
    rules.sort_by_key(|(selector, _)| selector.specificity());
    let steps = Cell::new(MOST_STEPS);
    let mut styles = Vec::new();
    for node in page.elements() {
        if matches!(page.kind(node), Kind::Element(name) if SILENT.contains(&name.as_str())) {
            continue;
        }
        let element = At { page, node, steps: &steps };
        let matched: Vec<_> = rules.iter().filter(|(selector, _)| selector.matches(&element)).collect();
        if !matched.is_empty() {
            let own = declarations(page.attribute(node, "style").unwrap_or_default());
            let all = matched.iter().flat_map(|(_, block)| block);
            styles.push((node, cascade(all, &own)));
        }
    }
    inlined.exhausted = steps.get() == 0;
    if !inlined.exhausted {
        styles.into_iter().for_each(|(node, style)| page.set_attribute(node, "style", style));
    }
    inlined
}

/// Returns the text of all style sheets that are for a screen, without its remarks.
fn sheet(page: &Page) -> String {
    let mut text = String::new();
    for node in page.elements() {
        let media = page.attribute(node, "media").unwrap_or("all");
        if matches!(page.kind(node), Kind::Element(name) if name == "style")
            && ["all", "screen"].iter().any(|known| media.contains(known))
        {
            text.push_str(&page.text(node));
            text.push('\n');
        }
    }
    without_remarks(&text)
}

/// Takes remarks out of CSS; a blank stands in the place of each.
pub(super) fn without_remarks(css: &str) -> String {
    let css = css.replace("<!--", " ").replace("-->", " ");
    let mut text = String::with_capacity(css.len());
    let mut rest = css.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        text.push(' ');
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

fn keep(kept: &mut String, rule: &str) {
    kept.push_str(rule.trim());
    kept.push('\n');
}

enum Statement<'s> {
    /// Selectors, and what stands between the braces.
    Rule(&'s str, &'s str),
    /// An at-rule, whole.
    At(&'s str),
}

/// Cuts a style sheet into its statements.
fn statements(css: &str) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let mut rest = css.trim_start();
    while !rest.is_empty() {
        let at_rule = rest.starts_with('@');
        let head = scan(rest, |c, _| c == '{' || at_rule && c == ';');
        let Some(head) = head else { break };
        if rest[head..].starts_with(';') {
            found.push(Statement::At(&rest[..=head]));
            rest = rest[head + 1..].trim_start();
            continue;
        }
        let block = &rest[head + 1..];
        let mut depth = 0_usize;
        let end = scan(block, |c, _| {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return true,
                '}' => depth -= 1,
                _ => {}
            }
            false
        });
        let end = end.unwrap_or(block.len());
        found.push(if at_rule {
            Statement::At(&rest[..(head + 1 + end + 1).min(rest.len())])
        } else {
            Statement::Rule(rest[..head].trim(), &block[..end])
        });
        rest = block.get(end + 1..).unwrap_or("").trim_start();
    }
    found
}

/// Finds the first sign outside of quotes and brackets for which `wanted` says yes.
fn scan(css: &str, mut wanted: impl FnMut(char, usize) -> bool) -> Option<usize> {
    let (mut quote, mut brackets) = (None, 0_usize);
    for (at, c) in css.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open || c == '\n' => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => brackets += 1,
            (None, ')') => brackets = brackets.saturating_sub(1),
            (None, c) => {
                if (brackets == 0 || matches!(c, '{' | '}')) && wanted(c, at) {
                    return Some(at);
                }
            }
        }
    }
    None
}

/// Cuts a block into its declarations.
fn declarations(block: &str) -> Vec<Declaration> {
    let mut found: Vec<Declaration> = Vec::new();
    let mut rest = block;
    while !rest.trim().is_empty() {
        let end = scan(rest, |c, _| c == ';').unwrap_or(rest.len());
        if let Some((name, value)) = rest[..end].split_once(':') {
            let value = value.trim();
            let plain = value.to_ascii_lowercase();
            let important =
                plain.ends_with("important") && plain.trim_end_matches("important").trim_end().ends_with('!');
            let value = if important {
                value.rsplit_once('!').map_or(value, |(value, _)| value.trim())
            } else {
                value
            };
            if !value.is_empty() {
                found.push((name.trim().to_ascii_lowercase(), value.to_owned(), important));
            }
        }
        rest = rest.get(end + 1..).unwrap_or("");
    }
    found
}

/// Returns the text of a `style` attribute: of two values for one property, the one that counts more.
fn cascade<'d>(sheet: impl Iterator<Item = &'d Declaration>, own: &'d [Declaration]) -> String {
    let sheet: Vec<_> = sheet.collect();
    let ordinary = sheet.iter().copied().filter(|(.., important)| !important).chain(own);
    let important = sheet.iter().copied().filter(|(.., important)| *important);
    let own_important = own.iter().filter(|(.., important)| *important);
    let mut taken: Vec<(&str, &str)> = Vec::new();
    for (name, value, _) in ordinary.chain(important).chain(own_important) {
        taken.retain(|(known, _)| known != name);
        taken.push((name, value));
    }
    // Double quotes would have to be references in an attribute, which nobody likes to read.
    let written = taken.iter().map(|(name, value)| match value.contains('\'') {
        true => format!("{name}:{value}"),
        false => format!("{name}:{}", value.replace('"', "'")),
    });
    written.collect::<Vec<_>>().join(";")
}

/// Reads a selector; nothing where it is more than the library understands.
fn parsed(selector: &str) -> Option<Selector<'_>> {
    let known = |c: char| c.is_ascii_alphanumeric() || " \t\n\r-_.#*>+[]=~|\"':()".contains(c);
    let combined = selector
        .split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '+'))
        .filter(|part| !part.is_empty());
    // A `~` outside of brackets, `::before` and what begins with a combinator are not read, and may not be tried.
    let tried = selector.chars().all(known)
        && !selector.starts_with(['>', '+', '~', '|', '=', ']', ')'])
        && !selector.ends_with(['>', '+', '~', '.', '#', ':', '['])
        && !selector.contains("::")
        && !selector.split('[').any(|part| {
            part.rsplit(']').next().is_some_and(|rest| rest.contains('~') && !part.contains("~="))
        })
        && combined.count() <= 6;
    if tried { Selector::parse(selector) } else { None }
}

/// An element, for the library that matches selectors.
struct At<'p> {
    page: &'p Page,
    node: usize,
    steps: &'p Cell<u32>,
}

impl At<'_> {
    fn at(&self, node: usize) -> Self {
        Self { page: self.page, node, steps: self.steps }
    }

    /// Takes a step; once there are none left, nothing matches any more.
    fn step(&self) -> bool {
        let left = self.steps.get().saturating_sub(1);
        self.steps.set(left);
        left > 0
    }
}

impl simplecss::Element for At<'_> {
    fn parent_element(&self) -> Option<Self> {
        let parent = self.page.parent(self.node).filter(|_| self.step())?;
        matches!(self.page.kind(parent), Kind::Element(_)).then(|| self.at(parent))
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        let siblings = self.page.children(self.page.parent(self.node).filter(|_| self.step())?);
        let before = siblings.iter().take_while(|sibling| **sibling != self.node);
        let elements = before.filter(|sibling| matches!(self.page.kind(**sibling), Kind::Element(_)));
        elements.last().map(|sibling| self.at(*sibling))
    }

    fn has_local_name(&self, name: &str) -> bool {
        self.step()
            && matches!(self.page.kind(self.node), Kind::Element(known) if known.eq_ignore_ascii_case(name))
    }

    fn attribute_matches(&self, name: &str, operator: AttributeOperator<'_>) -> bool {
        let value = self.page.attribute(self.node, &name.to_ascii_lowercase()).filter(|_| self.step());
        value.is_some_and(|value| match operator {
            AttributeOperator::Contains(word) => value.split_ascii_whitespace().any(|known| known == word),
            operator => operator.matches(value),
        })
    }

    fn pseudo_class_matches(&self, class: PseudoClass<'_>) -> bool {
        match class {
            PseudoClass::FirstChild => simplecss::Element::prev_sibling_element(self).is_none(),
            PseudoClass::Link => self.page.attribute(self.node, "href").is_some(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The styles of the page's elements, by their order, and what stays.
    fn styled(html: &str) -> (Vec<String>, Inlined) {
        let mut page = Page::read(html).unwrap();
        let inlined = inline(&mut page);
        let styles =
            page.elements().into_iter().filter_map(|node| page.attribute(node, "style").map(str::to_owned));
        (styles.collect(), inlined)
    }

    #[test]
    fn rules_land_on_their_elements_by_what_counts_more() {
        let (styles, inlined) = styled(
            "<style>/* p{color:red} */ p { color: black; margin: 0 } .a p, #b { color:blue } P.c{color:green!important}\
             @media (max-width:600px) { p { color: white } } a:hover { color: red } p ~ p { color: pink } p:nth-child(2){x:y}</style>\
             <div class='x a'><p>1<p id=b style='margin:5px;color:grey'>2<p class=c style='color:grey;font-family:\"A b\"'>3</div>",
        );
        assert_eq!(
            styles,
            ["margin:0;color:blue", "margin:5px;color:grey", "margin:0;font-family:'A b';color:green"]
        );
        assert_eq!(
            inlined.kept,
            "@media (max-width:600px) { p { color: white } }\na:hover { color: red }\np ~ p { color: pink }\np:nth-child(2) {x:y}\n"
        );
        assert_eq!(inlined.unread, ["p ~ p", "p:nth-child(2)"]);
    }

    #[test]
    fn braces_in_quotes_and_a_sheet_that_never_ends_are_read() {
        let (styles, _) = styled("<style>p{content:'}';color:red}p{top:1px;</style><p>");
        assert_eq!(styles, ["content:'}';color:red;top:1px"]);
    }

    #[test]
    fn selectors_that_take_forever_are_given_up() {
        let deep = format!("<style>u * * * * b{{a:b}}</style>{}", "<i><b>".repeat(90));
        assert!(styled(&deep).1.exhausted);
        assert!(!styled(&deep.replace("u *", "i *")).1.exhausted, "what fits at once takes no time");
    }

    proptest! {
        #[test]
        fn any_style_sheet_is_read_without_panic(css in "[a-z{}:;,.#>+~*@!\"'()\\[\\]=|/ \\n\\\\é-]{0,60}") {
            styled(&format!("<style>{css}</style><p class=a id=b><a href=x>é</a>"));
        }
    }
}
