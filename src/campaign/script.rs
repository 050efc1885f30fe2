//! A template, read, checked and resolved: every name in it is known before the first letter is merged.
//!
//! Handlebars' own strict mode is silent where a typing error hurts most (`{{#if tpyo}}`), and two partials that
//! include each other abort its process. So only its parser is used: the whole tree it gives is walked here, each
//! path is resolved to a column, a sender's field or an item of a loop, each partial is put in place, and what
//! cannot be resolved is a problem with its place. Nothing is looked up by name after that.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, Template, TemplateElement,
};
use handlebars::{Path, TemplateErrorReason};
use serde_json::Value as Json;

use super::definition::{Definition, LetterSource};
use super::front_matter::FrontMatter;
use super::problem::{Place, Problem, Problems};
use super::sequence::FURTHER_FIELDS;
use super::tags::{Kind, Source, shown};
use super::words::Tongue;

/// How deep partials may include each other.
const DEEPEST: usize = 16;
/// How many elements a letter may have with all its partials put in place, for one recipient.
const MOST_NODES: usize = 20_000;
/// And with every file that a field may choose.
const MOST_NODES_OF_ALL: usize = 400_000;

/// One element of a resolved template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Markdown as it was written.
    Text(String),
    /// A value.
    Put(Put),
    /// A condition and its two branches.
    If { test: Expr, yes: Vec<Node>, no: Vec<Node> },
    /// A loop; `level` is the number of loops round it.
    Each { over: Expr, level: usize, yes: Vec<Node>, no: Vec<Node> },
    /// A file that a value chooses.
    Among(Box<Among>),
    /// The first letter, as a quotation in a later one.
    Quote(Quotation, Vec<Node>),
}

/// Of what a quotation is made, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotation {
    /// Markdown in Markdown.
    Markdown,
    /// A page in a page.
    Page,
    /// What a page says, in Markdown.
    TextOfPage,
}

/// The files among which a value chooses: `{{> partij/[afkorting]}}`.
#[derive(Clone, Debug)]
pub(super) struct Among {
    /// The value; it names one of the files.
    pub(super) by: Put,
    /// `partij/`
    pub(super) folder: Box<str>,
    /// `.md`
    pub(super) ending: &'static str,
    /// By their names without folder and ending, sorted.
    pub(super) files: Vec<(Box<str>, Vec<Node>)>,
    /// What stands there where none has the name; without it, there must be one.
    pub(super) otherwise: Option<Vec<Node>>,
}

/// A value to be put.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub(super) expr: Expr,
    /// As the author wrote it, for sentences: `naam`.
    pub(super) said: Arc<str>,
    pub(super) place: Arc<Place>,
    /// Whether the author said that it may be empty.
    pub(super) may_be_empty: bool,
}

/// A value's origin, resolved.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// A column, by its number among those the letter uses.
    Column(usize),
    /// A literal.
    Fixed(Arc<str>),
    /// A field of the sender or the campaign, and its number among those the letter uses.
    Own(Arc<str>, usize),
    /// The date of sending.
    Today,
    /// The item of the loop at a level.
    Item(usize),
    /// The number of that item, from 0.
    Index(usize),
    /// Whether it is the first.
    First(usize),
    /// Whether it is the last.
    Last(usize),
    Number(f64),
    Bool(bool),
    Nothing,
    Several(Vec<Expr>),
    Call(Word, Vec<Expr>),
}

/// The words of our template language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Default,
    Optional,
    Date,
    List,
    Plural,
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    And,
    Or,
    Not,
    Len,
}

/// Word, name, fewest and most parameters, and an example.
const WORDS: [(Word, &str, usize, usize, &str); 15] = [
    (Word::Default, "default", 2, 2, "{{default naam \"bestuur\"}}"),
    (Word::Optional, "optional", 1, 1, "{{optional naam}}"),
    (Word::Date, "date", 1, 1, "{{date datum}}"),
    (Word::List, "list", 1, 1, "{{list plaatsen}}"),
    (Word::Plural, "plural", 3, 3, "{{plural zetels \"zetel\" \"zetels\"}}"),
    (Word::Eq, "eq", 2, 2, "{{#if (eq a b)}}"),
    (Word::Ne, "ne", 2, 2, "{{#if (ne a b)}}"),
    (Word::Lt, "lt", 2, 2, "{{#if (lt a 10)}}"),
    (Word::Lte, "lte", 2, 2, "{{#if (lte a 10)}}"),
    (Word::Gt, "gt", 2, 2, "{{#if (gt a 10)}}"),
    (Word::Gte, "gte", 2, 2, "{{#if (gte a 10)}}"),
    (Word::And, "and", 2, 9, "{{#if (and a b)}}"),
    (Word::Or, "or", 2, 9, "{{#if (or a b)}}"),
    (Word::Not, "not", 1, 1, "{{#if (not a)}}"),
    (Word::Len, "len", 1, 1, "{{len plaatsen}}"),
];

const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

fn word(name: &str) -> Option<&'static (Word, &'static str, usize, usize, &'static str)> {
    WORDS.iter().find(|word| word.1 == name)
}

/// Returns whether a name in a letter is never that of a column.
pub(super) fn means_something_else(name: &str) -> bool {
    matches!(name, "this" | "today" | "sender" | "campaign" | "true" | "false" | "null")
}

