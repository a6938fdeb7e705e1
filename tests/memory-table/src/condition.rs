//! DynamoDB's condition and update expressions, as far as the ledger writes them. What is not understood here
//! stops the test: a condition that is guessed proves nothing.

use std::cmp::Ordering;

use gamma_cloud::table::{AttributeValue, Expression, Item};

/// A condition, understood.
#[derive(Debug)]
pub(crate) enum Condition {
    Exists(String),
    Compare(Operand, Comparator, Operand),
    In(Operand, Vec<Operand>),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Comparator {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// An attribute of the item, or a value sent with the expression.
#[derive(Debug)]
pub(crate) enum Operand {
    Attribute(String),
    Value(String),
    /// The attribute, or the other operand where there is none.
    IfNotExists(String, Box<Self>),
    Sum(Box<Self>, Box<Self>),
}

/// The assignments of an update.
pub(crate) type Assignments = Vec<(String, Operand)>;

impl Operand {
    fn of(&self, item: &Item, expression: &Expression) -> Option<AttributeValue> {
        match self {
            Self::Attribute(name) => item.get(name).cloned(),
            Self::Value(name) => Some(
                expression
                    .value(name)
                    .unwrap_or_else(|| panic!("no value for {name} in {}", expression.text()))
                    .clone(),
            ),
            Self::IfNotExists(name, other) => item.get(name).cloned().or_else(|| other.of(item, expression)),
            Self::Sum(one, two) => match (one.of(item, expression), two.of(item, expression)) {
                (Some(AttributeValue::N(one)), Some(AttributeValue::N(two))) => {
                    Some(AttributeValue::N((whole(&one) + whole(&two)).to_string()))
                }
                (one, two) => panic!("{one:?} + {two:?} in {}", expression.text()),
            },
        }
    }
}

/// The ledger's numbers are whole.
fn whole(digits: &str) -> i128 {
    digits.parse().unwrap_or_else(|_| panic!("{digits} is no whole number"))
}

impl Condition {
    /// Whether it holds for `item`; one that does not exist has no attributes.
    pub(crate) fn holds(&self, item: &Item, expression: &Expression) -> bool {
        match self {
            Self::Exists(name) => item.contains_key(name),
            Self::Compare(one, comparator, two) => {
                compare(one.of(item, expression).as_ref(), *comparator, two.of(item, expression).as_ref())
            }
            Self::In(one, many) => many.iter().any(|two| {
                compare(
                    one.of(item, expression).as_ref(),
                    Comparator::Equal,
                    two.of(item, expression).as_ref(),
                )
            }),
            Self::Not(inner) => !inner.holds(item, expression),
            Self::All(parts) => parts.iter().all(|part| part.holds(item, expression)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item, expression)),
        }
    }
}

/// Values of different types have no order; what does not exist equals nothing.
fn compare(one: Option<&AttributeValue>, comparator: Comparator, two: Option<&AttributeValue>) -> bool {
    let order = match (one, two) {
        (Some(AttributeValue::N(one)), Some(AttributeValue::N(two))) => Some(whole(one).cmp(&whole(two))),
        (Some(AttributeValue::S(one)), Some(AttributeValue::S(two))) => Some(one.cmp(two)),
        (Some(one), Some(two)) if one == two => Some(Ordering::Equal),
        _ => None,
    };
    match comparator {
        Comparator::Equal => order == Some(Ordering::Equal),
        Comparator::Differs => order != Some(Ordering::Equal),
        Comparator::Less => order == Some(Ordering::Less),
        Comparator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparator::More => order == Some(Ordering::Greater),
        Comparator::MoreOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// The item after an update.
pub(crate) fn assigned(item: &Item, assignments: &Assignments, expression: &Expression) -> Item {
    let mut changed = item.clone();
    for (name, operand) in assignments {
        // Every operand is read from the item as it stood before.
        let value = operand.of(item, expression).unwrap_or_else(|| {
            panic!("{name} is set from an attribute that is not there: {}", expression.text())
        });
        changed.insert(name.clone(), value);
    }
    changed
}

/// Reads a condition. DynamoDB binds NOT closer than AND, and AND closer than OR.
pub(crate) fn condition(text: &str) -> Condition {
    let mut reader = Reader::of(text);
    let read = reader.any();
    reader.end();
    read
}

/// Reads an update expression: one SET clause.
pub(crate) fn assignments(text: &str) -> Assignments {
    let mut reader = Reader::of(text);
    reader.expect("SET");
    let mut read = Vec::new();
    loop {
        let name = reader.name();
        reader.expect("=");
        let operand = reader.operand();
        let operand = if reader.takes("+") {
            Operand::Sum(Box::new(operand), Box::new(reader.operand()))
        } else {
            operand
        };
        read.push((name, operand));
        if !reader.takes(",") {
            break;
        }
    }
    reader.end();
    read
}

struct Reader<'a> {
    text: &'a str,
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn of(text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let two = rest.get(..2).filter(|two| matches!(*two, "<=" | ">=" | "<>"));
            let word = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':')))
                .unwrap_or(rest.len());
            let length = two.map_or(if word == 0 { 1 } else { word }, str::len);
            words.push(&rest[..length]);
            rest = rest[length..].trim_start();
        }
        Self { text, words, at: 0 }
    }

    fn peek(&self) -> &'a str {
        self.words.get(self.at).copied().unwrap_or("")
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn takes(&mut self, word: &str) -> bool {
        let there = self.peek() == word;
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, word: &str) {
        assert!(self.takes(word), "got {:?}, expected {word} in {}", self.peek(), self.text);
    }

    fn end(&self) {
        assert!(self.at == self.words.len(), "got {:?}, expected the end of {}", self.peek(), self.text);
    }

    fn name(&mut self) -> String {
        let word = self.next();
        word.strip_prefix('#')
            .unwrap_or_else(|| panic!("got {word:?}, expected a #name in {}", self.text))
            .to_owned()
    }

    fn any(&mut self) -> Condition {
        let mut parts = vec![self.all()];
        while self.takes("OR") {
            parts.push(self.all());
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Condition::Any(parts) }
    }

    fn all(&mut self) -> Condition {
        let mut parts = vec![self.one()];
        while self.takes("AND") {
            parts.push(self.one());
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Condition::All(parts) }
    }

    fn one(&mut self) -> Condition {
        if self.takes("NOT") {
            return Condition::Not(Box::new(self.one()));
        }
        if self.takes("(") {
            let inner = self.any();
            self.expect(")");
            return inner;
        }
        let exists = self.takes("attribute_exists");
        if exists || self.takes("attribute_not_exists") {
            self.expect("(");
            let condition = Condition::Exists(self.name());
            self.expect(")");
            return if exists { condition } else { Condition::Not(Box::new(condition)) };
        }
        let one = self.operand();
        if self.takes("IN") {
            self.expect("(");
            let mut many = vec![self.operand()];
            while self.takes(",") {
                many.push(self.operand());
            }
            self.expect(")");
            return Condition::In(one, many);
        }
        let comparator = match self.next() {
            "=" => Comparator::Equal,
            "<>" => Comparator::Differs,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::More,
            ">=" => Comparator::MoreOrEqual,
            other => panic!("got {other:?}, expected a comparison in {}", self.text),
        };
        Condition::Compare(one, comparator, self.operand())
    }

    fn operand(&mut self) -> Operand {
        let word = self.next();
        if word == "if_not_exists" {
            self.expect("(");
            let name = self.name();
            self.expect(",");
            let other = self.operand();
            self.expect(")");
            return Operand::IfNotExists(name, Box::new(other));
        }
        if let Some(name) = word.strip_prefix('#') {
            return Operand::Attribute(name.to_owned());
        }
        assert!(word.starts_with(':'), "got {word:?}, expected a #name or a :value in {}", self.text);
        Operand::Value(word.to_owned())
    }
}
