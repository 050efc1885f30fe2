//! HTML as a tree, read as browsers read it (WHATWG HTML §13.2), with the place of each tag in its source.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use html5ever::buffer_queue::BufferQueue;
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use html5ever::tree_builder::TreeBuilder;
use html5ever::{Attribute, ExpandedName, QualName, ns};

/// How many elements and texts a page may have.
const MOST_NODES: usize = 100_000;
/// How deep they may nest; the mails of the most baroque newsletters come to some sixty.
const DEEPEST: usize = 200;

/// A page, read.
#[derive(Debug)]
pub(super) struct Page {
    nodes: Vec<Node>,
    tags: Vec<Tag>,
}

/// A tag as it stands in the source, whether or not the tree has an element for it.
#[derive(Debug)]
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case, values with their references resolved.
    pub(super) attributes: Vec<(String, String)>,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    attributes: Vec<(String, String)>,
    children: Vec<usize>,
    parent: Option<usize>,
    depth: usize,
}

/// What a node is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An element, by its name in lower case; of another namespace than HTML's, `svg:path`.
    Element(String),
    /// Text.
    Text(String),
    /// A comment.
    Comment(String),
    /// The root.
    Other,
}

impl Page {
    /// The node round everything.
    pub(super) const ROOT: usize = 0;

    /// Reads a page; nothing if it has more, or deeper, elements than a letter can have.
    pub(super) fn read(source: &str) -> Option<Self> {
        let builder = TreeBuilder::new(Sink::new(), Default::default());
        let located = Located { builder, chunk: Cell::new(0), since: Cell::new(None) };
        let tokenizer = Tokenizer::new(located, Default::default());
        let input = BufferQueue::default();
        let mut at = 0;
        // Piece by piece, each from one `<` to the next, so that the sink knows where a tag began.
        while at < source.len() {
            let rest = source.get(at..)?;
            let end =
                rest.match_indices('<').map(|(next, _)| next).find(|next| *next > 0).unwrap_or(rest.len());
            let piece = rest.get(..end)?;
            tokenizer.sink.begin(at);
            input.push_back(StrTendril::from_slice(piece));
            // A script or a meta element stops it, and what follows is still to be read.
            while !input.is_empty() {
                let _ = tokenizer.feed(&input);
            }
            if tokenizer.sink.builder.sink.overflowed.get() {
                return None;
            }
            at += end;
        }
        tokenizer.end();
        let page = tokenizer.sink.builder.sink.finish();
        (page.nodes.len() <= MOST_NODES).then_some(page)
    }

    /// Returns the tags that open an element, in the order of the source.
    pub(super) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Returns every element, outer ones before inner ones.
    pub(super) fn elements(&self) -> Vec<usize> {
        let (mut found, mut todo) = (Vec::new(), vec![Self::ROOT]);
        while let Some(node) = todo.pop() {
            if matches!(self.kind(node), Kind::Element(_)) {
                found.push(node);
            }
            todo.extend(self.children(node).iter().rev());
        }
        found
    }

    /// Returns the node round one.
    pub(super) fn parent(&self, node: usize) -> Option<usize> {
        self.nodes.get(node)?.parent
    }

    /// Returns all attributes of a node.
    pub(super) fn attributes(&self, node: usize) -> &[(String, String)] {
        self.nodes.get(node).map_or(&[], |node| &node.attributes)
    }

    /// Gives a node an attribute, in the place of the one it had.
    pub(super) fn set_attribute(&mut self, node: usize, name: &str, value: String) {
        let Some(node) = self.nodes.get_mut(node) else { return };
        match node.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => node.attributes.push((name.to_owned(), value)),
        }
    }

    /// Returns what a node is.
    pub(super) fn kind(&self, node: usize) -> &Kind {
        self.nodes.get(node).map_or(&Kind::Other, |node| &node.kind)
    }

    /// Returns the nodes directly in one.
    pub(super) fn children(&self, node: usize) -> &[usize] {
        self.nodes.get(node).map_or(&[], |node| &node.children)
    }

    /// Returns an attribute, by its name in lower case.
    pub(super) fn attribute(&self, node: usize, name: &str) -> Option<&str> {
        let attributes = &self.nodes.get(node)?.attributes;
        attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first element of that name within a node, at any depth.
    pub(super) fn find(&self, node: usize, name: &str) -> Option<usize> {
        self.children(node).iter().find_map(|child| match self.kind(*child) {
            Kind::Element(known) if known == name => Some(*child),
            _ => self.find(*child, name),
        })
    }

    /// Returns all text within a node.
    pub(super) fn text(&self, node: usize) -> String {
        let mut text = String::new();
        self.gather(node, &mut text);
        text
    }

    fn gather(&self, node: usize, text: &mut String) {
        if let Kind::Text(own) = self.kind(node) {
            text.push_str(own);
        }
        for child in self.children(node) {
            self.gather(*child, text);
        }
    }
}

/// Stands between the tokenizer and the tree, and keeps where in the source a tag began.
struct Located {
    builder: TreeBuilder<Handle, Sink>,
    /// Where the piece begins that is being read.
    chunk: Cell<usize>,
    /// Where the first piece began since something was told.
    since: Cell<Option<usize>>,
}

impl Located {
    fn begin(&self, at: usize) {
        self.chunk.set(at);
        self.since.set(self.since.get().or(Some(at)));
    }
}