fn truth(word: Word) -> bool {
    use Word::{And, Eq, Gt, Gte, Lt, Lte, Ne, Not, Or};
    matches!(word, Eq | Ne | Lt | Lte | Gt | Gte | And | Or | Not)
}

/// Returns the nearest of the names, if it is near enough to be meant.
pub(super) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    names
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| {
            // Two slips in a short name still count when it begins alike: `nmae` is `naam`.
            let alike = length >= 4 && known.chars().next() == name.chars().next();
            *distance <= (length / 3).clamp(if alike { 2 } else { 1 }, 3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What a name stands for.
enum Named {
    Value(Expr),
    /// `sender`, `campaign`, or everything.
    Group(This),
}

/// What `this` is.
#[derive(Clone, Debug)]
enum This {
    Everything,
    Sender,
    Campaign,
    Value(Expr),
}

struct Scope {
    this: This,
    /// `@index`, `@first` and `@last` are of this loop.
    level: Option<usize>,
    names: Vec<(String, Expr)>,
}

/// Walks templates and resolves them.
pub(super) struct Resolver<'a> {
    pub(super) letter: &'a LetterSource,
    pub(super) definition: &'a Definition,
    pub(super) columns: &'a [String],
    pub(super) problems: &'a mut Problems,
    /// The columns that are used, in the order of their first use.
    pub(super) used: Vec<String>,
    /// The fields of sender and campaign that are used, likewise.
    pub(super) own: Vec<String>,
    scopes: Vec<Scope>,
    including: Vec<String>,
    levels: usize,
    nodes: usize,
    nodes_of_all: usize,
    too_large: bool,
    said: HashSet<String>,
    /// The partials that were put in place, or may be.
    pub(super) included: BTreeSet<String>,
    /// Whether the letter follows another.
    later: bool,
    /// Whether this is the first letter, within another.
    quoting: bool,
    /// Whether this is the letter itself, as against its subject or the name of a file.
    pub(super) in_body: bool,
    /// Whether only what stands in the row is known: which files go along is settled before the letter is queued.
    pub(super) only_the_row: bool,
}

/// The first letter, in one that follows it.
const QUOTE: &str = "quote";

impl<'a> Resolver<'a> {
    pub(super) fn new(
        letter: &'a LetterSource,
        definition: &'a Definition,
        columns: &'a [String],
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            letter,
            definition,
            columns,
            problems,
            used: Vec::new(),
            own: Vec::new(),
            scopes: Vec::new(),
            including: vec![letter.name.trim_end_matches(".html").to_owned()],
            levels: 0,
            nodes: 0,
            nodes_of_all: 0,
            too_large: false,
            said: HashSet::new(),
            included: BTreeSet::new(),
            later: definition.is_later(letter),
            quoting: false,
            in_body: false,
            only_the_row: false,
        }
    }

    /// Resolves one source from the top.
    pub(super) fn resolve(&mut self, source: &Source<'_>) -> Vec<Node> {
        let Some(template) = self.parse(source) else { return Vec::new() };
        self.scopes = vec![Scope { this: This::Everything, level: None, names: Vec::new() }];
        self.template(&template, source, (1, 1))
    }

    /// Says a problem once, however often its partial is included.
    fn problem(&mut self, problem: Problem) {
        // What is wrong with the first letter is told with it; that it is too large is the fault of the one that quotes it.
        if self.quoting && problem.name != "too-large" {
            return;
        }
        if self.said.insert(problem.to_string()) {
            self.problems.push(problem);
        }
    }

    fn parse(&mut self, source: &Source<'_>) -> Option<Template> {
        match Template::compile(source.text) {
            Ok(template) => Some(template),
            Err(error) => {
                let (line, column) = error.pos().unwrap_or((1, 1));
                let tag = source
                    .tags
                    .iter()
                    .rev()
                    .find(|tag| (tag.line, tag.column) <= (line, column))
                    .map(|tag| shown(&source.text[tag.start..tag.end]));
                let said = match (error.reason(), tag) {
                    (TemplateErrorReason::InvalidParam(text), _) => {
                        format!("`{}` cannot be read as a value", shown(text))
                    }
                    (_, Some(tag)) => format!("`{tag}` cannot be read"),
                    (_, None) => "this template cannot be read".to_owned(),
                };
                self.problem(
                    Problem::error("syntax", source.place(line, column), said).hint(
                        "write a field as `{{naam}}`, a word with its values as `{{date datum}}`, texts in double quotes",
                    ),
                );
                None
            }
        }
    }

    fn template(&mut self, template: &Template, source: &Source<'_>, outer: (usize, usize)) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(template.elements.len());
        for (index, element) in template.elements.iter().enumerate() {
            self.nodes += 1;
            self.nodes_of_all += 1;
            if self.too_large {
                return nodes;
            }
            if self.nodes > MOST_NODES || self.nodes_of_all > MOST_NODES_OF_ALL {
                self.too_large = true;
                let most = if self.nodes > MOST_NODES { MOST_NODES } else { MOST_NODES_OF_ALL };
                self.problem(
                    Problem::error(
                        "too-large",
                        Place::file(&source.file),
                        format!("the letter has more than {most} parts with its partials in place"),
                    )
                    .hint("does a partial include others many times over?"),
                );
                return nodes;
            }
            // The elements of an `{{else if}}` have no place of their own: `locate` finds it from the block's.
            let at = template.mapping.get(index).map_or(outer, |mapping| (mapping.0, mapping.1));
            match element {
                TemplateElement::RawString(text) => nodes.push(Node::Text(text.clone())),
                TemplateElement::Comment(_) => {}
                TemplateElement::Expression(helper) => nodes.extend(self.put(helper, source, at)),
                TemplateElement::HelperBlock(helper) => nodes.extend(self.block(helper, source, at)),
                TemplateElement::PartialExpression(partial) => {
                    nodes.extend(self.partial(partial, source, at))
                }
                // `Source::read` has refused these with better sentences; whatever the parser may learn to read
                // later is refused as well.
                _ => self.problem(Problem::error(
                    "not-supported",
                    source.place(at.0, at.1),
                    "this is not part of the language of letters",
                )),
            }
        }
        nodes
    }

    fn put(&mut self, helper: &HelperTemplate, source: &Source<'_>, at: (usize, usize)) -> Option<Node> {
        let said = said(&helper.name, &helper.params);
        let bare = helper.params.is_empty() && helper.hash.is_empty();
        if bare && said == QUOTE && !self.columns.iter().any(|column| column == QUOTE) {
            return self.quote(source, at);
        }
        let expr =
            if bare { self.parameter(&helper.name, source, at)? } else { self.call(helper, source, at)? };
        let word = raw(&helper.params.first().unwrap_or(&helper.name).clone());
        let place = Arc::new(source.locate(at.0, at.1, &word));
        let may_be_empty = excused(&expr);
        Some(Node::Put(Put { expr, said: said.into(), place, may_be_empty }))
    }

    /// Resolves `{{quote}}`: the body of the first letter, with its own parts.
    fn quote(&mut self, source: &Source<'_>, at: (usize, usize)) -> Option<Node> {
        let place = source.locate(at.0, at.1, QUOTE);
        let first = &self.definition.steps.first().filter(|first| first.name != self.letter.name);
        let refusal = match first {
            _ if !self.later => Some(("nothing-to-quote", "only a letter that follows another can quote it")),
            None => Some(("nothing-to-quote", "only a letter that follows another can quote it")),
            Some(_) if self.levels > 0 || self.including.len() > 1 || self.quoting || !self.in_body => {
                Some((
                    "quote-in-part",
                    "`{{quote}}` stands in the letter itself, outside loops, parts and subject",
                ))
            }
            Some(first) if self.letter.is_html() && !first.is_html() => {
                Some(("quote-in-a-page", "a letter that is HTML cannot quote one that is Markdown"))
            }
            Some(_) => None,
        };
        if let Some((name, said)) = refusal {
            let hint = match name {
                "quote-in-a-page" => "write this letter in Markdown as well",
                "quote-in-part" => "write it in a line of its own, mostly at the end",
                _ => "take it away",
            };
            self.problem(Problem::error(name, place, said).hint(hint));
            return None;
        }
        let first: &'a LetterSource = self.definition.steps.first()?;
        let (file, text) = (first.file(), normal(&first.text));
        let front = FrontMatter::read(&file, &text, first.is_html(), &mut Problems::default())?;
        let body = Source::read(&file, front.body, front.body_line, 0, &mut Problems::default())?;
        let as_what = match (first.is_html(), self.letter.is_html()) {
            (false, _) => Quotation::Markdown,
            (true, true) => Quotation::Page,
            (true, false) => Quotation::TextOfPage,
        };
        let name = first.name.trim_end_matches(".html").to_owned();
        let letter = std::mem::replace(&mut self.letter, first);
        let including = std::mem::replace(&mut self.including, vec![name]);
        let (scopes, included) = (std::mem::take(&mut self.scopes), self.included.clone());
        self.quoting = true;
        let nodes = self.resolve(&body);
        self.quoting = false;
        (self.letter, self.including, self.scopes, self.included) = (letter, including, scopes, included);
        Some(Node::Quote(as_what, nodes))
    }

    fn block(&mut self, helper: &HelperTemplate, source: &Source<'_>, at: (usize, usize)) -> Option<Node> {
        let name = raw(&helper.name);
        let compared = word(&name).filter(|word| truth(word.0));
        if compared.is_none() && !BLOCKS.contains(&name.as_str()) {
            let mut problem = Problem::error(
                "unknown-block",
                source.locate(at.0, at.1, &name),
                format!("there is no block `{name}`"),
            );
            if let Some(meant) = nearest(&name, BLOCKS) {
                problem = problem.hint(format!("did you mean `{{{{#{meant} …}}}}`?"));
            } else if self.columns.contains(&name) {
                problem = problem.hint(format!("write `{{{{#if {name}}}}}`"));
            } else {
                problem = problem.hint(format!("there are {}", listed(&BLOCKS)));
            }
            self.problem(problem);
            return None;
        }
        if compared.is_some() {
            let test = self.call(helper, source, at);
            let yes = self.branch(helper.template.as_ref(), source, at);
            let no = self.branch(helper.inverse.as_ref(), source, at);
            return Some(Node::If { test: test?, yes, no });
        }
        self.no_hash(helper, &name, source, at);
        let [parameter] = helper.params.as_slice() else {
            self.problem(Problem::error(
                "wrong-parameters",
                source.locate(at.0, at.1, &name),
                format!("`{{{{#{name}}}}}` takes one value"),
            ));
            return None;
        };
        if helper.block_param.is_some() && matches!(name.as_str(), "if" | "unless") {
            self.problem(Problem::error(
                "wrong-parameters",
                source.locate(at.0, at.1, &name),
                format!("`{{{{#{name}}}}}` gives no names"),
            ));
        }
        if name == "with" {
            return self.with(helper, parameter, source, at);
        }
        let value = self.parameter(parameter, source, at);
        if name == "each" {
            return self.each(helper, value, source, at);
        }
        let yes = self.branch(helper.template.as_ref(), source, at);
        let no = self.branch(helper.inverse.as_ref(), source, at);
        let test = value?;
        Some(if name == "if" { Node::If { test, yes, no } } else { Node::If { test, yes: no, no: yes } })
    }

    fn each(
        &mut self,
        helper: &HelperTemplate,
        value: Option<Expr>,
        source: &Source<'_>,
        at: (usize, usize),
    ) -> Option<Node> {
        let level = self.levels;
        let names = match &helper.block_param {
            None => Vec::new(),
            Some(BlockParam::Single(item)) => vec![(raw(item), Expr::Item(level))],
            Some(BlockParam::Pair((item, index))) => {
                vec![(raw(item), Expr::Item(level)), (raw(index), Expr::Index(level))]
            }
            Some(_) => Vec::new(),
        };
        self.levels += 1;
        self.scopes.push(Scope { this: This::Value(Expr::Item(level)), level: Some(level), names });
        let yes = self.branch(helper.template.as_ref(), source, at);
        self.scopes.pop();
        self.levels -= 1;
        let no = self.branch(helper.inverse.as_ref(), source, at);
        Some(Node::Each { over: value?, level, yes, no })
    }

    fn with(
        &mut self,
        helper: &HelperTemplate,
        parameter: &Parameter,
        source: &Source<'_>,
        at: (usize, usize),
    ) -> Option<Node> {
        let this = match parameter {
            Parameter::Path(path) => match self.path(path, source, at)? {
                Named::Group(group) => group,
                Named::Value(expr) => This::Value(expr),
            },
            other => This::Value(self.parameter(other, source, at)?),
        };
        let test = match &this {
            This::Value(expr) => expr.clone(),
            _ => Expr::Bool(true),
        };
        let names = match (&helper.block_param, &this) {
            (Some(BlockParam::Single(name)), This::Value(expr)) => vec![(raw(name), expr.clone())],
            _ => Vec::new(),
        };
        self.scopes.push(Scope { this, level: None, names });
        let yes = self.branch(helper.template.as_ref(), source, at);
        self.scopes.pop();
        let no = self.branch(helper.inverse.as_ref(), source, at);
        Some(Node::If { test, yes, no })
    }

    fn branch(&mut self, template: Option<&Template>, source: &Source<'_>, at: (usize, usize)) -> Vec<Node> {
        template.map(|template| self.template(template, source, at)).unwrap_or_default()
    }

    fn partial(&mut self, partial: &DecoratorTemplate, source: &Source<'_>, at: (usize, usize)) -> Vec<Node> {
        let name = raw(&partial.name);
        if name.ends_with('/') && matches!(partial.name, Parameter::Name(_)) {
            return self.among(&name, partial, source, at).into_iter().collect();
        }
        let place = source.locate(at.0, at.1, &name);
        let known = matches!(partial.name, Parameter::Name(_)) && self.letter.partials.contains_key(&name);
        if !known {
            let mut problem = self.no_partial(&name, place);
            // `{{> partij [afkorting]}}` wants a file of the folder.
            let folder = format!("{name}/");
            if self.letter.partials.keys().any(|known| known.starts_with(&folder)) {
                let field = partial.params.first().map_or_else(|| "afkorting".to_owned(), raw);
                let field = field.trim_matches(['[', ']']);
                problem = problem.hint(format!("did you mean `{{{{> {folder}[{field}]}}}}`?"));
            }
            self.problem(problem);
            return Vec::new();
        }
        let names = self.names(partial, source, at, &[]);
        let this = match partial.params.as_slice() {
            [] => self.scopes.last().map_or(This::Everything, |scope| scope.this.clone()),
            [Parameter::Path(path)] => match self.path(path, source, at) {
                Some(Named::Group(group)) => group,
                Some(Named::Value(expr)) => This::Value(expr),
                None => return Vec::new(),
            },
            _ => {
                self.problem(Problem::error(
                    "wrong-parameters",
                    place,
                    "a partial takes at most one field, and values as `name=value`",
                ));
                return Vec::new();
            }
        };
        let level = self.scopes.last().and_then(|scope| scope.level);
        let mut nodes = self.file(&name, Scope { this, level, names }, place);
        if let Some(indent) = standing_alone(source, at) {
            indent_lines(&mut nodes, &indent, &mut true);
        }
        nodes
    }

    /// Resolves `{{> partij/[afkorting]}}`: every file of the folder is checked now, and a row chooses one of them.
    fn among(
        &mut self,
        folder: &str,
        partial: &DecoratorTemplate,
        source: &Source<'_>,
        at: (usize, usize),
    ) -> Option<Node> {
        let place = source.locate(at.0, at.1, folder);
        let [by] = partial.params.as_slice() else {
            self.problem(
                Problem::error(
                    "wrong-parameters",
                    place,
                    format!("`{folder}` takes one field, which names the file"),
                )
                .hint(format!("write `{{{{> {folder}[afkorting]}}}}`")),
            );
            return None;
        };
        let files: Vec<String> =
            self.letter.partials.keys().filter(|name| within(name, folder)).cloned().collect();
        if files.is_empty() {
            let said = format!("there is no file in `templates/{folder}`");
            self.problem(Problem::error("unknown-partial", place.clone(), said));
        }
        let expr = self.parameter(by, source, at);
        let names = self.names(partial, source, at, &["default", "optional"]);
        let scope = |this: &Self| Scope {
            this: this.scopes.last().map_or(This::Everything, |scope| scope.this.clone()),
            level: this.scopes.last().and_then(|scope| scope.level),
            names: names.clone(),
        };
        let indent = standing_alone(source, at);
        let (before, mut most) = (self.nodes, self.nodes);
        let mut resolved = |this: &mut Self, name: &str| {
            // A letter has one of them and not all.
            this.nodes = before;
            let scope = scope(this);
            let mut nodes = this.file(name, scope, place.clone());
            if let Some(indent) = &indent {
                indent_lines(&mut nodes, indent, &mut true);
            }
            most = most.max(this.nodes);
            nodes
        };
        let files = files.into_iter();
        let files = files.map(|name| (name[folder.len()..].into(), resolved(self, &name))).collect();
        let otherwise = match (partial.hash.get("default"), partial.hash.get("optional")) {
            (None, None) => Ok(None),
            (Some(Parameter::Literal(Json::String(name))), None) => {
                if self.letter.partials.contains_key(name) {
                    Ok(Some(resolved(self, name)))
                } else {
                    Err(self.no_partial(name, source.locate(at.0, at.1, name)))
                }
            }
            (None, Some(Parameter::Literal(Json::Bool(optional)))) => Ok(optional.then(Vec::new)),
            _ => Err(Problem::error(
                "wrong-parameters",
                place.clone(),
                "`default` is the name of a file in double quotes, `optional` is `true`, and one of them is enough",
            )
            .hint(format!("write `{{{{> {folder}[afkorting] default=\"{folder}anders\"}}}}`"))),
        };
        self.nodes = most;
        let otherwise = match otherwise {
            Ok(otherwise) => otherwise,
            Err(problem) => {
                self.problem(problem);
                return None;
            }
        };
        let ending = if self.letter.is_html() { ".html" } else { ".md" };
        let said = raw(by);
        let place = Arc::new(source.locate(at.0, at.1, &said));
        let said: Arc<str> = said.trim_matches(['[', ']']).into();
        let by = Put { expr: expr?, said, place, may_be_empty: otherwise.is_some() };
        Some(Node::Among(Box::new(Among { by, folder: folder.into(), ending, files, otherwise })))
    }

    fn no_partial(&self, name: &str, place: Place) -> Problem {
        let said = if name == self.letter.name.trim_end_matches(".html") {
            "the letter includes itself".to_owned()
        } else {
            format!("there is no `{}`", self.letter.file_of(name))
        };
        let problem = Problem::error("unknown-partial", place, said);
        match nearest(name, self.letter.partials.keys().map(String::as_str)) {
            Some(meant) => problem.hint(format!("did you mean `{{{{> {meant}}}}}`?")),
            None => problem,
        }
    }

    /// Resolves the values that a tag gives names to, those excepted that mean something else.
    fn names(
        &mut self,
        partial: &DecoratorTemplate,
        source: &Source<'_>,
        at: (usize, usize),
        except: &[&str],
    ) -> Vec<(String, Expr)> {
        let mut sorted: Vec<_> =
            partial.hash.iter().filter(|(name, _)| !except.contains(&name.as_str())).collect();
        sorted.sort_by_key(|(name, _)| name.as_str());
        let mut names = Vec::new();
        for (name, value) in sorted {
            if let Some(expr) = self.parameter(value, source, at) {
                names.push((name.clone(), expr));
            }
        }
        names
    }

    /// Resolves a file that is there, for the place where it is put in.
    fn file(&mut self, name: &str, scope: Scope, place: Place) -> Vec<Node> {
        let Some(text) = self.letter.partials.get(name) else { return Vec::new() };
        if self.including.iter().any(|including| including == name) {
            let round =
                self.including.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("` → `");
            self.problem(Problem::error(
                "partial-cycle",
                place,
                format!("partials include each other: `{round}`"),
            ));
            return Vec::new();
        }
        if self.including.len() > DEEPEST {
            self.problem(Problem::error(
                "too-deep",
                place,
                format!("partials nest more than {DEEPEST} deep"),
            ));
            return Vec::new();
        }
        if text.starts_with("+++") {
            self.problem(
                Problem::error(
                    "unknown-partial",
                    place,
                    format!("`{}` is a letter, not a part of one", self.letter.file_of(name)),
                )
                .hint("a part has no front matter between `+++` lines"),
            );
            return Vec::new();
        }
        self.included.insert(name.to_owned());
        let text = normal(text);
        let file = self.letter.file_of(name);
        let mut found = Problems::default();
        let inner = Source::read(&file, &text, 0, 0, &mut found);
        found.sorted().into_iter().for_each(|problem| self.problem(problem.clone()));
        let Some(inner) = inner else { return Vec::new() };
        let Some(template) = self.parse(&inner) else { return Vec::new() };
        self.scopes.push(scope);
        self.including.push(name.to_owned());
        let nodes = self.template(&template, &inner, (1, 1));
        self.including.pop();
        self.scopes.pop();
        nodes
    }

    fn no_hash(&mut self, helper: &HelperTemplate, name: &str, source: &Source<'_>, at: (usize, usize)) {
        let mut given: Vec<_> = helper.hash.iter().collect();
        given.sort_by_key(|(key, _)| key.as_str());
        for (key, value) in given {
            let place = source.locate(at.0, at.1, name);
            self.problem(Problem::error("wrong-parameters", place, format!("`{name}` takes no `{key}=`")));
            let _ = self.parameter(value, source, at);
        }
    }

    fn call(&mut self, helper: &HelperTemplate, source: &Source<'_>, at: (usize, usize)) -> Option<Expr> {
        let name = raw(&helper.name);
        let known = word(&name);
        if known.is_none() {
            let mut problem = Problem::error(
                "unknown-helper",
                source.locate(at.0, at.1, &name),
                format!("`{name}` is no word of the language of letters"),
            );
            // `{{Naam partij}}` is read as the word `Naam` with the value `partij`.
            let joined = super::headings::normalised(&said(&helper.name, &helper.params));
            if self.columns.contains(&joined) {
                problem = problem.hint(format!("did you mean `{{{{{joined}}}}}`?"));
            } else if let Some(meant) = nearest(&name, WORDS.iter().map(|word| word.1).chain(BLOCKS)) {
                problem = problem.hint(format!("did you mean `{meant}`?"));
            } else {
                problem = problem.hint(format!("the words are {}", listed(&WORDS.map(|word| word.1))));
            }
            self.problem(problem);
        }
        self.no_hash(helper, &name, source, at);
        let given: Vec<Option<Expr>> =
            helper.params.iter().map(|parameter| self.parameter(parameter, source, at)).collect();
        let (word, name, fewest, most, example) = known?;
        if given.len() < *fewest || given.len() > *most {
            self.problem(
                Problem::error(
                    "wrong-parameters",
                    source.locate(at.0, at.1, name),
                    format!("`{name}` is given {} values and takes {}", given.len(), counts(*fewest, *most)),
                )
                .hint(format!("write `{example}`")),
            );
            return None;
        }
        let given: Vec<Expr> = given.into_iter().collect::<Option<_>>()?;
        if matches!(word, Word::Date | Word::List) && Tongue::of(&self.definition.language).is_none() {
            self.problem(
                Problem::error(
                    "unknown-language",
                    source.locate(at.0, at.1, name),
                    format!("`{name}` cannot write the language `{}`", self.definition.language),
                )
                .hint("it writes `nl`, `en`, `de` and `fr`"),
            );
            return None;
        }
        Some(Expr::Call(*word, given))
    }

    fn parameter(&mut self, parameter: &Parameter, source: &Source<'_>, at: (usize, usize)) -> Option<Expr> {
        match parameter {
            Parameter::Path(path) => match self.path(path, source, at)? {
                Named::Value(expr) => Some(expr),
                Named::Group(_) => {
                    let name = raw(parameter);
                    let place = source.locate(at.0, at.1, &name);
                    let example = if name.ends_with("campaign") { "campaign.name" } else { "sender.name" };
                    self.problem(
                        Problem::error("unknown-field", place, format!("`{name}` is a group of fields"))
                            .hint(format!("name one of them, as in `{{{{{example}}}}}`")),
                    );
                    None
                }
            },
            Parameter::Literal(json) => {
                let value = literal(json);
                if value.is_none() {
                    self.problem(
                        Problem::error(
                            "not-supported",
                            source.place(at.0, at.1),
                            "a value in braces is not part of the language of letters",
                        )
                        .hint("write a field, a number, or a text in double quotes"),
                    );
                }
                value
            }
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(helper) if helper.params.is_empty() && helper.hash.is_empty() => {
                    self.parameter(&helper.name, source, at)
                }
                TemplateElement::Expression(helper) => self.call(helper, source, at),
                _ => None,
            },
            Parameter::Name(name) => {
                self.path(&Path::parse(name).ok()?, source, at).and_then(|named| match named {
                    Named::Value(expr) => Some(expr),
                    Named::Group(_) => None,
                })
            }
            // A kind of parameter that the parser may learn later.
            _ => {
                self.problem(Problem::error(
                    "not-supported",
                    source.place(at.0, at.1),
                    "this is not part of the language of letters",
                ));
                None
            }
        }
    }

    /// Resolves a path: `naam`, `sender.phone`, `../naam`, `this`, `@index`, `@root.naam`, `[Naam partij]`.
    fn path(&mut self, path: &Path, source: &Source<'_>, at: (usize, usize)) -> Option<Named> {
        let raw = match path {
            Path::Relative((_, raw)) | Path::Local((_, _, raw)) => raw.as_str(),
        };
        let place = source.locate(at.0, at.1, raw);
        if let Path::Local((up, name, _)) = path {
            let scope = self.scopes.len().checked_sub(1 + up).and_then(|at| self.scopes.get(at));
            let level = scope.and_then(|scope| scope.level);
            return match (level, name.as_str()) {
                (Some(level), "index") => Some(Named::Value(Expr::Index(level))),
                (Some(level), "first") => Some(Named::Value(Expr::First(level))),
                (Some(level), "last") => Some(Named::Value(Expr::Last(level))),
                _ => {
                    self.problem(
                        Problem::error("unknown-field", place, format!("`{raw}` means nothing here"))
                            .hint("`@index`, `@first` and `@last` stand directly in an `{{#each}}`"),
                    );
                    None
                }
            };
        }
        let (root, segments) = segments(raw);
        let up = segments.iter().take_while(|segment| *segment == "..").count();
        let names = &segments[up..];
        if let (false, 0, Some(first)) = (root, up, names.first()) {
            let found =
                self.scopes.iter().rev().flat_map(|scope| &scope.names).find(|(name, _)| name == first);
            if let Some((_, expr)) = found {
                if names.len() == 1 {
                    return Some(Named::Value(expr.clone()));
                }
                self.problem(Problem::error("unknown-field", place, format!("`{first}` has no fields")));
                return None;
            }
        }
        let this = if root {
            This::Everything
        } else if let Some(scope) = self.scopes.len().checked_sub(1 + up).and_then(|at| self.scopes.get(at)) {
            scope.this.clone()
        } else {
            let inner = names.join(".");
            self.problem(
                Problem::error("unknown-field", place, format!("`{raw}` reaches out of the letter"))
                    .hint(format!("write `{{{{{inner}}}}}`")),
            );
            return None;
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = match (&this, names.as_slice()) {
            (this, []) => match this {
                This::Value(expr) => Some(Named::Value(expr.clone())),
                group => Some(Named::Group(group.clone())),
            },
            (This::Everything, ["sender"]) => Some(Named::Group(This::Sender)),
            (This::Everything, ["campaign"]) => Some(Named::Group(This::Campaign)),
            (This::Everything, ["today"]) => Some(Named::Value(Expr::Today)),
            (This::Everything, ["sender", name]) | (This::Sender, [name]) => {
                self.sender(name).map(Named::Value)
            }
            (This::Everything, ["campaign", name]) | (This::Campaign, [name]) => {
                self.campaign(name).map(Named::Value)
            }
            (This::Everything, [name]) => self.column(name).map(|column| Named::Value(Expr::Column(column))),
            _ => None,
        };
        if found.is_none() {
            let problem = self.unknown(raw, &this, &names, place);
            self.problem(problem);
        }
        found
    }

    fn unknown(&self, raw: &str, this: &This, names: &[&str], place: Place) -> Problem {
        let sender = self.sender_names();
        let name = names.last().copied().unwrap_or(raw);
        if let This::Value(_) = this {
            let problem =
                Problem::error("unknown-field", place, format!("`{raw}` names nothing in this block"));
            return if self.columns.iter().any(|column| column == raw) || names.first() == Some(&"sender") {
                problem.hint(format!("write `{{{{@root.{raw}}}}}` for the field of the recipient or sender"))
            } else {
                problem.hint("`{{this}}` is the item")
            };
        }
        if matches!(this, This::Sender) || names.first() == Some(&"sender") && names.len() > 1 {
            let problem = Problem::error("unknown-field", place, format!("`{raw}` is no key of `[sender]`"));
            return match nearest(name, sender.iter().map(String::as_str)) {
                Some(meant) => problem.hint(format!("did you mean `sender.{meant}`?")),
                None => problem.hint("add it to `[sender]` in config.toml"),
            };
        }
        if matches!(this, This::Campaign) || names.first() == Some(&"campaign") && names.len() > 1 {
            return Problem::error("unknown-field", place, format!("`{raw}` is no field of the campaign"))
                .hint("there are `campaign.name` and `campaign.language`");
        }
        if let [first, _, ..] = names
            && self.columns.iter().any(|column| column == first)
        {
            return Problem::error(
                "unknown-field",
                place,
                format!("`{first}` is a column and has no fields"),
            )
            .hint(format!("write `{{{{{first}}}}}`"));
        }
        let problem = Problem::error("unknown-field", place, format!("`{raw}` names no column"));
        let own = super::headings::normalised(raw);
        if own != raw && self.columns.contains(&own) {
            return problem.hint(format!("write `{{{{{own}}}}}`"));
        }
        if sender.iter().any(|known| known == raw) {
            return problem.hint(format!("did you mean `sender.{raw}`?"));
        }
        match nearest(
            name,
            self.columns
                .iter()
                .map(String::as_str)
                .chain(["today", "sender.name", "campaign.name"])
                .chain(self.later.then_some(QUOTE)),
        ) {
            _ if !self.later && (FURTHER_FIELDS.contains(&raw) || raw == QUOTE) => {
                problem.hint("only a letter that follows another has it")
            }
            _ if self.only_the_row && FURTHER_FIELDS.contains(&raw) => problem
                .hint("which files go along is settled before the letter is due; name them by the row alone"),
            Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
            None if word(raw).is_some() => problem.hint(format!("`{raw}` is a word that takes values")),
            None if self.columns.is_empty() => problem,
            None => problem.hint(format!(
                "the columns are {}",
                listed(&self.columns.iter().map(String::as_str).take(12).collect::<Vec<_>>())
            )),
        }
    }

    fn column(&mut self, name: &str) -> Option<usize> {
        if !self.columns.iter().any(|column| column == name) {
            return None;
        }
        Some(self.used.iter().position(|used| used == name).unwrap_or_else(|| {
            self.used.push(name.to_owned());
            self.used.len() - 1
        }))
    }

    fn own(&mut self, name: String, text: String) -> Expr {
        let number = self.own.iter().position(|own| *own == name).unwrap_or_else(|| {
            self.own.push(name);
            self.own.len() - 1
        });
        Expr::Own(text.into(), number)
    }

    fn sender(&mut self, name: &str) -> Option<Expr> {
        let sender = &self.definition.sender;
        let text = match name {
            "name" => sender.from.name.clone().unwrap_or_default(),
            "address" => sender.from.address.to_string(),
            "reply_to" => sender.reply_to.as_ref().unwrap_or(&sender.from).address.to_string(),
            other => sender.fields.get(other)?.clone(),
        };
        Some(self.own(format!("sender.{name}"), text))
    }

    fn sender_names(&self) -> Vec<String> {
        let own = ["name", "address", "reply_to"].into_iter().map(str::to_owned);
        own.chain(self.definition.sender.fields.keys().cloned()).collect()
    }

    fn campaign(&mut self, name: &str) -> Option<Expr> {
        let text = match name {
            "name" => self.definition.name.clone(),
            "language" => self.definition.language.clone(),
            _ => return None,
        };
        Some(self.own(format!("campaign.{name}"), text))
    }
}

