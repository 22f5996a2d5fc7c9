//! ABNF (RFC 5234, with the `%s` of RFC 7405), as far as `grammars/envelope.abnf` uses it: read, and made into texts.

use std::collections::{BTreeMap, BTreeSet};

use super::common::Dice;

/// The rules that RFC 5234 has for everybody, as far as they are used.
const CORE: &str = "
ALPHA  = %x41-5A / %x61-7A
DIGIT  = %x30-39
HEXDIG = DIGIT / \"A\" / \"B\" / \"C\" / \"D\" / \"E\" / \"F\"
SP     = %x20
CR     = %x0D
";

/// What stands on the right of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// One of these.
    Either(Vec<Node>),
    /// All of these, in this order.
    Each(Vec<Node>),
    /// So many times at least, and at most if there is a most.
    Times(usize, Option<usize>, Box<Node>),
    /// These bytes, letters in any case if so.
    Text(Vec<u8>, bool),
    /// One byte from the first to the last.
    Range(u8, u8),
    /// Another rule.
    Rule(String),
}

/// The rules of a grammar.
#[derive(Debug)]
pub(crate) struct Abnf {
    pub(crate) rules: BTreeMap<String, Node>,
    /// Rules with a comment that sets a limit which ABNF cannot say.
    pub(crate) limited: BTreeSet<String>,
}

impl Abnf {
    /// Reads a grammar. Panics where it is none: it is a file of the project.
    pub(crate) fn read(text: &str) -> Abnf {
        let mut abnf = Abnf { rules: BTreeMap::new(), limited: BTreeSet::new() };
        abnf.add(CORE);
        abnf.add(text);
        let known: BTreeSet<&String> = abnf.rules.keys().collect();
        for (name, node) in &abnf.rules {
            let unknown: Vec<_> = names(node).into_iter().filter(|n| !known.contains(n)).collect();
            assert!(unknown.is_empty(), "the rule {name} names {unknown:?}, which are not there");
        }
        abnf
    }

    /// A rule begins at the margin; what is indented goes on with it.
    fn add(&mut self, text: &str) {
        let mut rules: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let (code, comment) = line.split_at(comment_at(line));
            if let Some((name, begin)) = code.split_once('=').filter(|_| !line.starts_with([' ', ';'])) {
                rules.push((name.trim().to_owned(), begin.to_owned()));
            } else if let Some((name, rule)) = rules.last_mut() {
                rule.push_str(&format!(" {code}"));
                if comment.contains("limit:") {
                    self.limited.insert(name.clone());
                }
            }
        }
        for (name, rule) in rules {
            let node = Tokens { name: &name, rest: &rule }.whole();
            assert!(self.rules.insert(name.clone(), node).is_none(), "the rule {name} is there twice");
        }
    }

    /// The rules that an alternative of rules offers.
    pub(crate) fn offered(&self, rule: &str) -> Vec<String> {
        let Some(Node::Either(nodes)) = self.rules.get(rule) else { panic!("{rule} offers nothing") };
        let name = |node: &Node| match node {
            Node::Rule(name) => name.clone(),
            other => panic!("{rule} offers {other:?}, which is no rule"),
        };
        nodes.iter().map(name).collect()
    }
}

/// Where the comment of a line begins: at a semicolon that is in no string.
fn comment_at(line: &str) -> usize {
    let mut quoted = false;
    let begins = |(_, c): &(usize, char)| {
        quoted ^= *c == '"';
        *c == ';' && !quoted
    };
    line.char_indices().find(begins).map_or(line.len(), |(at, _)| at)
}

/// The rules that a node names.
pub(crate) fn names(node: &Node) -> Vec<&String> {
    match node {
        Node::Either(nodes) | Node::Each(nodes) => nodes.iter().flat_map(names).collect(),
        Node::Times(_, _, node) => names(node),
        Node::Rule(name) => vec![name],
        Node::Text(..) | Node::Range(..) => Vec::new(),
    }
}

