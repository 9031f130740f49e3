//! Reading a marker.

use std::str::FromStr;

use super::Marker;
use super::expression::{Comparison, Expression, Operator, SYMBOLS, Variable};
use crate::installer::requirement::InvalidRequirement;
use crate::installer::requirement::cursor::Cursor;
use crate::installer::requirement::names::normalised;

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 100;

enum Side {
    Variable(Variable),
    Value(String),
}

impl Marker {
    /// Reads a marker as far as it goes.
    pub(in crate::installer::requirement) fn read(cursor: &mut Cursor<'_>) -> Result<Self, InvalidRequirement> {
        any(cursor, 0).map(Self)
    }
}

impl FromStr for Marker {
    type Err = InvalidRequirement;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut cursor = Cursor::new(text)?;
        let marker = Self::read(&mut cursor)?;
        cursor.end("has something behind the marker: `and` or `or` is needed between comparisons")?;
        Ok(marker)
    }
}

fn any(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, InvalidRequirement> {
    let mut parts = vec![all(cursor, depth)?];
    while eat_word(cursor, "or") {
        parts.push(all(cursor, depth)?);
    }
    Ok(Expression::any(parts))
}

fn all(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, InvalidRequirement> {
    let mut parts = vec![atom(cursor, depth)?];
    while eat_word(cursor, "and") {
        parts.push(atom(cursor, depth)?);
    }
    Ok(Expression::all(parts))
}

fn atom(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, InvalidRequirement> {
    cursor.skip_blanks();
    let opened = cursor.at();
    if !cursor.eat("(") {
        return comparison(cursor);
    }
    if depth == DEEPEST {
        return Err(cursor.error_at(opened, "has too many parentheses in each other"));
    }
    let inside = any(cursor, depth + 1)?;
    cursor.skip_blanks();
    if !cursor.eat(")") {
        return Err(cursor.error_at(opened, "has a parenthesis that is not closed"));
    }
    cursor.skip_blanks();
    Ok(inside)
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Expression, InvalidRequirement> {
    let start = cursor.at();
    let left = side(cursor)?;
    let operator_at = cursor.at();
    let operator = operator(cursor)?;
    let right = side(cursor)?;
    let (variable, mut value, is_reversed) = match (left, right) {
        (Side::Variable(variable), Side::Value(value)) => (variable, value, false),
        (Side::Value(value), Side::Variable(variable)) => (variable, value, true),
        _ => {
            return Err(cursor.error_at(start, "needs a variable on one side of a comparison, and a text on the other"));
        }
    };
    if variable.is_set() && !(is_reversed && matches!(operator, Operator::In | Operator::NotIn)) {
        let reason = "can only ask whether something is `in` the extras or the dependency groups";
        return Err(cursor.error_at(operator_at, reason));
    }
    if variable.is_set() || variable == Variable::Extra {
        value = normalised(&value);
    }
    Ok(Expression::Compare(Comparison { variable, operator, value, is_reversed }))
}

fn side(cursor: &mut Cursor<'_>) -> Result<Side, InvalidRequirement> {
    cursor.skip_blanks();
    let start = cursor.at();
    let side = if let Some(quote @ ('"' | '\'')) = cursor.peek() {
        cursor.eat(quote.encode_utf8(&mut [0; 4]));
        let value = cursor.take_while(|character| character != quote);
        if !cursor.eat(quote.encode_utf8(&mut [0; 4])) {
            return Err(cursor.error_at(start, "has a quote that is not closed"));
        }
        if value.contains(|character: char| character == '\\' || character.is_control()) {
            return Err(cursor.error_at(start, "has a backslash or a control character in quotes"));
        }
        Side::Value(value.to_owned())
    } else {
        let name = cursor.word();
        let variable = Variable::named(name);
        cursor.eat(name);
        Side::Variable(variable.ok_or_else(|| cursor.error_at(start, "needs a marker variable or a quoted text"))?)
    };
    cursor.skip_blanks();
    Ok(side)
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Operator, InvalidRequirement> {
    if let Some((_, operator)) = SYMBOLS.iter().find(|(symbol, _)| cursor.eat(symbol)) {
        return Ok(*operator);
    }
    if eat_word(cursor, "in") {
        return Ok(Operator::In);
    }
    if eat_word(cursor, "not") && eat_word(cursor, "in") {
        return Ok(Operator::NotIn);
    }
    Err(cursor.error("needs an operator: <, <=, ==, !=, >=, >, ~=, ===, in, not in"))
}

/// Goes past a word, which must end there, and the blanks before it.
fn eat_word(cursor: &mut Cursor<'_>, word: &str) -> bool {
    let start = cursor.at();
    cursor.skip_blanks();
    let is_here = cursor.word() == word && cursor.eat(word);
    if !is_here {
        cursor.back_to(start);
    }
    is_here
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        for (text, expected) in [
            ("os.name=='posix'", "os_name == \"posix\""),
            ("python_implementation == 'PyPy'", "platform_python_implementation == \"PyPy\""),
            ("'3.8'<=python_version", "\"3.8\" <= python_version"),
            ("sys_platform not   in \"a 'b'\"", "sys_platform not in \"a 'b'\""),
            ("os_name == 'a\"b'", "os_name == 'a\"b'"),
            ("(((os_name == 'a')))", "os_name == \"a\""),
            (
                "os_name=='a' or os_name=='b' and(extra=='C.d'or extra=='e')",
                "os_name == \"a\" or os_name == \"b\" and (extra == \"c-d\" or extra == \"e\")",
            ),
            (
                "(os_name=='a' and os_name=='b') and os_name=='c'",
                "os_name == \"a\" and os_name == \"b\" and os_name == \"c\"",
            ),
            ("'Dev' in dependency_groups", "\"dev\" in dependency_groups"),
            ("'x' not in extras", "\"x\" not in extras"),
            ("python_version === '3'", "python_version === \"3\""),
        ] {
            let marker: Marker = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(marker.to_string(), expected, "{text}");
            assert_eq!(expected.parse(), Ok(marker), "{text}");
        }
    }

    #[test]
    fn what_is_refused_says_where() {
        let deep = format!("{}os_name == 'a'{}", "(".repeat(101), ")".repeat(101));
        for (text, at, reason) in [
            ("", 1, "needs a marker variable"),
            ("os_name", 8, "needs an operator"),
            ("os_name = 'a'", 9, "needs an operator"),
            ("os_nam == 'a'", 1, "needs a marker variable"),
            ("os_name == 'a", 12, "a quote that is not closed"),
            ("os_name == 'a\\n'", 12, "a backslash"),
            ("os_name == sys_platform", 1, "a variable on one side"),
            ("'a' == 'b'", 1, "a variable on one side"),
            ("extras == 'a'", 8, "can only ask"),
            ("'a' == extras", 5, "can only ask"),
            ("(os_name == 'a'", 1, "a parenthesis"),
            ("os_name == 'a' extra == 'b'", 16, "`and` or `or`"),
            ("os_name == 'a' and", 19, "needs a marker variable"),
            ("é == 'a'", 1, "needs a marker variable"),
            ("os_name not 'a'", 12, "needs an operator"),
            (&deep, 101, "too many parentheses"),
        ] {
            let error = text.parse::<Marker>().unwrap_err();
            assert!(error.at() == at && error.reason().contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in "\\PC{0,40}", near in "(os_name|extra|extras|python_version| in | not |==|<|~=|'a'|\"3.8\"| and | or |\\(|\\)| ){0,14}") {
            for text in [&noise, &near] {
                if let Ok(marker) = text.parse::<Marker>() {
                    prop_assert_eq!(marker.to_string().parse(), Ok(marker));
                }
            }
        }
    }
}
