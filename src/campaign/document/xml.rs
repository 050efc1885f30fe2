//! The XML of office documents as a small tree, with the prefixes that their standards use.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::Unreadable;
use crate::campaign::encoding;

/// How deep elements may nest: a table in a table in a text box takes some forty.
const DEEPEST: usize = 200;
/// How many elements and texts a part may have.
const MOST_NODES: usize = 300_000;

/// Prefixes by namespace: ECMA-376 part 1 (transitional and strict) and part 3, ODF 1.3 part 3 §1.4.
const SPACES: [(&str, &str); 25] = [
    ("http://schemas.openxmlformats.org/wordprocessingml/2006/main", "w"),
    ("http://purl.oclc.org/ooxml/wordprocessingml/main", "w"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships", "r"),
    ("http://purl.oclc.org/ooxml/officeDocument/relationships", "r"),
    ("http://schemas.openxmlformats.org/package/2006/relationships", "rel"),
    ("http://schemas.openxmlformats.org/markup-compatibility/2006", "mc"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/math", "m"),
    ("http://purl.oclc.org/ooxml/officeDocument/math", "m"),
    ("http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing", "wp"),
    ("http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing", "wp"),
    ("http://schemas.microsoft.com/office/word/2010/wordprocessingShape", "wps"),
    ("urn:schemas-microsoft-com:vml", "v"),
    ("http://schemas.openxmlformats.org/package/2006/metadata/core-properties", "cp"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://www.w3.org/XML/1998/namespace", "xml"),
    ("http://www.w3.org/1999/xlink", "xlink"),
    ("urn:oasis:names:tc:opendocument:xmlns:office:1.0", "office"),
    ("urn:oasis:names:tc:opendocument:xmlns:text:1.0", "text"),
    ("urn:oasis:names:tc:opendocument:xmlns:table:1.0", "table"),
    ("urn:oasis:names:tc:opendocument:xmlns:style:1.0", "style"),
    ("urn:oasis:names:tc:opendocument:xmlns:drawing:1.0", "draw"),
    ("urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0", "fo"),
    ("urn:oasis:names:tc:opendocument:xmlns:meta:1.0", "meta"),
    ("urn:oasis:names:tc:opendocument:xmlns:manifest:1.0", "manifest"),
    ("urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0", "svg"),
];

/// An element: `w:p`.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

/// What stands in an element.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// Reads a part; gives its outermost element.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = encoding::text(bytes, None);
        let mut reader = NsReader::from_str(&text);
        reader.config_mut().check_comments = false;
        let mut open = vec![Self::default()];
        let mut nodes = 0;
        loop {
            let event = reader.read_event().map_err(|_| Unreadable::Broken)?;
            let Some(inner) = open.last_mut() else { return Err(Unreadable::Broken) };
            match event {
                Event::Start(tag) => {
                    let element = begun(&reader, &tag)?;
                    open.push(element);
                    if open.len() > DEEPEST {
                        return Err(Unreadable::TooLarge);
                    }
                }
                Event::Empty(tag) => {
                    let element = begun(&reader, &tag)?;
                    inner.children.push(Node::Element(element));
                }
                Event::End(_) => {
                    let ended = open.pop().ok_or(Unreadable::Broken)?;
                    open.last_mut().ok_or(Unreadable::Broken)?.children.push(Node::Element(ended));
                    continue;
                }
                Event::Text(text) => inner.text(&text.xml_content(XmlVersion::Implicit1_0)),
                Event::CData(text) => inner.text(&text.xml_content(XmlVersion::Implicit1_0)),
                Event::GeneralRef(name) => match name.resolve_char_ref() {
                    Ok(Some(c)) => inner.text(c.encode_utf8(&mut [0; 4])),
                    // Entities of a document type are not expanded: office programs write none.
                    _ => inner.text(resolve_predefined_entity(&name).unwrap_or_default()),
                },
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            }
            nodes += 1;
            if nodes > MOST_NODES {
                return Err(Unreadable::TooLarge);
            }
        }
        // The outermost element stands within one without a name, unless the part was cut off.
        let [top] = open.as_mut_slice() else { return Err(Unreadable::Broken) };
        let root = top.children.drain(..).find_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        });
        root.ok_or(Unreadable::Broken)
    }

    fn text(&mut self, text: &str) {
        if let Some(Node::Text(before)) = self.children.last_mut() {
            before.push_str(text);
        } else if !text.is_empty() {
            self.children.push(Node::Text(text.to_owned()));
        }
    }

    /// Returns the elements directly in it.
    pub(super) fn elements(&self) -> impl DoubleEndedIterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Returns the first element of that name directly in it.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// Follows a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Returns an attribute: `w:val`.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns all text in it, at any depth.
    pub(super) fn all_text(&self) -> String {
        let mut text = String::new();
        self.visit(&mut |node| {
            if let Node::Text(piece) = node {
                text.push_str(piece);
            }
        });
        text
    }

    /// Returns whether an element of that name stands in it, at any depth.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.elements().any(|element| element.name == name || element.holds(name))
    }

    fn visit<'e>(&'e self, look: &mut impl FnMut(&'e Node)) {
        for node in &self.children {
            look(node);
            if let Node::Element(element) = node {
                element.visit(look);
            }
        }
    }
}

fn begun(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Element, Unreadable> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Unreadable::Broken)?;
        let (space, local) = reader.resolver().resolve_attribute(attribute.key);
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Unreadable::Broken)?.into_owned();
        attributes.push((named(space, local.as_ref()), value));
    }
    let (space, local) = reader.resolver().resolve_element(tag.name());
    Ok(Element { name: named(space, local.as_ref()), attributes, children: Vec::new() })
}

fn named(space: ResolveResult<'_>, local: &str) -> String {
    let prefix = match space {
        ResolveResult::Bound(space) => {
            SPACES.iter().find(|(known, _)| *known == space.as_ref()).map_or("other", |(_, prefix)| prefix)
        }
        ResolveResult::Unbound => return local.to_owned(),
        ResolveResult::Unknown(_) => "other",
    };
    format!("{prefix}:{local}")
}