/// Returns whether a partial stands in a folder itself, and in none below it.
pub(super) fn within(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|file| !file.is_empty() && !file.contains('/'))
}

/// Makes every line break LF.
pub(super) fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Returns whether the author has said that this may be empty.
fn excused(expr: &Expr) -> bool {
    match expr {
        Expr::Call(Word::Optional | Word::Default, _) => true,
        Expr::Call(_, given) => given.iter().any(excused),
        _ => false,
    }
}

fn literal(json: &Json) -> Option<Expr> {
    Some(match json {
        Json::Null => Expr::Nothing,
        Json::Bool(bool) => Expr::Bool(*bool),
        Json::Number(number) => Expr::Number(number.as_f64()?),
        Json::String(text) => Expr::Fixed(text.as_str().into()),
        Json::Array(items) => Expr::Several(items.iter().map(literal).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}

/// Returns a parameter as it was written, as far as it is a name.
fn raw(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Subexpression(inner) => match inner.as_element() {
            TemplateElement::Expression(helper) => raw(helper.params.first().unwrap_or(&helper.name)),
            _ => String::new(),
        },
        other => other.as_name().unwrap_or_default().to_owned(),
    }
}

/// Says a tag's value: its name and the names of its parameters.
fn said(name: &Parameter, params: &[Parameter]) -> String {
    let mut said = raw(name);
    for parameter in params {
        let inner = raw(parameter);
        if !inner.is_empty() {
            said.push(' ');
            said.push_str(&inner);
        }
    }
    said
}

fn segments(raw: &str) -> (bool, Vec<String>) {
    let mut segments: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut bracketed = false;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' if !bracketed => bracketed = true,
            ']' if bracketed => bracketed = false,
            '.' if !bracketed && current.is_empty() && chars.peek() == Some(&'.') => {
                chars.next();
                current.push_str("..");
            }
            '.' | '/' if !bracketed => {
                segments.extend(Some(std::mem::take(&mut current)).filter(|s| !s.is_empty()))
            }
            c => current.push(c),
        }
    }
    segments.extend(Some(current).filter(|segment| !segment.is_empty()));
    let root = segments.first().is_some_and(|first| first == "@root");
    segments.retain(|segment| segment != "this" && segment != "@root");
    (root, segments)
}

