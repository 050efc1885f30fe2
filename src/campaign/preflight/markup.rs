//! The tags, links and styles of a page, with their lines.

use std::cell::RefCell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

/// What of a page is looked at.
#[derive(Debug, Default)]
pub struct Markup {
    /// The tags that open an element, in their order.
    pub tags: Vec<Tag>,
    /// Where each link goes, and what it shows.
    pub anchors: Vec<(String, String)>,
    /// The style sheets, each with the line on which it begins.
    pub styles: Vec<(u64, String)>,
}

/// A tag that opens an element.
#[derive(Debug)]
pub struct Tag {
    /// In lower case.
    pub name: String,
    /// Names in lower case, values with their references resolved.
    pub attributes: Vec<(String, String)>,
    /// The line, from 1.
    pub line: u64,
}

impl Tag {
    /// Returns the value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Markup {
    /// Reads a page (WHATWG HTML §13.2.5).
    pub fn read(html: &str) -> Self {
        let tokenizer = Tokenizer::new(Gatherer::default(), Default::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(html));
        // A script stops it, and what follows is still to be read.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        tokenizer.end();
        tokenizer.sink.0.into_inner().markup
    }
}

#[derive(Default)]
struct Gathered {
    markup: Markup,
    in_link: bool,
    in_style: bool,
}

#[derive(Default)]
struct Gatherer(RefCell<Gathered>);

impl TokenSink for Gatherer {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut gathered = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                let opens = tag.kind == TagKind::StartTag;
                match name.as_str() {
                    "a" => gathered.in_link = opens,
                    "style" => gathered.in_style = opens,
                    _ => {}
                }
                if !opens {
                    return TokenSinkResult::Continue;
                }
                let attributes: Vec<_> = tag
                    .attrs
                    .into_iter()
                    .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
                    .collect();
                // The line is told when the tag ends, and its values may have several.
                let within: usize = attributes.iter().map(|(_, value)| value.matches('\n').count()).sum();
                let tag = Tag { name, attributes, line: line.saturating_sub(within as u64) };
                if tag.name == "a" {
                    let address = tag.attribute("href").unwrap_or_default().to_owned();
                    gathered.markup.anchors.push((address, String::new()));
                } else if tag.name == "style" {
                    gathered.markup.styles.push((line, String::new()));
                } else if tag.name == "img"
                    && gathered.in_link
                    && let Some((_, shown)) = gathered.markup.anchors.last_mut()
                {
                    shown.push_str(tag.attribute("alt").unwrap_or_default());
                }
                gathered.markup.tags.push(tag);
            }
            Token::CharacterTokens(text) => {
                if gathered.in_style
                    && let Some((_, style)) = gathered.markup.styles.last_mut()
                {
                    style.push_str(&text);
                } else if gathered.in_link
                    && let Some((_, shown)) = gathered.markup.anchors.last_mut()
                {
                    shown.push_str(&text);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_links_and_styles_are_found_with_their_lines() {
        let page = Markup::read(
            "<style>p { color: red }</style>\n<P CLASS=x>a <a href=\"https://a.nl/?b=1&amp;c\">see <b>&lt;here&gt;</b></a> b\n\
             <a href='#'><img alt=logo></a></p>",
        );
        let tags: Vec<_> = page.tags.iter().map(|tag| (tag.name.as_str(), tag.line)).collect();
        assert_eq!(tags, [("style", 1), ("p", 2), ("a", 2), ("b", 2), ("a", 3), ("img", 3)]);
        assert_eq!(page.tags[1].attribute("class"), Some("x"));
        let anchor = |address: &str, shown: &str| (address.to_owned(), shown.to_owned());
        assert_eq!(page.anchors, [anchor("https://a.nl/?b=1&c", "see <here>"), anchor("#", "logo")]);
        assert_eq!(page.styles, [(1, "p { color: red }".to_owned())]);
    }
}