impl TokenSink for Located {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        if !matches!(token, Token::ParseError(_)) {
            let since = self.since.take().unwrap_or_else(|| self.chunk.get());
            if let Token::TagToken(tag) = &token
                && tag.kind == TagKind::StartTag
            {
                let attributes = pairs(tag.attrs.clone());
                let tag = Tag { name: tag.name.to_string(), attributes, at: since };
                self.builder.sink.tags.borrow_mut().push(tag);
            }
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// A node while the tree grows: its number, and its name where it is an element.
type Handle = Rc<(usize, QualName)>;

struct Sink {
    nodes: RefCell<Vec<Node>>,
    tags: RefCell<Vec<Tag>>,
    overflowed: Cell<bool>,
    root: Handle,
}

impl Sink {
    fn new() -> Self {
        let sink = Self {
            nodes: RefCell::default(),
            tags: RefCell::default(),
            overflowed: Cell::new(false),
            root: Rc::new((Page::ROOT, no_name())),
        };
        sink.add(Kind::Other, Vec::new());
        sink
    }

    fn add(&self, kind: Kind, attributes: Vec<(String, String)>) -> usize {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { kind, attributes, children: Vec::new(), parent: None, depth: 0 });
        if nodes.len() > MOST_NODES {
            self.overflowed.set(true);
        }
        nodes.len() - 1
    }

    /// Puts a node or text into a parent, at a position among its children.
    fn insert(&self, parent: usize, position: usize, child: NodeOrText<Handle>) {
        let id = match child {
            NodeOrText::AppendNode(node) => {
                self.detach(node.0);
                node.0
            }
            NodeOrText::AppendText(text) => {
                let mut nodes = self.nodes.borrow_mut();
                let before =
                    position.checked_sub(1).and_then(|at| nodes.get(parent)?.children.get(at).copied());
                if let Some(Kind::Text(known)) =
                    before.and_then(|before| nodes.get_mut(before)).map(|node| &mut node.kind)
                {
                    known.push_str(&text);
                    return;
                }
                drop(nodes);
                self.add(Kind::Text(text.to_string()), Vec::new())
            }
        };
        let mut nodes = self.nodes.borrow_mut();
        let depth = nodes.get(parent).map_or(0, |node| node.depth) + 1;
        if let Some(node) = nodes.get_mut(id) {
            node.parent = Some(parent);
            node.depth = depth;
        }
        if let Some(node) = nodes.get_mut(parent) {
            let position = position.min(node.children.len());
            node.children.insert(position, id);
        }
        if depth > DEEPEST {
            self.overflowed.set(true);
        }
    }

    fn detach(&self, node: usize) {
        let mut nodes = self.nodes.borrow_mut();
        let parent = nodes.get_mut(node).and_then(|node| node.parent.take());
        if let Some(parent) = parent.and_then(|parent| nodes.get_mut(parent)) {
            parent.children.retain(|child| *child != node);
        }
    }

    fn count(&self, node: usize) -> usize {
        self.nodes.borrow().get(node).map_or(0, |node| node.children.len())
    }
}

fn no_name() -> QualName {
    QualName::new(None, ns!(), "".into())
}

fn pairs(attributes: Vec<Attribute>) -> Vec<(String, String)> {
    attributes
        .into_iter()
        .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
        .collect()
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = Page;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Page {
        // Subtrees may have moved since their depth was noted; all of them are walked with recursion later.
        let mut nodes = self.nodes.into_inner();
        let mut todo = vec![(Page::ROOT, 0)];
        while let Some((id, depth)) = todo.pop() {
            let Some(node) = nodes.get_mut(id) else { continue };
            if depth >= DEEPEST {
                node.children.clear();
            }
            todo.extend(node.children.iter().map(|child| (*child, depth + 1)));
        }
        Page { nodes, tags: self.tags.into_inner() }
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        Rc::clone(&self.root)
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        target.1.expanded()
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Handle {
        let local = name.local.to_string();
        let known = match &name.ns {
            space if *space == ns!(html) => local,
            space if *space == ns!(svg) => format!("svg:{local}"),
            _ => format!("math:{local}"),
        };
        let id = self.add(Kind::Element(known), pairs(attributes));
        Rc::new((id, name))
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        Rc::new((self.add(Kind::Comment(text.to_string()), Vec::new()), no_name()))
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Handle {
        Rc::new((self.add(Kind::Other, Vec::new()), no_name()))
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.insert(parent.0, self.count(parent.0), child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, before: &Handle, child: NodeOrText<Handle>) {
        let has_parent = self.nodes.borrow().get(element.0).is_some_and(|node| node.parent.is_some());
        if has_parent {
            self.append_before_sibling(element, child);
        } else {
            self.append(before, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Handle) -> Handle {
        Rc::clone(target)
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        one.0 == other.0
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        if let NodeOrText::AppendNode(node) = &child {
            self.detach(node.0);
        }
        let found = {
            let nodes = self.nodes.borrow();
            let parent = nodes.get(sibling.0).and_then(|node| node.parent);
            parent.and_then(|parent| {
                let position = nodes.get(parent)?.children.iter().position(|child| *child == sibling.0)?;
                Some((parent, position))
            })
        };
        if let Some((parent, position)) = found {
            self.insert(parent, position, child);
        }
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        if let Some(node) = self.nodes.borrow_mut().get_mut(target.0) {
            for (name, value) in pairs(attributes) {
                if !node.attributes.iter().any(|(known, _)| *known == name) {
                    node.attributes.push((name, value));
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.detach(target.0);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        let children = self.nodes.borrow_mut().get_mut(node.0).map(|node| std::mem::take(&mut node.children));
        for child in children.unwrap_or_default() {
            if let Some(node) = self.nodes.borrow_mut().get_mut(child) {
                node.parent = None;
            }
            self.insert(
                new_parent.0,
                self.count(new_parent.0),
                NodeOrText::AppendNode(Rc::new((child, no_name()))),
            );
        }
    }

    fn maybe_clone_an_option_into_selectedcontent(&self, _: &Handle) {}
}