/// The rest of a rule's right side.
struct Tokens<'a> {
    name: &'a str,
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn whole(mut self) -> Node {
        let node = self.either();
        assert!(self.rest.is_empty(), "{}: cannot read {:?}", self.name, self.rest);
        node
    }

    fn takes(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn either(&mut self) -> Node {
        let mut nodes = vec![self.each()];
        while self.takes('/') {
            nodes.push(self.each());
        }
        if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) }
    }

    fn each(&mut self) -> Node {
        let mut nodes = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() || self.rest.starts_with(['/', ')', ']']) {
                break;
            }
            nodes.push(self.repeated());
        }
        assert!(!nodes.is_empty(), "{}: nothing before {:?}", self.name, self.rest);
        if nodes.len() == 1 { nodes.remove(0) } else { Node::Each(nodes) }
    }

    fn repeated(&mut self) -> Node {
        let least = self.number();
        if self.rest.starts_with('*') {
            self.rest = self.rest.trim_start_matches('*');
            let most = self.number();
            return Node::Times(least.unwrap_or(0), most, Box::new(self.element()));
        }
        match least {
            Some(n) => Node::Times(n, Some(n), Box::new(self.element())),
            None => self.element(),
        }
    }

    fn number(&mut self) -> Option<usize> {
        self.while_true(|c| c.is_ascii_digit()).parse().ok()
    }

    fn while_true(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn element(&mut self) -> Node {
        if self.takes('(') {
            let node = self.either();
            assert!(self.takes(')'), "{}: no ) before {:?}", self.name, self.rest);
            return node;
        }
        if self.takes('[') {
            let node = self.either();
            assert!(self.takes(']'), "{}: no ] before {:?}", self.name, self.rest);
            return Node::Times(0, Some(1), Box::new(node));
        }
        if let Some(rest) = self.rest.strip_prefix("%x") {
            self.rest = rest;
            return self.codes();
        }
        let any_case = !self.rest.starts_with("%s");
        self.rest = self.rest.strip_prefix("%s").unwrap_or(self.rest);
        if self.takes('"') {
            let text = self.while_true(|c| c != '"').as_bytes().to_vec();
            assert!(self.takes('"'), "{}: a string without end", self.name);
            return Node::Text(text, any_case);
        }
        let name = self.while_true(|c| c.is_ascii_alphanumeric() || c == '-');
        assert!(!name.is_empty(), "{}: cannot read {:?}", self.name, self.rest);
        Node::Rule(name.to_owned())
    }

    /// `%x21-5A` or `%xEF.BB.BF`
    fn codes(&mut self) -> Node {
        let text = self.while_true(|c| c.is_ascii_hexdigit() || c == '-' || c == '.');
        let code = |text: &str| u8::from_str_radix(text, 16).unwrap_or_else(|e| panic!("{}: {text}: {e}", self.name));
        match text.split_once('-') {
            Some((low, high)) => Node::Range(code(low), code(high)),
            None => Node::Text(text.split('.').map(code).collect(), false),
        }
    }
}

/// What a rule's limit is: which of its texts are inside, and some at its edge.
pub(crate) struct Limit {
    pub(crate) holds: fn(&[u8]) -> bool,
    pub(crate) edges: &'static [&'static str],
}

/// Makes texts out of rules.
pub(crate) struct Maker<'a> {
    pub(crate) abnf: &'a Abnf,
    pub(crate) limits: &'a BTreeMap<&'static str, Limit>,
    /// Rules of which another one, or one of some texts, is to stand in the place.
    pub(crate) instead: BTreeMap<&'static str, Node>,
    pub(crate) dice: Dice,
}

impl Maker<'_> {
    /// A number from 0 to `n`.
    pub(crate) fn up_to(&mut self, n: usize) -> usize {
        (self.dice.next() >> 11) as usize % (n + 1)
    }

    /// A text of a rule.
    pub(crate) fn rule(&mut self, name: &str) -> Vec<u8> {
        let (abnf, limits) = (self.abnf, self.limits);
        let node = self.instead.get(name).or_else(|| abnf.rules.get(name)).cloned();
        let node = node.unwrap_or_else(|| panic!("no rule is called {name}"));
        let limit = limits.get(name).filter(|_| !self.instead.contains_key(name));
        if let Some(edges) = limit.map(|l| l.edges).filter(|edges| !edges.is_empty())
            && self.up_to(3) == 0
        {
            let edge = self.up_to(edges.len() - 1);
            return edges[edge].as_bytes().to_vec();
        }
        for _ in 0..100_000 {
            let mut text = Vec::new();
            self.node(&node, &mut text);
            if limit.is_none_or(|l| (l.holds)(&text)) {
                return text;
            }
        }
        panic!("no text of {name} is within its limit");
    }

    fn node(&mut self, node: &Node, text: &mut Vec<u8>) {
        match node {
            Node::Either(nodes) => {
                let one = self.up_to(nodes.len() - 1);
                self.node(&nodes[one], text);
            }
            Node::Each(nodes) => nodes.iter().for_each(|node| self.node(node, text)),
            Node::Times(least, most, node) => {
                for _ in 0..self.times(*least, *most) {
                    self.node(node, text);
                }
            }
            Node::Text(bytes, any_case) => {
                let upper = *any_case && self.up_to(1) == 0;
                let mixed = |b: &u8| if *any_case && upper { b.to_ascii_uppercase() } else { *b };
                let lower = |b: &u8| if *any_case && !upper { b.to_ascii_lowercase() } else { mixed(b) };
                text.extend(bytes.iter().map(lower));
            }
            Node::Range(low, high) => text.push(self.byte(*low, *high)),
            Node::Rule(name) => {
                let part = self.rule(name);
                text.extend(part);
            }
        }
    }

    /// Seldom many; now and then the least or the most.
    fn times(&mut self, least: usize, most: Option<usize>) -> usize {
        let mut n = least;
        let more = if self.up_to(15) == 0 { 30 } else { 6 };
        n += self.up_to(more);
        most.map_or(n, |most| if n > most { least + self.up_to(most - least) } else { n })
    }

    /// Of a wide range rather a letter or a digit than any byte.
    fn byte(&mut self, low: u8, high: u8) -> u8 {
        for _ in 0..8 {
            let byte = low + self.up_to(usize::from(high - low)) as u8;
            if byte.is_ascii_graphic() || self.up_to(3) == 0 {
                return byte;
            }
        }
        low + self.up_to(usize::from(high - low)) as u8
    }
}