/// Returns the blanks before a tag that has its line for itself.
fn standing_alone(source: &Source<'_>, at: (usize, usize)) -> Option<String> {
    let tag = source.tags.iter().find(|tag| tag.kind == Kind::Partial && (tag.line, tag.column) == at)?;
    let before = source.text[..tag.start].rsplit('\n').next().unwrap_or("");
    let after = source.text[tag.end..].split('\n').next().unwrap_or("");
    let blank = |text: &str| text.chars().all(|c| c == ' ' || c == '\t');
    (blank(before) && blank(after) && !before.is_empty()).then(|| before.to_owned())
}

/// Indents every line of a partial as its tag was, so that it stays within a list's item.
fn indent_lines(nodes: &mut [Node], indent: &str, line_start: &mut bool) {
    for node in nodes {
        match node {
            Node::Text(text) => {
                let mut indented = String::with_capacity(text.len() + 16);
                for line in text.split_inclusive('\n') {
                    if *line_start && line != "\n" {
                        indented.push_str(indent);
                    }
                    indented.push_str(line);
                    *line_start = line.ends_with('\n');
                }
                *text = indented;
            }
            Node::Put(_) => *line_start = false,
            Node::If { yes, no, .. } | Node::Each { yes, no, .. } => {
                let (mut in_yes, mut in_no) = (*line_start, *line_start);
                indent_lines(yes, indent, &mut in_yes);
                indent_lines(no, indent, &mut in_no);
                *line_start = in_yes && in_no;
            }
            Node::Among(among) => {
                let (begins, mut all) = (*line_start, true);
                for nodes in among.files.iter_mut().map(|(_, nodes)| nodes).chain(&mut among.otherwise) {
                    let mut within = begins;
                    indent_lines(nodes, indent, &mut within);
                    all &= within;
                }
                *line_start = all;
            }
            // It makes lines of its own.
            Node::Quote(..) => *line_start = true,
        }
    }
}

fn counts(fewest: usize, most: usize) -> String {
    if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") }
}

pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => format!("`{}` and `{last}`", most.join("`, `")),
    }
}
